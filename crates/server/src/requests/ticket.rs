//! The ticket a request is about: what whoever asked wrote. Stint looks nothing up.

use stint_api::requests as wire;
use stint_domain::policy::{TicketAsked, TicketRule};

use super::Request;

impl Request {
    /// Where people look the ticket up, as the version pinned on it says.
    pub fn ticket_link(&self) -> Option<String> {
        let given = self.ticket.as_deref()?;
        self.rules.question.outcome().ticket.link(given)
    }
}

/// A reference as it is kept: without whitespace around it, or none.
pub(super) fn kept(given: Option<&str>) -> Option<String> {
    stint_domain::policy::trimmed(given).map(str::to_owned)
}

/// What is said now, or else what was said before.
pub(super) fn or_before(now: Option<String>, before: Option<&String>) -> Option<String> {
    now.or_else(|| before.cloned())
}

/// How one is asked for, on the wire; nothing where none is.
pub(super) fn asked(rule: &TicketRule) -> Option<wire::TicketAsked> {
    (rule.asked != TicketAsked::No).then(|| wire::TicketAsked {
        required: rule.asked == TicketAsked::Required,
        pattern: rule.pattern.clone(),
        hint: rule.hint.clone(),
    })
}
