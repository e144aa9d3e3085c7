//! Why something cannot be asked for like this.

use super::{FARTHEST_START, LONGEST_TEXT, LONGEST_TICKET, SHORTEST};
use crate::{Span, Time};

/// Why something cannot be asked for like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Longer than allowed.
    #[error("{asked} is longer than the {longest} allowed here: ask for {longest} or less")]
    DurationOverPolicy {
        /// What was asked.
        asked: Span,
        /// The lower of the policy's and the entitlement's limit.
        longest: Span,
    },
    /// Too short to be of use, or not positive.
    #[error("{asked} is too short: ask for at least {SHORTEST}")]
    DurationTooShort {
        /// What was asked.
        asked: Span,
    },
    /// Until it is revoked, where that may not be.
    #[error("this may not be had until it is revoked: ask for {longest} or less")]
    UntilRevoked {
        /// The lower of the policy's and the entitlement's limit.
        longest: Span,
    },
    /// A reason must be given.
    #[error("this policy wants a reason: say what the access is for")]
    ReasonRequired,
    /// The reason says too little.
    #[error(
        "the reason has {length} characters, this policy wants at least {min_length}: say a little more"
    )]
    ReasonTooShort {
        /// Characters given.
        length: usize,
        /// Characters wanted.
        min_length: u32,
    },
    /// The reason is endless.
    #[error("the reason has {length} characters: at most {LONGEST_TEXT} are kept")]
    ReasonTooLong {
        /// Characters given.
        length: usize,
    },
    /// A ticket must be given.
    #[error("this policy wants a ticket: name the one it is about{}", explained(hint.as_deref()))]
    TicketRequired {
        /// What such a ticket looks like, as the policy's author says.
        hint: Option<String>,
    },
    /// The ticket is not what the policy wants.
    #[error("this is no ticket as this policy wants it{}", wanted(hint.as_deref(), pattern))]
    TicketMismatch {
        /// What such a ticket looks like, as the policy's author says.
        hint: Option<String>,
        /// What it must match.
        pattern: String,
    },
    /// The ticket is endless, or has characters that do not show.
    #[error(
        "a ticket is one line of at most {LONGEST_TICKET} characters, without any that do not show: write its number only"
    )]
    TicketMalformed,
    /// The start lies behind us.
    #[error("the start {start} is in the past: leave it out to start at once")]
    StartInPast {
        /// What was asked.
        start: Time,
    },
    /// The start lies too far ahead.
    #[error("the start {start} is more than {FARTHEST_START} ahead: ask again nearer to it")]
    StartTooFar {
        /// What was asked.
        start: Time,
    },
    /// Emergency access is not planned.
    #[error(
        "emergency access begins as soon as it is given: leave the start out, or ask in the ordinary way"
    )]
    StartInEmergency,
    /// A rule of the policy says no by itself.
    #[error("{message}")]
    AutoDenied {
        /// The rule; nothing where the policy says so of everything else.
        rule: Option<String>,
        /// What its author says to whoever asks.
        message: String,
    },
    /// A rule could not be asked.
    #[error(
        "the rule “{rule}” of this policy could not be asked, so nothing can be approved under it: a Policy Admin can mend it"
    )]
    Unanswered {
        /// Which.
        rule: String,
        /// What the condition says.
        why: String,
    },
    /// Nobody but who asks would be told of emergency access.
    #[error(
        "nobody would be told of this emergency access: its policy tells groups in which nobody but you is active. A Policy Admin can add somebody"
    )]
    NobodyTold,
    /// Nobody, or not enough different people, could approve it.
    #[error(
        "nobody could approve this: {names} would need {needed} different people and has {possible}. A Policy Admin can add approvers"
    )]
    NoPossibleApprover {
        /// The steps that are short, by name.
        names: String,
        /// How many different people they need together.
        needed: u32,
        /// How many there are.
        possible: u32,
    },
}

/// What the policy's author says a ticket looks like.
fn explained(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!(". {hint}"))
}

/// The same, or else the pattern itself.
fn wanted(hint: Option<&str>, pattern: &str) -> String {
    match hint {
        Some(_) => explained(hint),
        None => format!(": all of it must match {pattern}"),
    }
}

impl Refusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DurationOverPolicy { .. } => "duration_over_policy",
            Self::DurationTooShort { .. } => "duration_too_short",
            Self::UntilRevoked { .. } => "duration_until_revoked",
            Self::ReasonRequired => "reason_required",
            Self::ReasonTooShort { .. } => "reason_too_short",
            Self::ReasonTooLong { .. } => "reason_too_long",
            Self::TicketRequired { .. } => "ticket_required",
            Self::TicketMismatch { .. } => "ticket_mismatch",
            Self::TicketMalformed => "ticket_malformed",
            Self::StartInPast { .. } => "start_in_past",
            Self::StartTooFar { .. } => "start_too_far",
            Self::StartInEmergency => "start_in_emergency",
            Self::AutoDenied { .. } => "denied_by_policy",
            Self::Unanswered { .. } => "rule_unanswered",
            Self::NobodyTold => "nobody_told",
            Self::NoPossibleApprover { .. } => "no_possible_approver",
        }
    }
}
