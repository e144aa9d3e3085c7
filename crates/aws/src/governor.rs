//! The one door every call to AWS passes.
//!
//! [`Governor::admit`] decides *when* a call may leave: token buckets per estate and
//! service, lanes in the order revoke > provision > interactive > sync with a reserved
//! share for the higher ones, a bound on concurrent calls, and slots for assignment writes
//! (one open write per AWS account, ten per estate: AWS reference §2, [D]). It counts
//! every call. The SDK's own retries are off, so that no call escapes it.
//!
//! A call that lacks tokens waits, by the pacing clock ([`Pace`]), never by the product's
//! clock, which may stand still. A write that lacks a slot does not wait: it is told
//! [`Held`] at once, because only polling the open write frees the slot.
//!
//! What replicas share is behind [`BudgetStore`]; the one here keeps it in memory, for one
//! process.

mod bucket;
mod budget;
mod limits;
mod pace;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stint_domain::{Clock, Span};
use tokio::sync::Notify;

use bucket::Bucket;
pub use budget::{BudgetStore, MemoryBudget, OpenWrite, TURN, WriteRules};
pub use limits::{Lane, Limit, Limits, Service};
pub use pace::{Pace, WallPace};

/// How a [`Governor`] is made.
pub struct GovernorOptions {
    /// Never wait for tokens or concurrency. Counting and write slots stay.
    pub unlimited: bool,
    /// The limits.
    pub limits: Limits,
    /// By what waits are measured and made. Must run by itself.
    pub pace: Arc<dyn Pace>,
    /// What is shared with other processes.
    pub budget: Arc<dyn BudgetStore>,
}

impl GovernorOptions {
    /// Never waits. For tests and the demo, whose AWS has no neighbours.
    pub fn unlimited() -> Self {
        Self {
            unlimited: true,
            ..Self::default()
        }
    }
}

impl Default for GovernorOptions {
    fn default() -> Self {
        Self {
            unlimited: false,
            limits: Limits::default(),
            pace: Arc::new(WallPace::new()),
            budget: Arc::new(MemoryBudget::new()),
        }
    }
}

/// What is to be called.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Whose budget: the connection's id, or `base` for this process's own identity.
    pub scope: &'a str,
    /// How urgent.
    pub lane: Lane,
    /// Which service.
    pub service: Service,
    /// For an assignment write: the AWS account it changes.
    pub account: Option<&'a str>,
}

/// Why a write may not leave now. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// Another write on that account is open, or a more urgent one is waiting for it.
    #[error("another write on this AWS account is not finished")]
    AccountBusy,
    /// As many writes are open in the estate as AWS accepts.
    #[error("as many assignment writes are open as AWS accepts")]
    WritesOutstanding,
}

/// How many calls of one kind left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Which service.
    pub service: Service,
    /// In which lane.
    pub lane: Lane,
    /// Calls admitted since the start.
    pub calls: u64,
}

type Key = (Arc<str>, Service);

#[derive(Default)]
struct State {
    buckets: HashMap<Key, Bucket>,
    counts: BTreeMap<(Service, Lane), u64>,
}

struct Inner {
    options: GovernorOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Woken whenever a call ends or a waiter leaves.
    moved: Notify,
    ticket: AtomicU64,
}

/// The door. Clones share everything.
#[derive(Clone)]
pub struct Governor(Arc<Inner>);

