//! Waking a background task before its period is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Who is to be woken. Clones are the same.
#[derive(Clone, Default)]
pub struct Nudges {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    asked: BTreeSet<&'static str>,
    sleepers: BTreeMap<&'static str, Arc<Notify>>,
}

impl Nudges {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the task run soon. Many nudges before it runs are one.
    pub fn nudge(&self, task: &'static str) {
        let mut inner = self.inner();
        inner.asked.insert(task);
        if let Some(sleeper) = inner.sleepers.get(task) {
            sleeper.notify_one();
        }
    }

    /// Has every task look again: the clock was moved.
    pub fn nudge_all(&self) {
        for sleeper in self.inner().sleepers.values() {
            sleeper.notify_one();
        }
    }

    /// Takes the nudge for this task, if there is one.
    pub(crate) fn take(&self, task: &'static str) -> bool {
        self.inner().asked.remove(task)
    }

    /// What wakes this task's driver.
    pub(crate) fn sleeper(&self, task: &'static str) -> Arc<Notify> {
        Arc::clone(self.inner().sleepers.entry(task).or_default())
    }
}
