//! What a user can have besides access keys: a password, certificates, SSH keys, credentials
//! of single services, MFA devices.

use aws_lc_rs::hmac;

use crate::access::Secret;

/// What a user may have of each (AWS reference §1.1 [D]).
pub(crate) const CERTIFICATES_PER_USER: usize = 2;
pub(crate) const SSH_KEYS_PER_USER: usize = 5;
pub(crate) const SERVICE_CREDENTIALS_PER_USER: usize = 2;
pub(crate) const MFA_PER_USER: usize = 8;

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) login: Option<Login>,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) ssh_keys: Vec<SshKey>,
    pub(crate) of_services: Vec<ServiceCredential>,
    pub(crate) mfa: Vec<Mfa>,
}

/// A password for the console.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) password: Secret,
    pub(crate) created_at: i64,
    pub(crate) changed_at: i64,
    pub(crate) must_change: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) active: bool,
    pub(crate) at: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct SshKey {
    /// `APKA…`
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) fingerprint: String,
    pub(crate) active: bool,
    pub(crate) at: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct ServiceCredential {
    /// `ACCA…`
    pub(crate) id: String,
    pub(crate) service: String,
    pub(crate) user_name: String,
    pub(crate) active: bool,
    pub(crate) at: i64,
}

/// A device that is in use.
#[derive(Debug, Clone)]
pub(crate) struct Mfa {
    /// A number on the back, or the ARN of a virtual one.
    pub(crate) serial: String,
    pub(crate) at: i64,
}

/// A virtual device, in use or not.
#[derive(Debug, Clone)]
pub(crate) struct VirtualMfa {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) seed: Secret,
    pub(crate) tags: Vec<(String, String)>,
    /// The place of the user that uses it, and since when.
    pub(crate) user: Option<(u32, i64)>,
    pub(crate) removed: bool,
}

/// The six digits a virtual device shows (RFC 6238: SHA-1, steps of 30 seconds).
pub(crate) fn code_at(seed: &str, micros: i64) -> String {
    let step = u64::try_from(micros.div_euclid(30_000_000)).unwrap_or(0);
    let key = hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        &base32(seed).unwrap_or_default(),
    );
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let bytes = mac.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 15);
    let four = bytes.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = four
        .iter()
        .fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// Whether these digits are shown now, or were or will be half a minute apart.
pub(crate) fn is_code(seed: &str, code: &str, micros: i64) -> bool {
    [-30_000_000, 0, 30_000_000]
        .iter()
        .any(|off| code_at(seed, micros + off) == code)
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u64;
    let mut have = 0;
    let mut bytes = Vec::new();
    for c in text.bytes() {
        let five = match c {
            b'A'..=b'Z' => c - b'A',
            b'2'..=b'7' => c - b'2' + 26,
            _ => return None,
        };
        bits = ((bits << 5) | u64::from(five)) & 0xfff;
        have += 5;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from((bits >> have) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test values of RFC 6238, the last six digits of each.
    #[test]
    fn codes_are_the_published_ones() {
        let seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(code_at(seed, seconds * 1_000_000), code);
        }
        assert!(is_code(seed, "287082", 60_000_000));
        assert!(!is_code(seed, "287082", 200_000_000));
    }
}
