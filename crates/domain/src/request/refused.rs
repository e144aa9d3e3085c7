//! Why a decision or a cancellation was not taken, and what was tried.

use std::fmt;

use super::Source;
use crate::policy::LONGEST_TEXT;
use crate::{Time, UserId};

/// What somebody tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To approve.
    Approve,
    /// To deny.
    Deny,
    /// To cancel.
    Cancel,
    /// To raise it to emergency access.
    Raise,
}

/// Why a decision or a cancellation was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is answered already.
    #[error("this request was {state} at {at}: it cannot be {} any more", verb.done())]
    WrongState {
        /// What was tried.
        verb: Verb,
        /// The state's word.
        state: &'static str,
        /// Since when.
        at: Time,
        /// Whose act that was; nobody's where the policy approved by itself.
        by: Option<UserId>,
    },
    /// Their own request.
    #[error(
        "you asked for this access or would hold it, and its policy lets nobody {verb} their own request: {}",
        verb.instead()
    )]
    SelfApproval {
        /// What was tried.
        verb: Verb,
    },
    /// The group they are in would hold it.
    #[error(
        "you are a member of the Identity Center group this access is for, and its policy lets nobody {verb} what they would hold: an approver who is no member must decide"
    )]
    Benefits {
        /// What was tried.
        verb: Verb,
    },
    /// Who asked, or would hold it, has delegated to them.
    #[error(
        "you decide for who asked for this access or would hold it while they are away, and its policy lets nobody approve their own request: another approver must, or the delegation be ended"
    )]
    DelegateOfTheirs,
    /// A delegate has decided on it for them.
    #[error(
        "somebody to whom you delegated approved this request for you at step {} on {at}: nobody counts twice, somebody else must decide now",
        step + 1
    )]
    DecidedByDelegate {
        /// At which step, counted from 0 within its policy.
        step: usize,
        /// When.
        at: Time,
        /// Who.
        by: UserId,
    },
    /// They wrote down themselves that an approver delegated to them, while it was waiting.
    #[error(
        "you wrote the delegation to yourself at {since}, after this request was submitted: another approver must decide"
    )]
    DelegatedToOneself {
        /// When they wrote it.
        since: Time,
    },
    /// They have decided on it before.
    #[error(
        "you approved this request at step {} on {at}: nobody counts twice, somebody else must decide now",
        step + 1
    )]
    AlreadyDecided {
        /// At which step, counted from 0 within its policy.
        step: usize,
        /// When.
        at: Time,
    },
    /// They are not among the approvers of the current step.
    #[error(
        "you are not an approver of step {} (“{name}”), which this request waits at",
        step + 1
    )]
    NotAnApprover {
        /// The current step, counted from 0 within its policy.
        step: usize,
        /// Its name.
        name: String,
    },
    /// They put themselves among the approvers while it was waiting.
    #[error(
        "you added yourself to {of} at {since}, after this request was submitted: another approver must decide"
    )]
    BecameApproverAfterSubmission {
        /// The group, or the role.
        of: Source,
        /// Since when they are in it.
        since: Time,
    },
    /// They are a fallback approver, and the others can decide.
    #[error(
        "you are a fallback approver of step {} (“{name}”), whose approvers can decide and still have time",
        step + 1
    )]
    NotYetFallback {
        /// The current step, counted from 0 within its policy.
        step: usize,
        /// Its name.
        name: String,
    },
    /// The places they count for are taken.
    #[error(
        "your part of step {} (“{name}”) has all the approvals it needs: the other approvers of the step must decide now",
        step + 1
    )]
    NotNeeded {
        /// The current step, counted from 0 within its policy.
        step: usize,
        /// Its name.
        name: String,
    },
    /// A denial without a reason.
    #[error("say why: a denial needs a reason")]
    ReasonRequired,
    /// A reason beyond measure.
    #[error("the reason has {length} characters: at most {LONGEST_TEXT} are kept")]
    ReasonTooLong {
        /// Characters given.
        length: usize,
    },
}

impl Refused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WrongState { .. } => "wrong_state",
            Self::SelfApproval { .. } => "self_approval",
            Self::Benefits { .. } => "member_of_the_group",
            Self::AlreadyDecided { .. } => "already_decided",
            Self::DelegateOfTheirs => "delegate_of_requester",
            Self::DecidedByDelegate { .. } => "decided_by_delegate",
            Self::DelegatedToOneself { .. } => "delegated_to_oneself",
            Self::NotAnApprover { .. } => "not_an_approver",
            Self::BecameApproverAfterSubmission { .. } => "became_approver_after_submission",
            Self::NotYetFallback { .. } => "not_yet_fallback",
            Self::NotNeeded { .. } => "approval_not_needed",
            Self::ReasonRequired => "reason_required",
            Self::ReasonTooLong { .. } => "reason_too_long",
        }
    }
}

impl Verb {
    /// `approve`, `deny`, `cancel`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Raise => "raise",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Deny => "denied",
            Self::Cancel => "cancelled",
            Self::Raise => "raised",
        }
    }

    const fn instead(self) -> &'static str {
        match self {
            Self::Approve => "another approver must decide",
            Self::Deny | Self::Cancel | Self::Raise => "cancel it instead",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