/// Longest time a waiter sleeps before it looks again by itself.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Governor {
    /// A governor; `clock` is the product's clock, by which forgotten writes lapse.
    pub fn new(options: GovernorOptions, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            options,
            clock,
            state: Mutex::default(),
            moved: Notify::new(),
            ticket: AtomicU64::new(1),
        }))
    }

    /// AWS's limits as we know them, for one process.
    pub fn standard(clock: Arc<dyn Clock>) -> Self {
        Self::new(GovernorOptions::default(), clock)
    }

    /// Of [`GovernorOptions::unlimited`].
    pub fn unlimited(clock: Arc<dyn Clock>) -> Self {
        Self::new(GovernorOptions::unlimited(), clock)
    }

    /// Waits until the call may leave and counts it. Fails only for an assignment write
    /// (`account` given) without a free slot, and then at once.
    ///
    /// The slot of a write stays taken until [`Permit::ended`], [`Governor::finished`] with
    /// the request id given to [`Permit::accepted`], or the end of its time.
    pub async fn admit(&self, ask: Ask<'_>) -> Result<Permit, Held> {
        let inner = &self.0;
        let ticket = inner.ticket.fetch_add(1, Ordering::Relaxed);
        let key: Key = (Arc::from(ask.scope), ask.service);
        if inner.options.unlimited {
            inner
                .state()
                .bucket(&key, inner.options.limits.of(ask.service))
                .enter();
        } else {
            let whole = inner.options.limits.of(ask.service);
            let limit = inner
                .options
                .budget
                .share(ask.scope, ask.service, whole)
                .await;
            self.queue(&key, limit, ask.lane, ticket).await;
        }
        let mut permit = Permit {
            inner: inner.clone(),
            key,
            scope: ask.scope.to_owned(),
            slot: None,
        };
        if let Some(account) = ask.account {
            let write = OpenWrite {
                scope: ask.scope.to_owned(),
                account: account.to_owned(),
                holder: format!("call-{ticket}"),
                lane: ask.lane,
                until: inner.clock.now() + UNANSWERED,
            };
            let rules = WriteRules {
                outstanding: inner.options.limits.outstanding_writes,
                reserved_for_revoke: inner.options.limits.reserved_for_revoke,
                now: inner.clock.now(),
            };
            let opened = inner.options.budget.open_write(&write, rules).await;
            if let Err(held) = opened {
                // The token was not used after all.
                inner.state().give_back(&permit.key);
                return Err(held);
            }
            permit.slot = Some(write.holder);
        }
        *inner
            .state()
            .counts
            .entry((ask.service, ask.lane))
            .or_default() += 1;
        Ok(permit)
    }

    /// An open write has ended, as its status said. Frees its slot.
    pub async fn finished(&self, scope: &str, request_id: &str) {
        self.0.options.budget.close_write(scope, request_id).await;
    }

    /// The limits it keeps.
    pub fn limits(&self) -> &Limits {
        &self.0.options.limits
    }

    /// Calls that left since the start, by service and lane.
    pub fn counts(&self) -> Vec<Count> {
        let state = self.0.state();
        let counts = state.counts.iter();
        counts
            .map(|(&(service, lane), &calls)| Count {
                service,
                lane,
                calls,
            })
            .collect()
    }

    /// Waits before the same read is tried again; not at all when unlimited.
    pub(crate) async fn back_off(&self, tries: u32) {
        if !self.0.options.unlimited {
            let wait = Duration::from_millis(200).saturating_mul(1 << tries.min(5));
            self.0.options.pace.wait(wait).await;
        }
    }

    async fn queue(&self, key: &Key, limit: Limit, lane: Lane, ticket: u64) {
        let inner = &self.0;
        let _place = Place {
            inner,
            key,
            lane,
            ticket,
        };
        loop {
            let moved = inner.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let wait = {
                let now = inner.options.pace.now();
                let mut state = inner.state();
                let bucket = state.bucket(key, limit);
                bucket.wait_in_line(lane, ticket);
                match bucket.try_pass(now, limit, lane, ticket) {
                    Ok(()) => return,
                    Err(wait) => wait.min(LOOK_AGAIN),
                }
            };
            tokio::select! {
                () = inner.options.pace.wait(wait) => {}
                () = moved => {}
            }
        }
    }
}

/// How long the slot of a write without any answer stays taken: more than a call's timeout.
const UNANSWERED: Span = Span::seconds(60);

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // Counters and queues stay usable whatever panicked elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn bucket(&mut self, key: &Key, limit: Limit) -> &mut Bucket {
        self.buckets
            .entry(key.clone())
            .or_insert_with(|| Bucket::full(limit))
    }

    fn give_back(&mut self, key: &Key) {
        if let Some(bucket) = self.buckets.get_mut(key) {
            bucket.give_back();
        }
    }
}

/// A place in line, given up when the wait ends or is abandoned.
struct Place<'a> {
    inner: &'a Arc<Inner>,
    key: &'a Key,
    lane: Lane,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.inner.state().buckets.get_mut(self.key) {
            bucket.leave_line(self.lane, self.ticket);
        }
        self.inner.moved.notify_waiters();
    }
}

/// Leave to make one call. The place among concurrent calls is given back when dropped; a
/// write's slot outlives it (see [`Governor::admit`]).
pub struct Permit {
    inner: Arc<Inner>,
    key: Key,
    scope: String,
    slot: Option<String>,
}

impl Permit {
    /// AWS said we are too fast: everybody slows down, and nobody calls for `wait`.
    pub fn throttled(&self, wait: Option<Span>) {
        let now = self.inner.options.pace.now();
        let micros = wait.map_or(0, |w| u64::try_from(w.as_micros()).unwrap_or(0));
        if let Some(bucket) = self.inner.state().buckets.get_mut(&self.key) {
            bucket.throttled(now, Duration::from_micros(micros));
        }
    }

    /// AWS accepted the write and finishes it later: the slot stays taken under this id.
    pub async fn accepted(mut self, request_id: &str) {
        if let Some(holder) = self.slot.take() {
            let lapses = self.inner.clock.now() + self.inner.options.limits.write_forgotten_after;
            let budget = &self.inner.options.budget;
            budget
                .accepted(&self.scope, &holder, request_id, lapses)
                .await;
        }
    }

    /// The write is over: done, refused, or lost (then AWS itself guards the pair).
    pub async fn ended(mut self) {
        if let Some(holder) = self.slot.take() {
            self.inner
                .options
                .budget
                .close_write(&self.scope, &holder)
                .await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(bucket) = self.inner.state().buckets.get_mut(&self.key) {
            bucket.exit();
        }
        self.inner.moved.notify_waiters();
    }
}

impl fmt::Debug for Governor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Governor").field(&self.counts()).finish()
    }
}

#[cfg(test)]
mod tests;
