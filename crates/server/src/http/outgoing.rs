//! Calls to addresses that people typed, and that are not made by the AWS SDK.
//!
//! Only over TLS, only to addresses of the public internet, as they are resolved for this very call;
//! no redirect is followed and no proxy asked, an answer is read to its limit and no further, and
//! nothing waits for ever. The demo and the simulated AWS are reached on loopback, and only there
//! is that allowed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret as _, SecretString};

/// How long a call may take in all.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST: usize = 8 << 20;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// How long it asks to wait, in seconds, where it does.
    pub retry_after: Option<u64>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer. Never holds what was sent.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The address is none that may be called.
    #[error("{0} is no address that may be called")]
    Forbidden(String),
    /// The call failed on its way.
    #[error("the call failed: {0}")]
    Failed(String),
    /// The answer was longer than anything that is expected.
    #[error("the answer is too long")]
    TooLong,
}

/// The way out.
#[derive(Clone)]
pub struct Outgoing {
    client: Client,
    loopback: bool,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("loopback", &self.loopback)
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// To the public internet; `loopback`: to this machine besides, without TLS. Fails only where
    /// the system's TLS roots cannot be read.
    pub fn new(loopback: bool) -> Result<Self, Unanswered> {
        let client = Client::builder()
            .https_only(!loopback)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT)
            .dns_resolver(Arc::new(Guarded { loopback }))
            .build()
            .map_err(|error| Unanswered::Failed(chain(&error)))?;
        Ok(Self { client, loopback })
    }

    /// Asks for what is at this address, with this bearer token.
    pub async fn get(&self, url: &str, bearer: &SecretString) -> Result<Answered, Unanswered> {
        let url = Url::parse(url).map_err(|_| Unanswered::Forbidden(url.to_owned()))?;
        self.check(&url)?;
        let sent = self
            .client
            .get(url)
            .bearer_auth(bearer.expose_secret())
            .header("accept", "application/scim+json, application/json")
            .send();
        let mut answer = sent
            .await
            .map_err(|error| Unanswered::Failed(chain(&error)))?;
        let status = answer.status().as_u16();
        let retry_after = answer
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.trim().parse().ok());
        let mut body = Vec::new();
        while let Some(part) =
            (answer.chunk().await).map_err(|error| Unanswered::Failed(chain(&error)))?
        {
            if body.len() + part.len() > LONGEST {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(&part);
        }
        Ok(Answered {
            status,
            retry_after,
            body,
        })
    }

    /// What the resolver does not see: an address written as a number, and a scheme.
    fn check(&self, url: &Url) -> Result<(), Unanswered> {
        let forbidden = || Unanswered::Forbidden(url.host_str().unwrap_or_default().to_owned());
        let host = url.host_str().ok_or_else(forbidden)?;
        let number: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let here = number.is_some_and(|ip| ip.is_loopback()) || host == "localhost";
        let allowed = match (url.scheme(), number) {
            ("https" | "http", _) if here => self.loopback,
            ("https", Some(ip)) => is_public(ip),
            ("https", None) => true,
            _ => false,
        };
        let plain = url.username().is_empty() && url.password().is_none();
        (allowed && plain).then_some(()).ok_or_else(forbidden)
    }
}

/// Resolves names, and forgets addresses that may not be called.
struct Guarded {
    loopback: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.loopback;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = |at: &SocketAddr| {
                is_public(at.ip())
                    || (loopback && at.ip().is_loopback() && name.as_str() == "localhost")
            };
            let kept: Vec<SocketAddr> = found.filter(allowed).collect();
            if kept.is_empty() {
                let why = format!("{} has no public address", name.as_str());
                return Err(why.into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is one of the public internet: no private network, no neighbour, none that
/// clouds tell secrets from.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0, ..) | (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) | (240.., ..)
    );
    !(special
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [first, second, ..] = ip.segments();
    // Global unicast is 2000::/3; of that, tunnels into IPv4 and documentation are not meant.
    let global = first & 0xe000 == 0x2000;
    let tunnel = first == 0x2002 || (first == 0x2001 && second < 0x0200);
    let documentation = first == 0x2001 && second == 0x0db8;
    global && !tunnel && !documentation
}

/// An error with what is behind it; without the address, which may hold what is nobody's business.
fn chain(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut next: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = next {
        words.push(error.to_string());
        next = error.source();
    }
    if words.is_empty() {
        words.push(
            if error.is_timeout() {
                "it took too long"
            } else {
                "no answer"
            }
            .to_owned(),
        );
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_called() {
        for public in ["52.94.1.1", "8.8.8.8", "2600:1f18::1", "::ffff:52.94.1.1"] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
        for closed in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "240.0.0.1",
            "::1",
            "::",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "64:ff9b::a00:1",
        ] {
            assert!(!is_public(closed.parse().expect("an address")), "{closed}");
        }
    }

    #[test]
    fn loopback_is_for_the_demo() {
        let open = Outgoing::new(true).expect("a way out");
        let closed = Outgoing::new(false).expect("a way out");
        let url = |text: &str| Url::parse(text).expect("a URL");
        for here in [
            "http://127.0.0.1:8481/x/scim/v2/Users",
            "http://[::1]:1/",
            "http://localhost:1/",
        ] {
            assert!(open.check(&url(here)).is_ok(), "{here}");
            assert!(closed.check(&url(here)).is_err(), "{here}");
        }
        for never in [
            "http://example.com/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://u:p@example.com/",
            "ftp://example.com/",
        ] {
            assert!(open.check(&url(never)).is_err(), "{never}");
            assert!(closed.check(&url(never)).is_err(), "{never}");
        }
        assert!(
            closed
                .check(&url(
                    "https://scim.eu-central-1.amazonaws.com/t/scim/v2/Users"
                ))
                .is_ok()
        );
    }
}
