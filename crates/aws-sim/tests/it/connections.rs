//! More connections than there may be, and what becomes of the others.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::control::ask;
use crate::rig::{Rig, small};

/// A connection with nothing said on it yet.
async fn connect(rig: &Rig) -> TcpStream {
    TcpStream::connect(rig.address()).await.expect("accepted")
}

/// One call on a connection that is kept; the status, or nothing where it was ended.
async fn call(rig: &Rig, stream: &mut TcpStream) -> Option<String> {
    let request = format!(
        "GET /_sim/clock HTTP/1.1\r\nHost: {}\r\n\r\n",
        rig.address()
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut byte = [0];
    // The body is one line, and the only one that ends so.
    while !answer.ends_with(b"}\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            break;
        }
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).expect("UTF-8");
    answer.split(' ').nth(1).map(str::to_owned)
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_the_others_go_on() {
    let rig = Rig::over_tcp(small()).await;
    let (_, knobs) = ask(&rig, "GET /_sim/knobs", "").await;
    assert_eq!(knobs["connections"], 1_024);
    rig.sim.knobs(|knobs| knobs.connections = 3);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&rig).await;
        assert_eq!(call(&rig, &mut stream).await.as_deref(), Some("200"));
        open.push(stream);
    }
    for _ in 0..5 {
        let mut late = connect(&rig).await;
        let request = format!(
            "GET /_sim/clock HTTP/1.1\r\nHost: {}\r\n\r\n",
            rig.address()
        );
        late.write_all(request.as_bytes()).await.unwrap();
        // All there is, up to the end: it was closed.
        let mut answer = String::new();
        let end = tokio::time::timeout(Duration::from_secs(10), late.read_to_string(&mut answer));
        end.await.expect("closed").unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with("\r\n\r\nToo many connections\n"),
            "{answer}"
        );
        for stream in &mut open {
            assert_eq!(call(&rig, stream).await.as_deref(), Some("200"));
        }
    }
    // The SDK sees a service that is not there.
    let refused = rig.admin().sts.get_caller_identity().send().await;
    let status = refused
        .unwrap_err()
        .raw_response()
        .map(|it| it.status().as_u16());
    assert_eq!(status, Some(503));
    // Where one goes, another may come.
    open.pop();
    let mut tries = 0;
    loop {
        let mut next = connect(&rig).await;
        if call(&rig, &mut next).await.as_deref() == Some("200") {
            break;
        }
        tries += 1;
        assert!(tries < 1_000, "the place never became free");
    }
}
