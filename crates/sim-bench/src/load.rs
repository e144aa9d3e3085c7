//! The second process: sends signed requests over so many connections, for so long, or until
//! none is left.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::now;
use crate::signed::Signed;

/// What the second process is called by.
pub(crate) const CHILD: &str = "load-in-this-process";

/// How many callers there are at once.
pub(crate) const CONNECTIONS: usize = 32;

/// Whether the requests are sent once each, or again and again for so long.
#[derive(Debug, Clone, Copy)]
pub(crate) enum For {
    OnceEach,
    Seconds(u64),
}

/// Has another process send these; says how many were answered each second.
pub(crate) fn from_outside(address: &str, all: &[Signed], time: For) -> Result<f64> {
    let seconds = match time {
        For::OnceEach => 0,
        For::Seconds(seconds) => seconds,
    };
    let mut child = Command::new(std::env::current_exe()?)
        .args([CHILD, address, &seconds.to_string()])
        .arg(CONNECTIONS.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut into = child.stdin.take().context("a way in")?;
    for signed in all {
        let raw = signed.raw();
        into.write_all(&u32::try_from(raw.len())?.to_be_bytes())?;
        into.write_all(&raw)?;
    }
    drop(into);
    let out = child.wait_with_output()?;
    let said: Value = serde_json::from_slice(&out.stdout).context("what the load says")?;
    let number = |name: &str| said[name].as_f64().context("a number");
    ensure!(said["refused"] == 0, "every call is taken: {said}");
    Ok(number("answered")? / number("seconds")?)
}

/// Reads requests, sends them, says how many were answered and in which time.
pub(crate) fn run(address: &str, seconds: u64, connections: usize) -> Result<()> {
    let mut all = Vec::new();
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (raw, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
        all.push(raw.to_vec());
        rest = tail;
    }
    let time = match seconds {
        0 => For::OnceEach,
        seconds => For::Seconds(seconds),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(send(address, Arc::new(all), time, connections))
}

async fn send(address: &str, all: Arc<Vec<Vec<u8>>>, time: For, connections: usize) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let mut at_work = JoinSet::new();
    let began = now();
    for (first, mut stream) in streams.into_iter().enumerate() {
        let all = Arc::clone(&all);
        at_work.spawn(async move {
            let (mut answered, mut refused) = (0_u64, 0_u64);
            let mut buffer = vec![0; 1 << 17];
            let mut mine = (first..all.len()).step_by(connections);
            loop {
                let next = match time {
                    For::OnceEach => mine.next(),
                    For::Seconds(seconds) if began.elapsed() >= Duration::from_secs(seconds) => {
                        None
                    }
                    For::Seconds(_) => mine.next().or_else(|| {
                        mine = (first..all.len()).step_by(connections);
                        mine.next()
                    }),
                };
                let Some(next) = next else {
                    return Ok((answered, refused));
                };
                match ask(&mut stream, &all[next], &mut buffer).await? {
                    true => answered += 1,
                    false => refused += 1,
                }
            }
        });
    }
    let (mut answered, mut refused) = (0, 0);
    while let Some(done) = at_work.join_next().await {
        let done: Result<(u64, u64)> = done?;
        let (fine, wrong) = done?;
        answered += fine;
        refused += wrong;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({ "answered": answered, "refused": refused, "seconds": seconds })
    );
    Ok(())
}

/// One call; whether it was taken.
async fn ask(stream: &mut TcpStream, raw: &[u8], buffer: &mut [u8]) -> Result<bool> {
    stream.write_all(raw).await?;
    let mut have = 0;
    loop {
        let more = stream.read(&mut buffer[have..]).await?;
        ensure!(more > 0, "the connection ended");
        have += more;
        let Some(end) = end_of_head(&buffer[..have]) else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..end])?;
        let length = head
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "));
        let whole = end + length.context("a length")?.parse::<usize>()?;
        let fine = head.starts_with("HTTP/1.1 200");
        // What follows is only counted.
        while have < whole {
            let room = buffer.len().min(whole - have + end);
            let more = stream.read(&mut buffer[end..room]).await?;
            ensure!(more > 0, "the connection ended");
            have += more;
        }
        return Ok(fine);
    }
}

/// Where the body begins.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}
