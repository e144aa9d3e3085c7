//! A Binding: one Principal × Entitlement pair that Stint manages, and what to do about it.
//!
//! The model, in short: what is *wanted* follows from the grants of the pair and from what we
//! ourselves created in this epoch; what *is* follows from readings and from the outcomes of
//! our own attempts; [`Ledger::plan`] names the one next step between them. Everything a
//! worker does is `load → advance → [call AWS] → record or observe → store`; nothing is
//! decided anywhere else. `docs/grants.md` tells it in full, with the mistakes that each rule
//! prevents.
//!
//! Not here: calling AWS, storing, waiting. A moment is always an argument.

mod absent;
mod advance;
mod attempt;
mod change;
mod claim;
mod config;
mod derive;
mod fact;
mod plan;
mod record;
#[cfg(test)]
mod tests;

pub use advance::{Action, Turn};
pub use attempt::{Attempt, AttemptKind, Outcome};
pub use claim::{Claim, Lost};
pub use config::Config;
pub use derive::Wanted;
pub use fact::Fact;
pub use plan::{Decision, Step};
pub use record::{Answer, Reading};

use crate::entitlement::{EntitlementKey, Pair};
use crate::grant::Grant;
use crate::time::Time;
use crate::{AttemptId, BindingId, GrantId};

crate::grant::words! {
    /// How AWS keeps this kind of access.
    BindingKind {
        /// A permission set on an account: asynchronous, idempotent, no provenance.
        AccountAssignment = "account_assignment",
        /// Membership of an Identity Center group: synchronous; the membership's id tells one
        /// from another, and creating one that is there is refused.
        GroupMembership = "group_membership",
        /// Membership of an IAM group: synchronous, idempotent both ways, no provenance;
        /// addressed by names.
        IamGroupMembership = "iam_group_membership",
    }
}

impl BindingKind {
    /// The kind of an entitlement's bindings.
    pub const fn of(key: &EntitlementKey) -> Self {
        match key {
            EntitlementKey::AccountAssignment { .. } => Self::AccountAssignment,
            EntitlementKey::GroupMembership { .. } => Self::GroupMembership,
            EntitlementKey::IamGroupMembership { .. } => Self::IamGroupMembership,
        }
    }
}

/// What is stored about a pair, beside its grants and attempts. Every field is a plain column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// Who × what.
    pub pair: Pair,
    /// How AWS keeps it.
    pub kind: BindingKind,
    /// Counts claims: who holds an older number has lost it.
    pub generation: i64,
    /// A worker holds this binding until then.
    pub lease_until: Option<Time>,
    /// When a worker is to look next.
    pub due: Option<Time>,
    /// Counts epochs.
    pub epoch: i64,
    /// Between the first create intent (or a removal decision) and proven absence.
    pub epoch_open: bool,
    /// In this epoch access was found that may be a late create of ours.
    pub adopted: bool,
    /// When it was adopted.
    pub reopened_at: Option<Time>,
    /// The newest reading.
    pub observation: Option<Observation>,
    /// When the newest reading began that found the access.
    pub last_present_seen: Option<Time>,
    /// When the newest listing began that found no creation of ours in progress.
    pub inflight_clear: Option<Time>,
    /// A recorded decision to remove this access, whoever added it, not fulfilled yet.
    pub removal_decision: Option<Time>,
    /// A create of ours was never heard of again: access appearing may be it, until a reading
    /// begun after this finds none.
    pub quarantine_until: Option<Time>,
    /// Confirmed access was found gone, and not through us.
    pub interrupted: Option<Time>,
    /// AWS refuses the removal.
    pub stuck: Option<Stuck>,
    /// When a person last asked to try again: older attempts put nothing off.
    pub again_at: Option<Time>,
    /// Readings that failed since the last that did not.
    pub failures: i64,
}

/// What one read of AWS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// When the read began.
    pub read_began: Time,
    /// Whether the access was there.
    pub present: bool,
    /// The id of the membership found.
    pub membership: Option<String>,
}

/// A removal that AWS refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// Since when.
    pub since: Time,
    /// What AWS says.
    pub reason: String,
}

impl Binding {
    /// A pair nothing is known of yet.
    pub const fn new(id: BindingId, pair: Pair, kind: BindingKind) -> Self {
        Self {
            id,
            pair,
            kind,
            generation: 0,
            lease_until: None,
            due: None,
            epoch: 0,
            epoch_open: false,
            adopted: false,
            reopened_at: None,
            observation: None,
            last_present_seen: None,
            inflight_clear: None,
            removal_decision: None,
            quarantine_until: None,
            interrupted: None,
            stuck: None,
            again_at: None,
            failures: 0,
        }
    }
}

/// A binding with its grants and attempts, as loaded in one transaction.
///
/// `grants` holds at least every grant of the pair that has not ended. `attempts` holds at
/// least those of the current epoch and those signed within [`Config::memory`]. The store
/// writes back the rows that differ from what it loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The binding.
    pub binding: Binding,
    /// Its grants.
    pub grants: Vec<Grant>,
    /// Its attempts, in any order.
    pub attempts: Vec<Attempt>,
}

/// A verb that does not fit where the binding stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The grant says no.
    #[error(transparent)]
    Grant(#[from] crate::grant::Refused),
    /// No such grant on this pair.
    #[error("grant {0} is not of this pair")]
    NoGrant(GrantId),
    /// No such attempt of this binding, or not loaded.
    #[error("attempt {0} is not of this binding")]
    NoAttempt(AttemptId),
    /// The binding is not where the verb applies.
    #[error("cannot {verb}: the binding is {from}, and {why}")]
    Binding {
        /// Where the binding stands.
        from: &'static str,
        /// What was tried.
        verb: &'static str,
        /// Why not.
        why: &'static str,
    },
}
