//! Names nobody chose: ids, keys and tokens, all from the seed.

/// A stream of numbers that depends on seed, label and number only (SplitMix64). Not for
/// secrets of a real system.
#[derive(Debug, Clone)]
pub(crate) struct Seeded(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Seeded {
    pub(crate) fn new(seed: u64, label: &str, number: u64) -> Self {
        let mut stream = Self(mix(seed ^ fnv(label.as_bytes())).wrapping_add(mix(number ^ STEP)));
        stream.next();
        stream
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Evenly from `0..bound`; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u32::try_from(scaled).unwrap_or(0)
    }

    pub(crate) fn of_alphabet(&mut self, alphabet: &[u8], length: usize) -> String {
        let size = u32::try_from(alphabet.len()).unwrap_or(0);
        (0..length)
            .filter_map(|_| alphabet.get(self.below(size) as usize))
            .map(|byte| char::from(*byte))
            .collect()
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        self.of_alphabet(b"0123456789abcdef", length)
    }

    pub(crate) fn lower(&mut self, length: usize) -> String {
        self.of_alphabet(b"abcdefghijklmnopqrstuvwxyz0123456789", length)
    }

    pub(crate) fn upper(&mut self, length: usize) -> String {
        self.of_alphabet(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
    }

    pub(crate) fn mixed(&mut self, length: usize) -> String {
        self.of_alphabet(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            length,
        )
    }

    /// What fits into a query as it is.
    pub(crate) fn url_safe(&mut self, length: usize) -> String {
        self.of_alphabet(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            length,
        )
    }

    /// A random UUID in text form (version 4).
    pub(crate) fn uuid(&mut self) -> String {
        let high = self.next();
        let low = self.next();
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            ((low >> 48) & 0x3fff) | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// Twelve digits, the first not 0.
    pub(crate) fn account(&mut self) -> String {
        let number = 100_000_000_000 + self.next() % 900_000_000_000;
        number.to_string()
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
