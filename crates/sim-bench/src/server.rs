//! What is measured and what it is measured against: the simulated AWS, and the same server
//! answering a constant.

use axum::Router;
use axum::body::Bytes;
use axum::serve::ListenerExt;
use http::header;
use stint_aws_sim::Sim;
use tokio::net::TcpListener;

/// Serves a simulated AWS on some port; gives its address.
pub(crate) async fn simulated(sim: &Sim) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let sim = sim.clone();
    tokio::spawn(async move { sim.serve(listener).await });
    Ok(address)
}

/// A router that reads what it is asked and answers this.
pub(crate) fn constant(answer: Bytes) -> Router {
    let answer = move |_asked: Bytes| {
        let answer = answer.clone();
        async move {
            (
                [(header::CONTENT_TYPE, "application/x-amz-json-1.1")],
                answer,
            )
        }
    };
    Router::new().fallback(answer)
}

/// Serves that; gives its address.
pub(crate) async fn serve_constant(answer: Bytes) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, constant(answer)).await });
    Ok(address)
}
