//! A set of places in a row of things.

/// Which places are in the set, 64 to a word.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// None of so many.
    pub(super) fn none(places: usize) -> Self {
        Self(vec![0; places.div_ceil(64)])
    }

    pub(super) fn set(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(super) fn has(&self, place: usize) -> bool {
        let word = self.0.get(place / 64);
        word.is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    /// Adds what is in the other one.
    pub(super) fn join(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub(super) fn count(&self) -> usize {
        let ones = self.0.iter().map(|word| word.count_ones());
        usize::try_from(ones.map(u64::from).sum::<u64>()).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let mut some = Bits::none(130);
        some.set(0);
        some.set(129);
        some.set(500);
        let mut more = Bits::none(130);
        more.set(64);
        more.set(129);
        some.join(&more);
        let has: Vec<usize> = (0..130).filter(|place| some.has(*place)).collect();
        assert_eq!((has, some.count()), (vec![0, 64, 129], 3));
        assert!(!some.has(500));
    }
}
