//! What can go wrong with requests.

use stint_domain::policy::{NotAsked, NotReviewer, Refusal};
use stint_domain::request::Refused;
use stint_domain::{GrantId, PrincipalId, RequestId, Time};

use super::{ItemFault, Whose};
use crate::connections::Closed;
use crate::cx::Denied;
use crate::duties::{self, Conflict};
use crate::grants;
use crate::http::{BadCursor, Fault, Kind};
use crate::identity::Unproved;
use crate::policies;

/// Why a verb of this room failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such thing, or the caller does not see it.
    #[error("there is no such thing")]
    NotFound,
    /// The cursor of a list is none of ours.
    #[error("the cursor of a list is none of ours")]
    Cursor(#[from] BadCursor),
    /// Holding a draft against past requests was broken off.
    #[error("holding the draft against past requests was broken off")]
    Stopped,
    /// A draft of a policy could not be saved.
    #[error(transparent)]
    Draft(policies::Error),
    /// There is no policy to judge it by.
    #[error(
        "nobody can ask for this entitlement: it has no policy, or is in no catalog of theirs; say under which policy it would be asked"
    )]
    NoPolicy,
    /// So many days are not looked back.
    #[error("look back from 1 to {} days", super::replay::MOST_DAYS)]
    Days,
    /// It cannot be asked like this; every reason there is, never empty.
    #[error("it cannot be asked like this: {}", join(.0))]
    Refused(Vec<Refusal>),
    /// The decision or cancellation was not taken.
    #[error(transparent)]
    Decision(#[from] Refused),
    /// The beneficiary has no identity in AWS that could hold it.
    #[error(
        "{} no confirmed link to an {kind} of the connection “{connection}”: ask Helpdesk \
         to propose one, and a Connection Admin to confirm it; then ask again",
        whose.have()
    )]
    NoLinkedPrincipal {
        /// Whose.
        whose: Whose,
        /// What kind of identity could hold it.
        kind: &'static str,
        /// The connection's name.
        connection: String,
    },
    /// It is a group of IAM, which its connection no longer reads.
    #[error(
        "IAM users and groups are switched off for this connection: ask a Connection Admin to \
         switch them on, or for other access"
    )]
    IamSwitchedOff,
    /// It is a group of a directory that decides who is in it.
    #[error("{}", crate::directory::owned_words(name, owner))]
    OwnedByDirectory {
        /// What the entitlement is called.
        name: String,
        /// The directory.
        owner: String,
    },
    /// The beneficiary's principal is gone from AWS.
    #[error(
        "{} principal “{name}” is no longer in AWS: ask a Connection Admin to confirm a link to \
         the one there is now; then ask again",
        whose.own()
    )]
    PrincipalGone {
        /// Whose.
        whose: Whose,
        /// Its name.
        name: String,
    },
    /// Only a person can hold it.
    #[error(
        "an Identity Center group can hold a permission set on an account, and nothing else: ask for this for yourself"
    )]
    NotForGroups,
    /// The connection has no such group.
    #[error(
        "the connection of this entitlement has no Identity Center group {id}: take the id from `GET /api/v1/requests/groups`"
    )]
    UnknownGroup {
        /// What was asked for.
        id: PrincipalId,
    },
    /// It is somebody, not a group.
    #[error(
        "“{name}” is an {kind}: `principal` names an Identity Center group; leave it out to ask for yourself"
    )]
    NotAGroup {
        /// Its name.
        name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The group is gone from AWS.
    #[error(
        "the Identity Center group “{name}” is no longer in AWS: nobody can be given anything through it"
    )]
    GroupGone {
        /// Its name.
        name: String,
    },
    /// The beneficiary's principal is not the one that was asked for any more.
    #[error(
        "the beneficiary's link to AWS has changed since this was asked: deny it, and have them \
         ask again"
    )]
    PrincipalChanged,
    /// The beneficiary is not active any more.
    #[error("the beneficiary is not active any more: deny it")]
    BeneficiaryInactive,
    /// Both a group and a person are to hold it.
    #[error("it is for a group or for a person: leave out `principal` or `beneficiary`")]
    GroupOrPerson,
    /// Whoever asked for somebody else may not do that any more.
    #[error(
        "who asked may not ask for the beneficiary any more: deny it; the beneficiary can ask for themselves"
    )]
    AskedWithoutRight,
    /// The connection gives nothing new.
    #[error("the connection gives no new access")]
    Closed(Box<Closed>),
    /// The access cannot go on.
    #[error("{0}")]
    CannotExtend(&'static str),
    /// It goes on already.
    #[error("this access is extended already, by {next}: extend that one")]
    ExtendedAlready {
        /// The grant that continues it.
        next: GrantId,
    },
    /// It may not be asked for any more.
    #[error(
        "this may not be asked for any more: it ends at its time; a Policy Admin can put it back into a catalog of yours"
    )]
    NotOffered,
    /// Who asks is somebody else in AWS today than who holds it.
    #[error("your link to AWS has changed since this was given: let it end, and ask for it anew")]
    PrincipalMoved,
    /// Emergency access is off for it.
    #[error(
        "there is no emergency access to this: ask for it in the ordinary way; a Policy Admin can choose a policy for emergencies"
    )]
    NoEmergency,
    /// It was asked in an emergency already.
    #[error("this was asked in an emergency already")]
    EmergencyAlready,
    /// They have asked for the same in an emergency, and nobody has answered.
    #[error("this was asked in an emergency already, and waits for an answer: {0}")]
    EmergencyWaits(RequestId),
    /// The same was asked at this moment, or by somebody else for the same person.
    #[error("this is asked for in an emergency already, and waits for an answer")]
    EmergencyTwice,
    /// They have asked for the same in the ordinary way, and nobody has answered.
    #[error(
        "you have asked for this already, and it waits for an answer: raise {0} to emergency access instead of asking twice"
    )]
    RaiseInstead(RequestId),
    /// They may not close this review.
    #[error(transparent)]
    NotReviewer(#[from] NotReviewer),
    /// The review is closed.
    #[error("this review was closed at {0}: a verdict stays")]
    ReviewClosed(Time),
    /// A verdict without words, or with endless ones.
    #[error(
        "say what you found, in at most {} characters: it stays with the review",
        stint_domain::policy::LONGEST_TEXT
    )]
    ReviewNote,
    /// They may not say whether access until it is revoked is still needed.
    #[error(transparent)]
    NotAsked(#[from] NotAsked),
    /// Nobody is asked whether it is still needed.
    #[error(
        "nobody is asked about this access: it is had for a time, or its first review has not come"
    )]
    NoReview,
    /// Somebody has said whether it is still needed.
    #[error("this was answered at {0}: look at how it stands now")]
    ReviewAnswered(Time),
    /// Who holds access until it is revoked, or asked for it for a group, is not active any more.
    #[error("{} is not active any more: close it", holder(*group))]
    HolderInactive {
        /// Whether a group holds it.
        group: bool,
    },
    /// Who holds access until it is revoked is somebody else in AWS today.
    #[error(
        "the link to AWS of who holds this access has changed since it was given: close it, and have them ask for it anew"
    )]
    HolderMoved,
    /// Whoever asked for access until it is revoked for somebody else may not do that any more.
    #[error(
        "who asked may not ask for who holds this access any more: close it; who holds it can ask for themselves"
    )]
    HeldWithoutRight,
    /// Nobody said in time that it is still needed, or it was ended before.
    #[error("it is too late for an answer: this access is over, or was ended early")]
    ReviewOver,
    /// There is nothing to return.
    #[error("{0}")]
    NothingToReturn(&'static str),
    /// A comment is endless.
    #[error(
        "a comment has at most {} characters",
        stint_domain::policy::LONGEST_TEXT
    )]
    Comment,
    /// Some of several things cannot be asked for; nothing was. Never empty.
    #[error("{}", items(.0))]
    Items(Vec<ItemFault>),
    /// The same thing twice among several.
    #[error("it is named twice: leave one out")]
    AskedTwice,
    /// Too many at once, or none.
    #[error("ask for 1 to {most} things at once, not for {0}", most = super::MOST_ITEMS)]
    HowMany(usize),
    /// Nothing of a submission waits any more.
    #[error("all of it is answered already: there is nothing to cancel")]
    AllAnswered,
    /// A comment that says nothing.
    #[error("say something: a comment cannot be empty")]
    NothingSaid,
    /// A request that was talked about at length.
    #[error("a request has at most {} comments", super::MOST_COMMENTS)]
    TooManyComments,
    /// A filter that is no state.
    #[error("`{0}` is no state: use pending, approved, denied or cancelled")]
    State(String),
    /// What conditions are asked about could not be put together.
    #[error("what the policy's conditions ask about could not be put together: {0}")]
    Scene(String),
    /// Duty rules keep it apart from what would be held at the same time. Never empty.
    #[error("{}", apart(.0))]
    Apart(Vec<Conflict>),
    /// The same of something that came about after it was asked. Never empty.
    #[error(
        "since this was asked, duty rules came to keep it apart from what is held: {}. Deny it, and have them ask again if it is still needed",
        apart(.0)
    )]
    ApartSince(Vec<Conflict>),
    /// An exception without a reason.
    #[error(
        "this step makes an exception to a duty rule: say in the comment why it is justified; the words stay with it"
    )]
    ExceptionReason,
    /// The policy wants the caller's password again, and they have not given it of late.
    #[error(transparent)]
    StepUp(#[from] Unproved),
    /// The same, and the caller would approve by a delegation that was made without a password.
    #[error(
        "you would approve this for somebody who let you decide without giving their password, and this policy wants the password of whoever approves: have whoever is away end that delegation and make it anew, signed in and with their password; or another approver decides"
    )]
    DelegationUnproved,
    /// Duty rules could not be asked.
    #[error(transparent)]
    Duties(#[from] duties::Error),
    /// The grants could not be opened or closed.
    #[error(transparent)]
    Grants(#[from] grants::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] stint_db::Error),
}

/// One reason why something cannot be asked for like this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hurdle {
    /// The stable code.
    pub code: &'static str,
    /// What to do.
    pub detail: String,
}

