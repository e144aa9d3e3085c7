//! Signing in as one of the demo's personas, without a password: only in the demo, and only
//! from the machine it runs on.
//!
//! The peer has to be this machine, and the `Host` it asked for too: a page of somebody
//! else whose name was made to point at 127.0.0.1 sends its own name there.

use std::net::{IpAddr, SocketAddr};

use stint_db::Priority;
use stint_domain::rights::{Relation, Verb};

use super::store::users;
use super::{Error, Method, StartedSignIn, sign_ins};
use crate::cx::Cx;

/// Somebody the demo lets one sign in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persona {
    /// What the form sends.
    pub word: &'static str,
    /// Their name.
    pub name: &'static str,
    /// Their address in the demo.
    pub email: &'static str,
    /// What they are there for.
    pub part: &'static str,
}

/// Who may be signed in as. The demo creates users with these addresses; they are those of
/// the first four people of every simulated estate.
pub const PERSONAS: [Persona; 4] = [
    Persona {
        word: "ana",
        name: "Ana Moreno",
        email: "ana.moreno@acme.example",
        part: "asks for access",
    },
    Persona {
        word: "bo",
        name: "Bo Lindqvist",
        email: "bo.lindqvist@acme.example",
        part: "approves",
    },
    Persona {
        word: "cy",
        name: "Cy Adeyemi",
        email: "cy.adeyemi@acme.example",
        part: "Super Admin",
    },
    Persona {
        word: "dee",
        name: "Dee Okonkwo",
        email: "dee.okonkwo@acme.example",
        part: "Auditor",
    },
];

/// From where a persona's sign-in is asked for.
#[derive(Debug, Clone, Default)]
pub struct DemoCaller {
    /// The other end of the connection; refused when not known.
    pub peer: Option<SocketAddr>,
    /// Every host name the request carries (`Host`, and the authority of its address); there
    /// has to be one.
    pub hosts: Vec<String>,
}

impl DemoCaller {
    /// Whether both ends are this machine, by address and by every name asked for.
    pub fn is_local(&self) -> bool {
        let peer = self.peer.is_some_and(|peer| is_loopback(peer.ip()));
        peer && !self.hosts.is_empty() && self.hosts.iter().all(|host| is_local_host(host))
    }
}

/// Signs in as a persona. Outside the demo there is no such thing ([`Error::NotFound`]).
pub async fn demo_sign_in(
    cx: &Cx,
    caller: &DemoCaller,
    persona: &str,
) -> Result<StartedSignIn, Error> {
    cx.authorize(Verb::DemoSignIn, Relation::None)?;
    if !cx.app.config.demo {
        return Err(Error::NotFound);
    }
    if !caller.is_local() {
        return Err(Error::NotLoopback);
    }
    let unknown = || Error::bad("persona", "Use ana, bo, cy or dee.");
    let persona = PERSONAS
        .iter()
        .find(|p| p.word == persona)
        .ok_or_else(unknown)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let user = users::by_email(&mut tx, persona.email)
        .await?
        .ok_or_else(unknown)?;
    let user = users::lock(&mut tx, user.id)
        .await?
        .filter(|user| user.active);
    sign_ins::start(cx, tx, user.ok_or(Error::Inactive)?, Method::Demo).await
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Whether a `Host` names this machine: `localhost` or a loopback address, any port.
fn is_local_host(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return is_loopback(address.ip());
    }
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return is_loopback(ip);
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    name.eq_ignore_ascii_case("localhost") && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:8480",
            "127.0.0.1",
            "127.0.0.1:8480",
            "127.8.9.10:1",
            "[::1]",
            "[::1]:8480",
            "[::ffff:127.0.0.1]:8480",
        ] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "",
            "stint.example.com",
            "localhost.example.com",
            "127.0.0.1.example.com:80",
            "127.0.0.1:8480@evil.example",
            "localhost:80:80",
            "10.0.0.1:8480",
            "[::2]:8480",
            "0.0.0.0:8480",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }

    #[test]
    fn peer_and_every_host_have_to_be_local() {
        let peer = Some(SocketAddr::from(([127, 0, 0, 1], 4000)));
        let far = Some(SocketAddr::from(([192, 0, 2, 1], 4000)));
        let local = |peer, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            DemoCaller { peer, hosts }.is_local()
        };
        assert!(local(peer, &["localhost:8480"]));
        assert!(!local(peer, &[]));
        assert!(!local(None, &["localhost:8480"]));
        assert!(!local(far, &["localhost:8480"]));
        assert!(!local(peer, &["localhost:8480", "evil.example"]));
    }
}
