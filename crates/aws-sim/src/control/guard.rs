//! Who may reach the control paths: this machine, and no page of another site by way of the
//! browser of whoever runs the simulator.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use crate::door::Peer;

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Barred {
    /// It comes from elsewhere, or under a name that is not this machine's: a name of another
    /// site's may be made to lead here. There is nothing to see.
    Stranger,
    /// A page of another site sent it.
    OtherSite,
}

pub(crate) fn check(parts: &Parts) -> Result<(), Barred> {
    let peer = parts.extensions.get::<ConnectInfo<Peer>>();
    let peer = peer.map(|peer| peer.0.address);
    // Of another server than ours.
    let told = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.or(told.map(|peer| peer.0));
    let host = text(&parts.headers, header::HOST.as_str());
    let (true, Some(host)) = (peer.is_some_and(|peer| peer.ip().is_loopback()), host) else {
        return Err(Barred::Stranger);
    };
    if !is_loopback(host) {
        return Err(Barred::Stranger);
    }
    if parts.method == Method::GET || parts.method == Method::HEAD {
        // Read only, and by no page of another site: nothing here says that one may.
        return Ok(());
    }
    // What is no browser has neither.
    let origin = text(&parts.headers, header::ORIGIN.as_str());
    let own = origin.is_none_or(|origin| origin == format!("http://{host}"));
    let site = text(&parts.headers, "sec-fetch-site");
    let near = site.is_none_or(|site| ["same-origin", "none"].contains(&site));
    if own && near {
        Ok(())
    } else {
        Err(Barred::OtherSite)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // What cannot be read is not ours.
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("unreadable"))
}

/// Whether a `Host` header names this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