impl From<&Refusal> for Hurdle {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code(),
            detail: refusal.to_string(),
        }
    }
}

const fn holder(group: bool) -> &'static str {
    match group {
        true => "who asked for this access for a group",
        false => "who holds this access",
    }
}

/// Each fault with which item it is about, counted from 1.
fn items(faults: &[ItemFault]) -> String {
    let said =
        |fault: &ItemFault| format!("item {} ({}): {}", fault.item + 1, fault.code, fault.detail);
    let texts: Vec<String> = faults.iter().map(said).collect();
    format!("nothing was asked for; {}", texts.join("; "))
}

/// What each rule says, and what it is about.
pub(super) fn apart(conflicts: &[Conflict]) -> String {
    let said = |it: &Conflict| {
        let held = it.held_words();
        format!(
            "the rule “{}” keeps it apart from {held}: {}",
            it.name,
            it.message.trim_end_matches('.')
        )
    };
    let texts: Vec<String> = conflicts.iter().map(said).collect();
    texts.join("; ")
}

fn join(refusals: &[Refusal]) -> String {
    let texts: Vec<_> = refusals.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Denied(denied) => denied.kind(),
            Self::Cursor(cursor) => cursor.kind(),
            Self::NotFound => Kind::Invisible,
            Self::Decision(refused) => match refused {
                Refused::WrongState { .. }
                | Refused::AlreadyDecided { .. }
                | Refused::DecidedByDelegate { .. }
                | Refused::DecidedInPlace { .. }
                | Refused::HandedOn { .. }
                | Refused::HandedOnTooOften { .. }
                | Refused::NobodyAsked => Kind::Conflict,
                Refused::SelfApproval { .. }
                | Refused::DelegateOfTheirs
                | Refused::DelegatedToOneself { .. }
                | Refused::Benefits { .. }
                | Refused::NotAnApprover { .. }
                | Refused::NotHandedOn { .. }
                | Refused::ChoosesForOneself
                | Refused::BecameApproverAfterSubmission { .. } => Kind::Denied,
                Refused::NotYetFallback { .. } | Refused::NotNeeded { .. } => Kind::Conflict,
                Refused::ReasonRequired
                | Refused::ReasonTooLong { .. }
                | Refused::HandoverReason
                | Refused::FromNotAsked { .. }
                | Refused::Target(_) => Kind::Invalid,
            },
            Self::Draft(error) => error.kind(),
            Self::Refused(_)
            | Self::NoPolicy
            | Self::Days
            | Self::NoLinkedPrincipal { .. }
            | Self::PrincipalGone { .. }
            | Self::NotForGroups
            | Self::GroupOrPerson
            | Self::UnknownGroup { .. }
            | Self::NotAGroup { .. }
            | Self::Comment
            | Self::NothingSaid
            | Self::Items(_)
            | Self::AskedTwice
            | Self::ExceptionReason
            | Self::HowMany(_)
            | Self::ReviewNote
            | Self::State(_) => Kind::Invalid,
            Self::NotReviewer(NotReviewer::NotBegun(_)) | Self::NotAsked(NotAsked::NotYet(_)) => {
                Kind::Conflict
            }
            Self::NotReviewer(_)
            | Self::NotAsked(_)
            | Self::StepUp(_)
            | Self::DelegationUnproved => Kind::Denied,
            Self::Closed(_)
            | Self::PrincipalChanged
            | Self::Apart(_)
            | Self::ApartSince(_)
            | Self::GroupGone { .. }
            | Self::IamSwitchedOff
            | Self::OwnedByDirectory { .. }
            | Self::BeneficiaryInactive
            | Self::AskedWithoutRight
            | Self::CannotExtend(_)
            | Self::ExtendedAlready { .. }
            | Self::NotOffered
            | Self::PrincipalMoved
            | Self::TooManyComments
            | Self::AllAnswered
            | Self::NoEmergency
            | Self::EmergencyAlready
            | Self::EmergencyWaits(_)
            | Self::EmergencyTwice
            | Self::RaiseInstead(_)
            | Self::ReviewClosed(_)
            | Self::NoReview
            | Self::ReviewAnswered(_)
            | Self::ReviewOver
            | Self::HolderInactive { .. }
            | Self::HolderMoved
            | Self::HeldWithoutRight
            | Self::NothingToReturn(_) => Kind::Conflict,
            Self::Scene(_) | Self::Stopped => Kind::Internal,
            Self::Duties(error) => error.kind(),
            Self::Grants(error) => error.kind(),
            Self::Db(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Draft(error) => error.code(),
            Self::NoPolicy => "no_policy",
            Self::Days => "invalid_days",
            Self::Denied(denied) => denied.code(),
            Self::Cursor(cursor) => cursor.code(),
            Self::NotFound => "not_found",
            Self::Refused(why) => why.first().map_or("refused", Refusal::code),
            Self::Decision(refused) => refused.code(),
            Self::NoLinkedPrincipal { .. } => "no_linked_principal",
            Self::PrincipalGone { .. } => "principal_gone",
            Self::NotForGroups => "not_for_groups",
            Self::UnknownGroup { .. } => "unknown_principal",
            Self::NotAGroup { .. } => "not_a_group",
            Self::GroupGone { .. } => "group_gone",
            Self::IamSwitchedOff => "iam_switched_off",
            Self::OwnedByDirectory { .. } => "group_owned_by_directory",
            Self::PrincipalChanged | Self::HolderMoved => "principal_changed",
            Self::BeneficiaryInactive | Self::HolderInactive { .. } => "beneficiary_inactive",
            Self::AskedWithoutRight | Self::HeldWithoutRight => "asked_without_right",
            Self::GroupOrPerson => "group_or_person",
            Self::CannotExtend(_) => "cannot_extend",
            Self::ExtendedAlready { .. } => "extended_already",
            Self::NotOffered => "not_offered",
            Self::PrincipalMoved => "principal_moved",
            Self::NothingToReturn(_) => "nothing_to_return",
            Self::NoEmergency => "no_emergency_access",
            Self::EmergencyAlready => "emergency_already",
            Self::EmergencyWaits(_) | Self::EmergencyTwice => "emergency_waits",
            Self::RaiseInstead(_) => "raise_instead",
            Self::NotReviewer(why) => why.code(),
            Self::ReviewClosed(_) => "review_closed",
            Self::NotAsked(why) => why.code(),
            Self::NoReview => "no_review",
            Self::ReviewAnswered(_) => "review_answered",
            Self::ReviewOver => "review_over",
            Self::ReviewNote => "review_note",
            Self::Closed(closed) => closed.code(),
            Self::Comment => "comment_too_long",
            Self::NothingSaid => "comment_empty",
            Self::Items(_) => "items_refused",
            Self::AskedTwice => "asked_twice",
            Self::HowMany(_) => "how_many_items",
            Self::AllAnswered => "all_answered",
            Self::TooManyComments => "too_many_comments",
            Self::State(_) => "invalid_state",
            Self::Scene(_) | Self::Stopped => "internal",
            Self::Apart(_) | Self::ApartSince(_) => "duties_apart",
            Self::ExceptionReason => "exception_reason",
            Self::StepUp(_) => "step_up_required",
            Self::DelegationUnproved => "delegation_unproved",
            Self::Duties(error) => error.code(),
            Self::Grants(error) => error.code(),
            Self::Db(error) => error.code(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Draft(error) => error.detail(),
            Self::Denied(denied) => denied.detail(),
            Self::Cursor(cursor) => cursor.detail(),
            Self::Refused(why) => join(why),
            Self::Duties(error) => error.detail(),
            Self::Grants(error) => error.detail(),
            Self::Closed(closed) => closed.detail(),
            Self::Db(error) => error.detail(),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_access_reads_whose_it_is_and_to_close_it() {
        let of = |group| Error::HolderInactive { group }.to_string();
        assert!(of(false).starts_with("who holds this access is not active"));
        assert!(of(true).starts_with("who asked for this access for a group is not active"));
        for error in [
            Error::HolderInactive { group: true },
            Error::HolderMoved,
            Error::HeldWithoutRight,
        ] {
            assert!(error.to_string().contains("close it"), "{error}");
            assert_eq!(error.kind(), Kind::Conflict);
        }
    }
}
