//! What condition values mean: numbers, moments, truth, bytes, networks.

use std::cmp::Ordering;
use std::net::IpAddr;

/// An integer or a decimal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Whole(i128),
    Decimal(f64),
}

impl Number {
    pub(crate) fn read(text: &str) -> Option<Number> {
        let text = text.trim();
        if let Ok(whole) = text.parse() {
            return Some(Number::Whole(whole));
        }
        let decimal: f64 = text.parse().ok()?;
        decimal.is_finite().then_some(Number::Decimal(decimal))
    }

    /// Whole numbers exactly, others as far as decimals go.
    pub(crate) fn compared(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.decimal().partial_cmp(&b.decimal()),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "only where the other one is a decimal already"
    )]
    fn decimal(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Decimal(decimal) => decimal,
        }
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Nanoseconds since the epoch: ISO 8601 as W3C narrows it (a year, a month, a day, or a moment
/// with its zone), or seconds since the epoch.
pub(crate) fn date(text: &str) -> Option<i128> {
    const NANOS: i128 = 1_000_000_000;
    // Four digits are a year to W3C and a moment of 1970 to nobody.
    let year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    if !year && let Ok(seconds) = text.parse::<i64>() {
        return Some(i128::from(seconds) * NANOS);
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.as_nanosecond());
    }
    let day = match text.len() {
        4 if year => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        // `2026-01-02T03:04Z`: seconds may be left out.
        _ => text.to_owned(),
    };
    if let Some((head, zone)) = minutes(&day) {
        let moment: jiff::Timestamp = format!("{head}:00{zone}").parse().ok()?;
        return Some(moment.as_nanosecond());
    }
    let day: jiff::civil::Date = day.parse().ok()?;
    let midnight: jiff::Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(midnight.as_nanosecond())
}

/// `YYYY-MM-DDThh:mm` and its zone.
fn minutes(text: &str) -> Option<(&str, &str)> {
    let (head, zone) = (text.get(..16)?, text.get(16..)?);
    let fits = head.as_bytes().get(10) == Some(&b'T')
        && (zone == "Z" || zone.len() == 6 && zone.starts_with(['+', '-']));
    fits.then_some((head, zone))
}

/// The bytes of a base64 text, padded as RFC 4648 says.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let body = text.trim_end_matches('=');
    if text.len() - body.len() > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for b in body.bytes() {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// An address or a range in CIDR form.
pub(crate) struct Network {
    address: u128,
    prefix: u32,
    v4: bool,
}

impl Network {
    pub(crate) fn read(text: &str) -> Option<Network> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => {
                let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
                (
                    address,
                    Some(prefix.parse::<u32>().ok().filter(|_| digits)?),
                )
            }
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (bits, longest, v4) = bits(address);
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Network {
            address: bits,
            prefix,
            v4,
        })
    }

    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let (found, longest, v4) = bits(address);
        if v4 != self.v4 {
            return false;
        }
        let shift = longest - self.prefix;
        // A shift by the whole width is no shift at all in Rust: everything fits.
        shift == 128 || (v4 && shift == 32) || found >> shift == self.address >> shift
    }
}

fn bits(address: IpAddr) -> (u128, u32, bool) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32, true),
        IpAddr::V6(v6) => (u128::from(v6), 128, false),
    }
}
