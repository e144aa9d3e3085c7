//! What processes share of AWS's budget: a seam, and the one for a single process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use stint_domain::{Span, Time};

use super::{Held, Lane, Limit, Service};

/// An assignment write that takes a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenWrite {
    /// The connection's id.
    pub scope: String,
    /// The AWS account it changes.
    pub account: String,
    /// Who holds the slot: a call under way, later the AWS request id.
    pub holder: String,
    /// How urgent it is.
    pub lane: Lane,
    /// When the slot is free again even if nobody says so.
    pub until: Time,
}

/// What [`BudgetStore::open_write`] goes by.
#[derive(Debug, Clone, Copy)]
pub struct WriteRules {
    /// Slots in an estate.
    pub outstanding: usize,
    /// Of those, for the revoke lane only.
    pub reserved_for_revoke: usize,
    /// The present.
    pub now: Time,
}

/// What several processes on one estate have to agree about.
#[async_trait]
pub trait BudgetStore: Send + Sync + 'static {
    /// This process's share of `whole`, until asked again.
    async fn share(&self, scope: &str, service: Service, whole: Limit) -> Limit;

    /// Takes a slot for a write, or says why not. A revocation that is refused is
    /// remembered: less urgent writes on that account are held until it had its turn.
    async fn open_write(&self, write: &OpenWrite, rules: WriteRules) -> Result<(), Held>;

    /// The slot now belongs to an AWS request and lapses at `until`.
    async fn accepted(&self, scope: &str, holder: &str, request_id: &str, until: Time);

    /// The slot is free. Does nothing if nobody holds it under that name.
    async fn close_write(&self, scope: &str, holder: &str);
}

/// How long a refused revocation keeps its turn.
pub const TURN: Span = Span::minutes(2);

#[derive(Default)]
struct Slots {
    open: Vec<OpenWrite>,
    /// Accounts a revocation waits for, and until when.
    wanted: HashMap<(String, String), Time>,
}

/// All of the budget, for the only process there is. Forgets everything with it.
#[derive(Default)]
pub struct MemoryBudget {
    slots: Mutex<Slots>,
}

impl MemoryBudget {
    /// With every slot free.
    pub fn new() -> Self {
        Self::default()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl BudgetStore for MemoryBudget {
    async fn share(&self, _: &str, _: Service, whole: Limit) -> Limit {
        whole
    }

    async fn open_write(&self, write: &OpenWrite, rules: WriteRules) -> Result<(), Held> {
        let mut slots = self.slots();
        slots.open.retain(|w| w.until > rules.now);
        slots.wanted.retain(|_, until| *until > rules.now);
        let revoke = write.lane == Lane::Revoke;
        let account = (write.scope.clone(), write.account.clone());
        let in_estate = slots.open.iter().filter(|w| w.scope == write.scope);
        let room = if revoke {
            rules.outstanding
        } else {
            rules.outstanding.saturating_sub(rules.reserved_for_revoke)
        };
        let full = in_estate.clone().count() >= room;
        let busy = in_estate.clone().any(|w| w.account == write.account);
        if busy || (!revoke && slots.wanted.contains_key(&account)) {
            if revoke {
                slots.wanted.insert(account, rules.now + TURN);
            }
            return Err(Held::AccountBusy);
        }
        if full {
            return Err(Held::WritesOutstanding);
        }
        slots.wanted.remove(&account);
        slots.open.push(write.clone());
        Ok(())
    }

    async fn accepted(&self, scope: &str, holder: &str, request_id: &str, until: Time) {
        let mut slots = self.slots();
        let slot = slots
            .open
            .iter_mut()
            .find(|w| w.scope == scope && w.holder == holder);
        if let Some(slot) = slot {
            slot.holder = request_id.to_owned();
            slot.until = until;
        }
    }

    async fn close_write(&self, scope: &str, holder: &str) {
        self.slots()
            .open
            .retain(|w| !(w.scope == scope && w.holder == holder));
    }
}
