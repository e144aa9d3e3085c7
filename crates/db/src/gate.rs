//! The queue before SQLite's one writer.
//!
//! Whoever waits is let in by priority, then in the order of coming: a revocation waits at
//! most for the transaction that is running, never for a sync that waits too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who goes first when several want to write. On PostgreSQL it has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Taking access away.
    Revoke,
    /// What a person waits for.
    Interactive,
    /// Syncs and clean-up, in chunks of a few milliseconds.
    Sync,
}

#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    busy: bool,
    next: u64,
    waiting: BTreeMap<(Priority, u64), oneshot::Sender<Permit>>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn. Dropping the future gives the place up.
    pub(crate) async fn enter(self: &Arc<Self>, priority: Priority) -> Permit {
        let turn = {
            let mut state = self.state();
            if state.busy {
                let (sender, turn) = oneshot::channel();
                let number = state.next;
                state.next += 1;
                state.waiting.insert((priority, number), sender);
                Some(turn)
            } else {
                state.busy = true;
                None
            }
        };
        match turn {
            None => Permit {
                gate: Some(Arc::clone(self)),
            },
            Some(turn) => match turn.await {
                Ok(permit) => permit,
                // The sender leaves the queue only by sending.
                Err(_) => Permit { gate: None },
            },
        }
    }
}

/// The right to write, until dropped.
pub(crate) struct Permit {
    gate: Option<Arc<Gate>>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(gate) = self.gate.take() else { return };
        loop {
            let next = {
                let mut state = gate.state();
                let next = state.waiting.pop_first();
                state.busy = next.is_some();
                next
            };
            let Some((_, sender)) = next else { return };
            // A permit that arrives and is never looked at is dropped with its channel, and
            // so passed on; one that cannot be sent comes back and is disarmed here.
            match sender.send(Permit {
                gate: Some(Arc::clone(&gate)),
            }) {
                Ok(()) => return,
                Err(mut back) => back.gate = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_revocation_overtakes_and_the_rest_keep_their_order() {
        let gate = Arc::new(Gate::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = gate.enter(Priority::Sync).await;
        let mut tasks = Vec::new();
        for (name, priority) in [
            ("sync", Priority::Sync),
            ("page 1", Priority::Interactive),
            ("page 2", Priority::Interactive),
            ("revoke", Priority::Revoke),
        ] {
            let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _permit = gate.enter(priority).await;
                order.lock().expect("not poisoned").push(name);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.expect("no panic");
        }
        let order = order.lock().expect("not poisoned").clone();
        assert_eq!(order, ["revoke", "page 1", "page 2", "sync"]);
    }

    #[tokio::test]
    async fn one_who_leaves_the_queue_takes_no_turn() {
        let gate = Arc::new(Gate::default());
        let first = gate.enter(Priority::Revoke).await;
        let waiting = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { drop(gate.enter(Priority::Revoke).await) }
        });
        tokio::task::yield_now().await;
        waiting.abort();
        let _ = waiting.await;
        drop(first);
        drop(gate.enter(Priority::Sync).await);
        assert!(!gate.state().busy);
    }
}
