//! How the background tasks are doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stint_domain::Time;

use super::{Ran, TaskError};
use crate::http::failure_chain;

/// How one task is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// How many rounds it ran.
    pub runs: u64,
    /// How many of them failed.
    pub failures: u64,
    /// When the last round ended, by the rules' clock.
    pub last_run: Option<Time>,
    /// Why the last failed round failed, and when.
    pub last_failure: Option<(Time, String)>,
    /// Whether the last round failed.
    pub failing: bool,
    /// When the next thing falls due.
    pub next_due: Option<Time>,
}

/// The status of every task that ran in this process. Clones are the same.
#[derive(Clone, Default)]
pub struct Statuses {
    inner: Arc<Mutex<BTreeMap<&'static str, Status>>>,
}

impl Statuses {
    fn inner(&self) -> MutexGuard<'_, BTreeMap<&'static str, Status>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, task: &'static str, now: Time, ran: &Result<Ran, TaskError>) {
        let mut inner = self.inner();
        let status = inner.entry(task).or_default();
        status.runs += 1;
        status.last_run = Some(now);
        status.failing = ran.is_err();
        match ran {
            Ok(ran) => status.next_due = ran.next_due,
            Err(error) => {
                status.failures += 1;
                status.last_failure = Some((now, failure_chain(error.as_ref())));
            }
        }
    }

    /// The status of each, by name.
    pub fn all(&self) -> BTreeMap<&'static str, Status> {
        self.inner().clone()
    }
}
