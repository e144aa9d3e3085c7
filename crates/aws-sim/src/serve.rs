//! The way in through a socket: one port for every service and account.

use std::future::Future;
use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use tokio::net::TcpListener;

use crate::control;
use crate::door::{Door, Peer};
use crate::pages::{self, Page};
use crate::sim::{Outcome, Sim};
use crate::wire::{Incoming, is_rest_operation, is_scim_path};

/// The longest request read: a message of SQS may have a mebibyte, of which JSON makes up to three
/// times as much.
const LONGEST_BODY: usize = 8 << 20;

impl Sim {
    /// Everything as one router. The control paths answer only where the server tells who
    /// the peer is (`into_make_service_with_connect_info::<SocketAddr>`), as [`Sim::serve`]
    /// does.
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
        axum::serve(Door::new(self.clone(), listener), app)
            .with_graceful_shutdown(shutdown)
            .await
    }
}

async fn answer(State(sim): State<Sim>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_BODY).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "Request body too large\n").into_response();
    };
    if control::is_path(parts.uri.path()) {
        return control::answer(&sim, &parts, &body);
    }
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let host = parts.uri.host().or_else(|| {
        let host = parts.headers.get(header::HOST);
        host.and_then(|value| value.to_str().ok())
    });
    if pages::is_page(method, path, host.unwrap_or_default()) {
        let query = parts.uri.query().unwrap_or("");
        return match sim.page([method, path, query], &body) {
            Page::Shown(status, text) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
                (status, Html(text)).into_response()
            }
            Page::Elsewhere(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        };
    }
    let elsewhere = is_rest_operation(method, path) || is_scim_path(path);
    if (parts.method != Method::POST || path != "/") && !elsewhere {
        // What AWS answers where it expects POST /.
        return (StatusCode::NOT_FOUND, "<UnknownOperationException/>\n").into_response();
    }
    let mut headers = parts.headers;
    let authority = parts.uri.authority().map(|known| known.as_str());
    if let Some(host) = authority.and_then(|host| header::HeaderValue::from_str(host).ok()) {
        // HTTP/2 has no such header.
        headers.entry(header::HOST).or_insert(host);
    }
    let incoming = Incoming {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers: &headers,
        body: &body,
    };
    match sim.exchange(&incoming).await {
        Outcome::Reply(reply) => reply.into_http(),
        broken @ (Outcome::Lost | Outcome::Reset) => {
            let peer = parts.extensions.get::<ConnectInfo<Peer>>();
            if let (Outcome::Reset, Some(ConnectInfo(peer))) = (broken, peer) {
                peer.hang_up();
            }
            // A body that fails before its first byte: the server drops the connection
            // without sending even the status line.
            let broken = futures::stream::once(std::future::ready(Err::<Bytes, _>(
                io::Error::from(io::ErrorKind::ConnectionReset),
            )));
            Response::new(Body::from_stream(broken))
        }
    }
}
