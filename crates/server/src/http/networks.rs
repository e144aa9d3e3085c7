//! Which proxies are believed when they say for whom they ask.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderMap;

/// Addresses and networks (`10.0.0.0/8`, `127.0.0.1`, `fd00::/8`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: u128,
    /// Of 128; an IPv4 network is one of `::ffff:0:0/96`.
    bits: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address or a network: write it as 10.0.0.0/8 or 127.0.0.1")]
pub struct NotANetwork(String);

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let before = if address.is_ipv4() { 96 } else { 0 };
        let own = 128 - before;
        let bits = match bits {
            Some(bits) => bits.trim().parse::<u32>().map_err(|_| wrong())?,
            None => own,
        };
        if bits > own {
            return Err(wrong());
        }
        Ok(Self {
            address: number(address),
            bits: before + bits,
        })
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let differ = self.address ^ number(address);
        self.bits == 0 || differ >> (128 - self.bits) == 0
    }
}

impl Networks {
    /// Reads a list.
    ///
    /// # Errors
    /// The first text that is no network.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, NotANetwork> {
        let all: Result<_, _> = texts.iter().map(|text| text.as_ref().parse()).collect();
        all.map(Self)
    }

    fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// Who asks: the peer, or, where the peer is a proxy that is believed, the last address of
    /// `X-Forwarded-For` that is none. What stands further left anybody may have written.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if !self.hold(client) {
            return client;
        }
        let values = headers.get_all("x-forwarded-for");
        let chain: Vec<_> = (values.iter())
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|text| text.trim().parse::<IpAddr>())
            .collect();
        for hop in chain.into_iter().rev() {
            let Ok(hop) = hop else {
                return client;
            };
            client = hop;
            if !self.hold(hop) {
                return client;
            }
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let value = HeaderValue::try_from(*value).expect("ASCII");
            headers.append("x-forwarded-for", value);
        }
        let networks = Networks::parse(proxies).expect("networks");
        let peer = peer.parse().expect("an address");
        networks.client(peer, &headers).to_string()
    }

    #[test]
    fn only_a_proxy_that_is_named_is_believed() {
        assert_eq!(client(&[], "127.0.0.1", &["9.9.9.9"]), "127.0.0.1");
        let own = &["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(client(own, "127.0.0.1", &["9.9.9.9"]), "9.9.9.9");
        assert_eq!(client(own, "8.8.8.8", &["9.9.9.9"]), "8.8.8.8");
        assert_eq!(client(own, "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_a_caller_writes_themselves_is_not_believed() {
        let own = &["127.0.0.1", "10.0.0.0/8"];
        // The caller at 9.9.9.9 claims to be somebody else.
        let forged = &["1.2.3.4, 9.9.9.9"];
        assert_eq!(client(own, "127.0.0.1", forged), "9.9.9.9");
        assert_eq!(
            client(own, "127.0.0.1", &["1.2.3.4", "9.9.9.9, 10.1.2.3"]),
            "9.9.9.9"
        );
        assert_eq!(client(own, "127.0.0.1", &["rubbish"]), "127.0.0.1");
    }

    #[test]
    fn networks_are_read_and_their_edges_hold() {
        assert_eq!(
            client(&["10.0.0.0/8"], "10.255.255.255", &["9.9.9.9"]),
            "9.9.9.9"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "11.0.0.0", &["9.9.9.9"]),
            "11.0.0.0"
        );
        assert_eq!(
            client(&["fd00::/8"], "fdff::1", &["2001:db8::1"]),
            "2001:db8::1"
        );
        assert_eq!(client(&["0.0.0.0/0"], "200.1.1.1", &["9.9.9.9"]), "9.9.9.9");
        for wrong in ["", "10.0.0.0/33", "ten", "10.0.0.0/", "::/129"] {
            assert!(Networks::parse(&[wrong]).is_err(), "{wrong}");
        }
    }
}
