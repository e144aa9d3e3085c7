//! Step-up: the password given again, where a policy wants that of whoever asks or approves.
//!
//! Asked in the transaction that asks or decides, after whether somebody may: who may not do it at all is
//! told that, and not to give a password first. Denying, cancelling and giving
//! back never want one.

use stint_db::Query;
use stint_domain::UserId;
use stint_domain::policy::StepUp;
use stint_domain::request::State;

use super::{Error, Request};
use crate::cx::Cx;
use crate::identity::{self, Delegation};

impl Request {
    /// When the version pinned on it wants passwords again. Once it goes on under another policy, or was
    /// approved there, what either wants of whoever approves is wanted.
    pub fn step_up(&self) -> StepUp {
        let question = &self.rules.question;
        let first = question.outcome().step_up;
        let step = match &self.rules.state {
            State::Pending { step, .. } => Some(*step),
            State::Approved { approvals, .. } => approvals.last().map(|it| it.step),
            State::Denied { .. } | State::Cancelled { .. } => None,
        };
        let other = step.and_then(|step| question.other_of(step));
        other.map_or(first, |other| first.approved_as(other.outcome().step_up))
    }
}

/// Refuses to ask where the password is wanted for it and was not given of late.
pub(super) async fn at_asking(cx: &Cx, q: &mut impl Query, it: StepUp) -> Result<(), Error> {
    match it.at_asking() {
        true => given(cx, q).await,
        false => Ok(()),
    }
}

/// The same for approving.
pub(super) async fn at_approving(cx: &Cx, q: &mut impl Query, it: StepUp) -> Result<(), Error> {
    match it.at_approving() {
        true => given(cx, q).await,
        false => Ok(()),
    }
}

/// The same of whom one approves for: their delegation must have been made with a password, or whoever
/// stole a token of theirs lets an accomplice approve.
pub(super) fn delegated(
    it: StepUp,
    delegations: &[Delegation],
    on_behalf_of: Option<UserId>,
) -> Result<(), Error> {
    let Some(whose) = on_behalf_of.filter(|_| it.at_approving()) else {
        return Ok(());
    };
    match delegations.iter().any(|it| it.user == whose && it.proved) {
        true => Ok(()),
        false => Err(Error::DelegationUnproved),
    }
}

async fn given(cx: &Cx, q: &mut impl Query) -> Result<(), Error> {
    match identity::unproved(cx, q).await? {
        Some(why) => Err(why.into()),
        None => Ok(()),
    }
}

/// In words for people; nothing where no password is wanted.
pub(super) const fn said(it: StepUp) -> Option<&'static str> {
    match it {
        StepUp::No => None,
        StepUp::Asking => Some("given again by whoever asks"),
        StepUp::Approving => Some("given again by whoever approves"),
        StepUp::Both => Some("given again by whoever asks, and by whoever approves"),
    }
}

/// The word on the wire; nothing where no password is wanted.
pub(super) fn word(it: StepUp) -> Option<String> {
    (!it.is_no()).then(|| it.as_str().to_owned())
}
