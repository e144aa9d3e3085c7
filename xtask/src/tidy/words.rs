//! Words that may not stand in the repository: marks of unfinished work, numbers of a tracker
//! readers cannot follow, and those of a private list.
//!
//! The private list (names of machines, customers, internal tools) stands outside the
//! repository, one word a line, in the file that `STINT_TIDY_WORDS` names.

use super::{Report, Tree};

/// The variable that names the file with the private list.
const LIST: &str = "STINT_TIDY_WORDS";

// Put together, so that this file does not hold them.
const MARKS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

pub(super) fn look(tree: &Tree, report: &mut Report) {
    let private = match std::env::var_os(LIST).map(std::fs::read_to_string) {
        Some(Ok(text)) => text,
        Some(Err(error)) => {
            report.problem("words", LIST, format!("cannot be read: {error}"));
            return;
        }
        None => String::new(),
    };
    let private: Vec<String> = (private.lines())
        .map(|word| word.trim().to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    for (path, text) in tree.under("") {
        if path.contains("/assets/") || path == "LICENSE" || path == "Cargo.lock" {
            continue;
        }
        for (no, line) in text.lines().enumerate() {
            if let Some(word) = forbidden(line, &private) {
                let what = format!("`{word}` may not stand in the repository");
                report.problem("words", format!("{path}:{}", no + 1), what);
            }
        }
    }
}

fn forbidden(line: &str, private: &[String]) -> Option<String> {
    let mut words = line.split(|c: char| !c.is_alphanumeric());
    if let Some(mark) = words.find(|word| MARKS.contains(word)) {
        return Some(mark.to_owned());
    }
    let lower = line.to_lowercase();
    if let Some(word) = private.iter().find(|word| lower.contains(word.as_str())) {
        return Some(word.clone());
    }
    let tracker = lower.match_indices("issue ").find(|(at, found)| {
        let after = lower.get(at + found.len()..).unwrap_or_default();
        after.starts_with('#') || after.starts_with(|c: char| c.is_ascii_digit())
    });
    tracker.map(|(at, _)| {
        lower
            .get(at..)
            .unwrap_or_default()
            .chars()
            .take(9)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_marks_numbers_and_private_words() {
        let private = ["tool-x".to_owned()];
        let tracker = "see Issue ";
        for bad in [
            format!("{tracker}7"),
            format!("{tracker}#7"),
            "by Tool-X".into(),
        ] {
            assert!(forbidden(&bad, &private).is_some(), "{bad}");
        }
        for mark in MARKS {
            assert!(forbidden(&format!("// {mark}: later"), &[]).is_some());
        }
        for good in ["todo list", "issue a token", "issued 7", "an issue tracker"] {
            assert_eq!(forbidden(good, &private), None, "{good}");
        }
    }
}
