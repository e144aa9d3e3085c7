//! Page tokens: opaque, different every time, good only for the listing they came from.

use serde_json::Value;

use super::{ApiError, Input, Service, URL_SAFE, base64};
use crate::ids::{Seeded, fnv};

/// Where a listing goes on.
pub(crate) type PageToken = [u32; 3];

/// One listing: its size of page, where it stands, and how to write the next token.
#[derive(Debug)]
pub(crate) struct Pager {
    seed: u64,
    nonce: u64,
    listing: u64,
    /// How many rows this page may have.
    pub(crate) limit: usize,
    /// Where to go on; zeros at the start.
    pub(crate) from: PageToken,
    /// Whether this is the first page.
    pub(crate) first: bool,
}

impl Pager {
    /// Reads `MaxResults` and `NextToken`. `nonce` must differ from call to call.
    pub(crate) fn read(
        input: &Input<'_>,
        operation: &str,
        most: u64,
        seed: u64,
        nonce: u64,
    ) -> Result<Pager, ApiError> {
        let limit = input.number("MaxResults", 1, most)?.unwrap_or(most);
        Self::at(
            input,
            operation,
            limit,
            ["NextToken", "MaxResults"],
            seed,
            nonce,
        )
    }

    /// Reads `MaxItems` and `Marker`, as IAM pages: 100 rows unless asked for up to 1,000
    /// (AWS reference §1.1).
    pub(crate) fn read_marker(
        input: &Input<'_>,
        operation: &str,
        seed: u64,
        nonce: u64,
    ) -> Result<Pager, ApiError> {
        let limit = input.number("MaxItems", 1, 1_000)?.unwrap_or(100);
        Self::at(input, operation, limit, ["Marker", "MaxItems"], seed, nonce)
    }

    /// Reads `max_result` and `next_token` of a query, as the portal pages.
    pub(crate) fn read_query(
        input: &Input<'_>,
        operation: &str,
        seed: u64,
        nonce: u64,
    ) -> Result<Pager, ApiError> {
        let limit = input.number("maxResults", 1, 100)?.unwrap_or(100);
        let names = ["nextToken", "maxResults"];
        Self::at(input, operation, limit, names, seed, nonce)
    }

    /// Reads `count` and `cursor`, as SCIM pages at AWS.
    pub(crate) fn read_cursor(
        input: &Input<'_>,
        operation: &str,
        most: u64,
        seed: u64,
        nonce: u64,
    ) -> Result<Pager, ApiError> {
        let limit = input.number("count", 1, most)?.unwrap_or(most);
        Self::at(input, operation, limit, ["cursor", "count"], seed, nonce)
    }

    fn at(
        input: &Input<'_>,
        operation: &str,
        limit: u64,
        [token, size]: [&str; 2],
        seed: u64,
        nonce: u64,
    ) -> Result<Pager, ApiError> {
        let mut asked = input.members().clone();
        asked.remove(token);
        asked.remove(size);
        let listing = fnv(format!("{operation} {}", Value::Object(asked)).as_bytes());
        let mut pager = Pager {
            seed,
            nonce,
            listing,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            from: [0; 3],
            first: true,
        };
        if let Some(token) = input.text(token)? {
            pager.from = pager
                .decode(token)
                .ok_or_else(|| bad_token(input.service()))?;
            pager.first = false;
        }
        Ok(pager)
    }

    /// Takes a page from rows that begin at [`Pager::from`]. `place` tells where to go on
    /// with the row itself as the first of the next page.
    pub(crate) fn take<T>(
        &self,
        mut rows: impl Iterator<Item = T>,
        place: impl Fn(&T) -> PageToken,
    ) -> (Vec<T>, Option<String>) {
        let page: Vec<T> = rows.by_ref().take(self.limit).collect();
        let next = rows.next().map(|row| self.encode(place(&row)));
        (page, next)
    }

    pub(crate) fn encode(&self, place: PageToken) -> String {
        let mut words = vec![self.nonce];
        let [a, b, c] = place.map(u64::from);
        let plain = [(a << 32) | b, c, self.listing];
        let mut stream = Seeded::new(self.seed, "page token", self.nonce);
        words.extend(plain.map(|word| word ^ stream.next()));
        words.push(self.check(plain));
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        base64(&bytes, URL_SAFE)
    }

    fn decode(&self, token: &str) -> Option<PageToken> {
        let mut bits = 0_u32;
        let mut have = 0;
        let mut bytes = Vec::new();
        for byte in token.bytes() {
            let six = URL_SAFE.iter().position(|known| *known == byte)?;
            bits = ((bits << 6) | u32::try_from(six).ok()?) & 0xf_ffff;
            have += 6;
            if have >= 8 {
                have -= 8;
                bytes.push(u8::try_from((bits >> have) & 0xff).ok()?);
            }
        }
        let words: Vec<u64> = bytes
            .chunks(8)
            .map(|chunk| <[u8; 8]>::try_from(chunk).map(u64::from_be_bytes))
            .collect::<Result<_, _>>()
            .ok()?;
        let [nonce, one, two, three, check] = words.as_slice() else {
            return None;
        };
        let mut stream = Seeded::new(self.seed, "page token", *nonce);
        let plain = [*one, *two, *three].map(|word| word ^ stream.next());
        let [places, last, listing] = plain;
        if *check != self.check(plain) || listing != self.listing {
            return None;
        }
        Some([
            u32::try_from(places >> 32).ok()?,
            u32::try_from(places & 0xffff_ffff).ok()?,
            u32::try_from(last).ok()?,
        ])
    }

    fn check(&self, plain: [u64; 3]) -> u64 {
        let bytes: Vec<u8> = plain.iter().flat_map(|word| word.to_be_bytes()).collect();
        Seeded::new(self.seed, "page token check", fnv(&bytes)).next()
    }
}

fn bad_token(service: Service) -> ApiError {
    match service {
        Service::Organizations => ApiError::new(
            "InvalidInputException",
            "You specified an invalid value for nextToken. You must get the value from the response to a previous call to the API.",
        )
        .with("Reason", "INVALID_NEXT_TOKEN"),
        // In nobody's words but ours: AWS's are not known.
        Service::Iam => ApiError::validation(service, "Invalid Marker."),
        other => ApiError::validation(other, "The provided NextToken is invalid."),
    }
}
