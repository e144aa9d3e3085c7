//! The way in through a socket: one port for every service and account.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::control;
use crate::sim::{Outcome, Sim};

/// The longest request read; AWS's own limits are far below.
const LONGEST_BODY: usize = 1 << 20;

impl Sim {
    /// Everything as one router. Behind any other server than [`Sim::serve`] a lost reply
    /// shows as a broken body, and the control paths stay closed.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Serves until dropped. Fails only if the socket does.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        self.serve_until(listener, std::future::pending()).await
    }

    /// Serves until `shutdown` is ready, then lets open calls finish.
    pub async fn serve_until(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let app = self.router().into_make_service_with_connect_info::<Peer>();
        axum::serve(Cutting(listener), app)
            .with_graceful_shutdown(shutdown)
            .await
    }
}

async fn answer(State(sim): State<Sim>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = parts
        .extensions
        .get::<ConnectInfo<Peer>>()
        .map(|ConnectInfo(peer)| peer);
    let Ok(body) = axum::body::to_bytes(body, LONGEST_BODY).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "Request body too large\n").into_response();
    };
    if parts.uri.path().starts_with("/_sim/") {
        let host = parts
            .headers
            .get(header::HOST)
            .and_then(|value| value.to_str().ok());
        if !peer.is_some_and(|peer| peer.address.ip().is_loopback())
            || !host.is_some_and(is_loopback)
        {
            return StatusCode::NOT_FOUND.into_response();
        }
        return control::answer(&sim, &parts, &body);
    }
    if parts.method != axum::http::Method::POST || parts.uri.path() != "/" {
        // What AWS answers where it expects POST /.
        return (StatusCode::NOT_FOUND, "<UnknownOperationException/>\n").into_response();
    }
    match sim.exchange(&parts.headers, &body).await {
        Outcome::Reply(reply) => reply.into_http(),
        Outcome::Lost => {
            if let Some(peer) = peer {
                peer.cut.store(true, Ordering::SeqCst);
            }
            // Never arrives behind `serve`, which breaks the connection at the first byte;
            // elsewhere the body breaks.
            let broken = futures::stream::once(std::future::ready(Err::<Bytes, _>(
                io::Error::from(io::ErrorKind::ConnectionReset),
            )));
            Response::new(Body::from_stream(broken))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// Who is at the other end, and the switch that breaks the connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    cut: Arc<AtomicBool>,
}

impl Connected<IncomingStream<'_, Cutting>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Cutting>) -> Self {
        Peer {
            address: *stream.remote_addr(),
            cut: stream.io().cut.clone(),
        }
    }
}

/// A listener whose connections can be broken from inside a handler.
struct Cutting(TcpListener);

impl Listener for Cutting {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (
            Wire {
                stream,
                cut: Arc::new(AtomicBool::new(false)),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct Wire {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
}

impl Wire {
    fn whole(&self) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
