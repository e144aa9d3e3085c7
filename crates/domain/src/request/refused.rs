//! Why a decision or a cancellation was not taken, and what was tried.

use std::fmt;

use super::{MOST_HANDOVERS, Source};
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
    /// To hand a place in it on.
    Reassign,
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
    /// They handed on their place in this step.
    #[error(
        "you handed on your place in step {} (“{name}”): who has it now decides there, or hands it back",
        step + 1
    )]
    HandedOn {
        /// The current step, counted from 0 within its policy.
        step: usize,
        /// Its name.
        name: String,
    },
    /// Somebody has approved it in the place they handed on.
    #[error(
        "the place you handed on was used at step {} on {at}: one place counts once, somebody else must decide now",
        step + 1
    )]
    DecidedInPlace {
        /// At which step, counted from 0 within its policy.
        step: usize,
        /// When.
        at: Time,
        /// Who.
        by: UserId,
    },
    /// The policy does not let them hand on a place in this step.
    #[error("{}", fixed(*step, name, *administrators))]
    NotHandedOn {
        /// The current step, counted from 0 within its policy.
        step: usize,
        /// Its name.
        name: String,
        /// Whether administrators may.
        administrators: bool,
    },
    /// An administrator would choose who decides on what is theirs.
    #[error(
        "you asked for this access, would hold it or decide for somebody who does: another administrator must say who decides on it"
    )]
    ChoosesForOneself,
    /// Whose place it would be cannot decide at this step now.
    #[error(
        "who is to hand on their place in step {} (“{name}”) cannot decide there now: name somebody who can, or nobody",
        step + 1
    )]
    FromNotAsked {
        /// The current step, counted from 0 within its policy.
        step: usize,
        /// Its name.
        name: String,
    },
    /// The step waits for its time alone.
    #[error("this request waits for nobody now: there is no place to hand on")]
    NobodyAsked,
    /// They cannot take the place.
    #[error(transparent)]
    Target(#[from] NotTarget),
    /// Places in this step were handed on too often.
    #[error(
        "places in step {} were handed on {MOST_HANDOVERS} times already: whoever has one now must decide, or an administrator must say who does",
        step + 1
    )]
    HandedOnTooOften {
        /// The current step, counted from 0 within its policy.
        step: usize,
    },
    /// A place handed on without a reason.
    #[error("say why you hand it on: whoever decides in that place reads it")]
    HandoverReason,
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

/// Why somebody cannot take a place in a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTarget {
    /// It is whoever hands it on, or an administrator who appointed who has it now.
    #[error("nobody hands a place to themselves, nor to who appointed them: name somebody else")]
    Oneself,
    /// They asked for it or would hold it, themselves or as members of the group it is for.
    #[error(
        "they asked for this access or would hold it, and its policy lets nobody decide on their own: name somebody else"
    )]
    Own,
    /// They decide for somebody who asked or would hold it.
    #[error(
        "they decide for who asked for this access or would hold it, and its policy lets nobody approve their own: name somebody else"
    )]
    DelegateOfTheirs,
    /// They have approved it, or somebody did in their place.
    #[error(
        "they have approved this request already, or somebody has in their place: nobody counts twice, name somebody else"
    )]
    HasDecided,
    /// They are not active, or a role of theirs decides nothing.
    #[error(
        "they are not active, or a role of theirs decides nothing: name somebody who can decide"
    )]
    Unable,
    /// They are asked there already, or handed on a place of their own there.
    #[error(
        "they are asked at this step already, or handed on a place of their own there: name somebody who is not"
    )]
    Asked,
    /// A later step would have too few people without them.
    #[error(
        "they are needed at a later step (“{name}”), and nobody counts for two: name somebody else"
    )]
    NeededLater {
        /// The later step's name.
        name: String,
    },
}

impl NotTarget {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Oneself => "target_is_oneself",
            Self::Own => "target_own_request",
            Self::DelegateOfTheirs => "target_delegate_of_requester",
            Self::HasDecided => "target_has_decided",
            Self::Unable => "target_cannot_decide",
            Self::Asked => "target_asked_already",
            Self::NeededLater { .. } => "target_needed_later",
        }
    }
}

fn fixed(step: usize, name: &str, administrators: bool) -> String {
    let who = match administrators {
        true => "only a Policy Admin or Super Admin can name somebody else",
        false => "whoever it asks decides, or nobody does",
    };
    format!(
        "the policy lets no approver hand on a place in step {} (“{name}”): {who}",
        step + 1
    )
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
            Self::HandedOn { .. } => "handed_on",
            Self::DecidedInPlace { .. } => "decided_in_place",
            Self::NotHandedOn { .. } => "not_handed_on",
            Self::ChoosesForOneself => "chooses_for_oneself",
            Self::FromNotAsked { .. } => "from_not_asked",
            Self::NobodyAsked => "nobody_asked",
            Self::Target(why) => why.code(),
            Self::HandedOnTooOften { .. } => "handed_on_too_often",
            Self::ReasonRequired | Self::HandoverReason => "reason_required",
            Self::ReasonTooLong { .. } => "reason_too_long",
        }
    }
}

impl Verb {
    /// `approve`, `deny`, `cancel`, `raise`, `reassign`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Raise => "raise",
            Self::Reassign => "reassign",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Deny => "denied",
            Self::Cancel => "cancelled",
            Self::Raise => "raised",
            Self::Reassign => "reassigned",
        }
    }

    const fn instead(self) -> &'static str {
        match self {
            Self::Approve | Self::Reassign => "another approver must decide",
            Self::Deny | Self::Cancel | Self::Raise => "cancel it instead",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
