//! What duty rules have against something, in words.

use super::sentence;
use crate::duties::{Conflict, Verdict};
use crate::web::{Fact, Note};

/// One for each rule, for whoever asks and whoever decides.
pub(super) fn notes(conflicts: &[Conflict]) -> Vec<Note> {
    let note = |it: &Conflict| {
        let what = happens(it.verdict);
        let held = it.held_words();
        let text = format!(
            "The rule “{}” keeps this apart from {held}. {what}",
            it.name
        );
        Note::warning(format!("{text} {}", sentence(&it.message)))
    };
    let shown = conflicts.iter().filter(|it| it.verdict != Verdict::Block);
    shown.map(note).collect()
}

/// The same as facts beside a decision.
pub(super) fn facts(conflicts: &[Conflict]) -> Vec<Fact> {
    let fact = |it: &Conflict| {
        let says = format!("{} {}", happens(it.verdict), sentence(&it.message));
        Fact::new("Kept apart", format!("“{}”: {}", it.name, it.held_words())).faint(says)
    };
    conflicts.iter().map(fact).collect()
}

const fn happens(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Block => "It cannot be asked for.",
        Verdict::Exception => "It takes an exception, as one more step.",
        Verdict::Passed => "It passes, since it is an emergency; the review sees it.",
    }
}
