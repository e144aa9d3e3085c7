//! Secrets Stint hands out: what a sign-in's cookie holds, API tokens, External IDs.
//!
//! All are 32 random bytes shown as 52 characters of lower-case Crockford base32. Of the
//! first two only the SHA-256 is stored. This module makes no randomness: it comes from
//! the `App`.

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};

/// What an API token begins with, so that scanners and people know one when they see it.
pub(crate) const TOKEN_PREFIX: &str = "stint_pat_";

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 256 bits in groups of five, the last one filled up with zeros.
const LENGTH: usize = 52;

/// 32 bytes as 52 characters of lower-case Crockford base32.
pub(crate) fn base32(bytes: [u8; 32]) -> String {
    let mut out = String::with_capacity(LENGTH);
    let (mut held, mut bits) = (0u32, 0u32);
    for byte in bytes {
        held = (held << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(&mut out, held >> bits);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(&mut out, held << (5 - bits));
    }
    out
}

fn push(out: &mut String, value: u32) {
    let index = usize::try_from(value & 31).unwrap_or(0);
    out.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'0')));
}

/// The SHA-256 of a text: what is stored of a secret.
pub(crate) fn sha256(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes())
        .as_ref()
        .to_vec()
}

/// A new API token from 32 random bytes.
pub(crate) fn token(bytes: [u8; 32]) -> SecretString {
    format!("{TOKEN_PREFIX}{}", base32(bytes)).into()
}

/// What a sign-in's cookie holds, from 32 random bytes.
pub(crate) fn sign_in(bytes: [u8; 32]) -> SecretString {
    base32(bytes).into()
}

/// What is stored of a secret we made.
pub(crate) fn stored(secret: &SecretString) -> Vec<u8> {
    sha256(secret.expose_secret())
}

/// What to look an API token up by; nothing for a text that cannot be one, so that the
/// database is not asked.
pub(crate) fn token_hash(text: &str) -> Option<Vec<u8>> {
    text.strip_prefix(TOKEN_PREFIX)
        .filter(|rest| well_formed(rest))
        .map(|_| sha256(text))
}

/// What to look a cookie's value up by; nothing for a text that cannot be one.
pub(crate) fn sign_in_hash(text: &str) -> Option<Vec<u8>> {
    well_formed(text).then(|| sha256(text))
}

fn well_formed(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|c| ALPHABET.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_in_the_text() {
        assert_eq!(base32([0; 32]), "0".repeat(52));
        // 51 whole groups of ones, then one 1 and four filling zeros.
        assert_eq!(base32([0xff; 32]), format!("{}g", "z".repeat(51)));
        let mut seen = std::collections::HashSet::new();
        for bit in 0..256 {
            let mut bytes = [0u8; 32];
            bytes[bit / 8] = 1 << (bit % 8);
            assert!(seen.insert(base32(bytes)), "bit {bit} changes nothing");
        }
    }

    #[test]
    fn a_token_is_known_by_its_shape() {
        let token = token([7; 32]);
        let text = token.expose_secret();
        assert!(text.starts_with("stint_pat_"));
        assert_eq!(token_hash(text), Some(stored(&token)));
        assert_eq!(token_hash("stint_pat_"), None);
        assert_eq!(token_hash(&text.replace("stint_pat_", "")), None);
        assert_eq!(token_hash(&format!("{text}0")), None);
        assert_eq!(sign_in_hash(text), None);
    }

    #[test]
    fn sha_256_is_sha_256() {
        // FIPS 180-2, B.1.
        let hex: String = sha256("abc").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(
            hex,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
