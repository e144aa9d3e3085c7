//! `stint sim`: what it does without being told, what its flags turn, and what it says to wrong
//! ones.

#![allow(clippy::panic)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A simulated AWS until it is dropped.
struct Simulator {
    child: Child,
    address: String,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sim(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stint"));
    command.args(["sim", "--port", "0"]).args(flags);
    command.stdin(Stdio::null());
    command
}

impl Simulator {
    fn with(flags: &[&str]) -> Simulator {
        let mut child = sim(flags)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let url = line.strip_prefix("AWS_ENDPOINT_URL=http://")?;
            Some(url.to_owned())
        });
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Simulator {
            child,
            address: address.expect("it says where it is"),
        }
    }

    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).unwrap_or_else(|e| panic!("no JSON ({e}): {body}"))
    }
}

#[test]
fn the_simulator_is_as_fast_as_aws_unless_told_otherwise() {
    let plain = Simulator::with(&[]).get("/_sim/knobs");
    let of_aws = json!({ "per_second": 20.0, "burst": 20 });
    assert_eq!(plain["throttling"]["on"], true);
    assert_eq!(plain["throttling"]["sso"], of_aws);
    assert_eq!(plain["connections"], 1_024);
    assert_eq!(plain["entity_lag_micros"], 0);
    let fast = Simulator::with(&["--no-throttling"]).get("/_sim/knobs");
    assert_eq!(fast["throttling"]["on"], false);
    let turned = Simulator::with(&[
        "--rate",
        "sso=0.5/4",
        "--rate",
        "sts=none",
        "--lag",
        "10",
        "--connections",
        "7",
        "--weather",
        "lose_after=0.02@iam:*",
        "--weather",
        "delay=0.1",
    ]);
    let knobs = turned.get("/_sim/knobs");
    let rate = json!({ "per_second": 0.5, "burst": 4 });
    assert_eq!(knobs["throttling"]["sso"], rate);
    assert_eq!(knobs["throttling"]["sts"], Value::Null);
    assert_eq!(knobs["connections"], 7);
    assert_eq!(knobs["read_lag_micros"], 10_000_000);
    assert_eq!(knobs["entity_lag_micros"], 10_000_000);
    let faults = turned.get("/_sim/faults");
    assert_eq!(faults["faults"][0]["operation"], "iam:*");
    assert_eq!(faults["faults"][1]["effect"], "delay");
}

#[test]
fn wrong_flags_of_the_simulator_say_what_to_write() {
    for (flags, words) in [
        (["--rate", "sso"], "write what it is for and how much"),
        (["--rate", "ec2=5"], "`ec2` has no rate"),
        (["--weather", "broken=2"], "odds are between 0"),
        (["--weather", "thunder=0.1"], "what happens is one of"),
    ] {
        let ended = sim(&flags).output().expect("it ends");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && said.contains(flags[0]), "{said}");
        assert!(ended.stdout.is_empty());
    }
}
