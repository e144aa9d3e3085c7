//! Words that are nearly right.

/// The candidate nearest to what was written, if it is near enough to have been meant. Case and
/// at most a third of the letters may differ.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Nobody misspells a word of a page; and the comparison costs length times length.
    if written.chars().count() > 100 {
        return None;
    }
    let wanted: Vec<char> = written.to_lowercase().chars().collect();
    let most = (wanted.len() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (distance(&wanted, candidate), candidate))
        .filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean X?)`, or nothing.
pub(crate) fn hint<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, candidates)
        .map(|candidate| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// How many letters have to be put in, left out or replaced.
fn distance(wanted: &[char], candidate: &str) -> usize {
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (n, c) in candidate.to_lowercase().chars().enumerate() {
        let mut diagonal = n;
        let mut left = n + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (w, cell) in wanted.iter().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(*w != c))
                .min(left + 1)
                .min(*cell + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let words = ["StringEquals", "StringLike", "Statement", "Version"];
        for (written, expected) in [
            ("StringEqual", Some("StringEquals")),
            ("stringequals", Some("StringEquals")),
            ("Statment", Some("Statement")),
            ("Statements", Some("Statement")),
            ("Principal", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, words), expected, "{written}");
        }
    }
}
