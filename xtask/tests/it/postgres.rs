//! The throw-away server: there while its owner is, gone when its owner is gone.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// The program itself, with a server, waiting.
fn owner() -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("postgres")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("has an output"))
        .read_line(&mut line)
        .expect("prints a line");
    let url = line
        .split('\'')
        .nth(1)
        .expect("prints the address")
        .to_owned();
    (child, url)
}

fn address(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("has a host");
    rest.split('/').next().expect("has a host")
}

#[test]
fn a_killed_owner_leaves_no_server_behind() {
    let (mut child, url) = owner();
    assert!(url.starts_with("postgres://stint:"), "{url}");
    assert!(TcpStream::connect(address(&url)).is_ok());
    // As the kernel does it when memory runs out: no chance to clean up.
    child.kill().expect("can be killed");
    child.wait().expect("ends");
    let gone = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        TcpStream::connect(address(&url)).is_err()
    });
    assert!(gone, "the server still answers at {url}");
}

#[test]
fn a_command_gets_the_address_and_its_exit_code_is_ours() {
    let out = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args([
            "postgres",
            "--",
            "sh",
            "-c",
            "echo \"$STINT_TEST_POSTGRES_URL\"; exit 7",
        ])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(7), "{said}");
    let url = said.trim();
    assert!(url.starts_with("postgres://stint:"), "{url}");
    assert!(TcpStream::connect(address(url)).is_err(), "it is gone");
}
