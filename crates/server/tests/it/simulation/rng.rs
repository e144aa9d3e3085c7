//! A small seeded generator (splitmix64): the same seed gives the same history everywhere.

pub(crate) struct Rng(u64);

/// One turn of splitmix64.
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x5317_1e57))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `from..to`.
    pub(crate) fn range(&mut self, from: i64, to: i64) -> i64 {
        let width = u64::try_from(to - from).expect("from < to");
        from + i64::try_from(self.next() % width).expect("small")
    }

    /// True `per_mille` times out of a thousand.
    pub(crate) fn chance(&mut self, per_mille: i64) -> bool {
        self.range(0, 1000) < per_mille
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        let n = i64::try_from(among.len()).expect("few");
        (n > 0).then(|| &among[usize::try_from(self.range(0, n)).expect("not negative")])
    }

    /// Every order as likely as any other.
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for n in (1..all.len()).rev() {
            let most = i64::try_from(n).expect("few");
            let other = usize::try_from(self.range(0, most + 1)).expect("not negative");
            all.swap(n, other);
        }
    }
}
