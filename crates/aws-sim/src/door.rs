//! Connections: how many there may be, and how one ends that is to end badly.
//!
//! What it does not do: look into what is said on them, but for waiting until somebody who is one
//! too many has said something, so that the answer is not taken for one to nothing.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sim::Sim;

/// How many of those that are one too many are told so at once; the rest is only closed.
const TOLD_AT_ONCE: usize = 64;

/// For how long somebody who is one too many is listened to.
const PATIENCE: Duration = Duration::from_secs(2);

const ONE_TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 21\r\nconnection: close\r\n\r\nToo many connections\n";

/// Lets connections in, as many as there may be.
#[derive(Debug)]
pub(crate) struct Door {
    sim: Sim,
    listener: TcpListener,
    /// Cloned once for each open connection.
    open: Arc<()>,
    told: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new(sim: Sim, listener: TcpListener) -> Self {
        Self {
            sim,
            listener,
            open: Arc::new(()),
            told: Arc::new(Semaphore::new(TOLD_AT_ONCE)),
        }
    }
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let (stream, address) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(broken) => {
                    let gone = [
                        io::ErrorKind::ConnectionAborted,
                        io::ErrorKind::ConnectionReset,
                    ];
                    if !gone.contains(&broken.kind()) {
                        // Out of file descriptors, as a rule: somebody may close one.
                        pause().await;
                    }
                    continue;
                }
            };
            if Arc::strong_count(&self.open) > self.sim.connections() {
                if let Ok(place) = Arc::clone(&self.told).try_acquire_owned() {
                    tokio::spawn(turn_away(stream, place));
                }
                continue;
            }
            // Small answers do not wait for company.
            let _ = stream.set_nodelay(true);
            let line = Line {
                stream,
                reset: Arc::new(AtomicBool::new(false)),
                _open: Arc::clone(&self.open),
            };
            return (line, address);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Says 503 to whoever is one too many, and closes.
async fn turn_away(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    let told = async {
        let mut said = [0; 4096];
        // Not before they have said something, and not without hearing them out: else their
        // system throws the answer away.
        if stream.read(&mut said).await? > 0 {
            stream.write_all(ONE_TOO_MANY).await?;
            stream.shutdown().await?;
            while stream.read(&mut said).await? > 0 {}
        }
        io::Result::Ok(())
    };
    // Whatever goes wrong, the connection ends here.
    let _ = tokio::time::timeout(PATIENCE, told).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the machine has run out of something: real time has to pass"
)]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
    _open: Arc<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.reset.load(SeqCst) {
            // Closed without a farewell: the other side sees a reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Who is at the other end of a connection, and how to hang up on them.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    reset: Arc<AtomicBool>,
}

impl Peer {
    /// When the connection ends, it is reset.
    pub(crate) fn hang_up(&self) {
        self.reset.store(true, SeqCst);
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self {
            address: *stream.remote_addr(),
            reset: Arc::clone(&stream.io().reset),
        }
    }
}
