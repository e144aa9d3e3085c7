//! The whole world kept under a name, and brought back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::{ControlError, Sim, unknown};
use crate::fault::Script;
use crate::world::World;

/// Snapshots kept at once: each is as large as the world.
const MOST: usize = 16;

/// A snapshot as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// What it is called.
    pub name: String,
    /// The virtual time in it, in microseconds.
    pub at: i64,
    /// Calls that had arrived by then.
    pub calls: u64,
}

#[derive(Debug, Clone)]
struct Saved {
    world: Arc<World>,
    script: Script,
    at: i64,
}

/// The snapshots of one simulated AWS. Clones are the same ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshots {
    all: Arc<Mutex<BTreeMap<String, Saved>>>,
    /// Goes up when another world is put in the place of the one there was; with the world locked.
    epoch: Arc<AtomicU64>,
}

impl Snapshots {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Saved>) -> T) -> T {
        act(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which world this is: another one has another number.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }
}

impl Sim {
    /// Keeps the whole world as it is now under a name, which may have been used before: the
    /// estate, keys and sessions, queues, what is under way, the journal, the knobs, the clock and
    /// the script of faults with its counts. What is asked meanwhile waits.
    pub fn snapshot(&self, name: &str) -> Result<Snapshot, ControlError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
            return Err(ControlError::Name(
                "a snapshot's name has 1 to 64 letters, digits, `.`, `_` and `-`",
            ));
        }
        let known = self
            .snapshots
            .with(|all| (all.contains_key(name), all.len()));
        if let (false, MOST..) = known {
            return Err(ControlError::Full(
                "there are 16 snapshots, which is all there may be: delete one first",
            ));
        }
        let (world, script, at) = {
            let world = self.caught_up();
            let at = self.clock.now_micros();
            (Arc::new(world.clone()), self.faults.script(), at)
        };
        let made = Snapshot {
            name: name.to_owned(),
            at,
            calls: world.journal.total(),
        };
        let saved = Saved { world, script, at };
        self.snapshots
            .with(|all| all.insert(name.to_owned(), saved));
        Ok(made)
    }

    /// Brings the world back as it was kept. It answers from there to the last byte as it would
    /// have answered then; a running clock runs on from the moment in the snapshot. Calls under
    /// way belong to a world that is gone: their connections break.
    pub fn restore(&self, name: &str) -> Result<(), ControlError> {
        let saved = self.snapshots.with(|all| all.get(name).cloned());
        let saved = saved.ok_or_else(|| unknown("snapshot", name))?;
        let mut restored = World::clone(&saved.world);
        let gone = {
            let mut world = self.lock();
            self.snapshots.epoch.fetch_add(1, Ordering::SeqCst);
            // Calls under way are in hand whatever world they came to.
            restored.in_hand.clone_from(&world.in_hand);
            self.clock.set(saved.at);
            self.faults.rewrite(saved.script);
            let gone = std::mem::replace(&mut *world, restored);
            world.lag_turned();
            gone
        };
        // Large, and nobody has to wait for it.
        drop(gone);
        Ok(())
    }

    /// The snapshots there are, by name.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.snapshots.with(|all| {
            let all = all.iter().map(|(name, saved)| Snapshot {
                name: name.clone(),
                at: saved.at,
                calls: saved.world.journal.total(),
            });
            all.collect()
        })
    }

    /// Forgets a snapshot.
    pub fn delete_snapshot(&self, name: &str) -> Result<(), ControlError> {
        let gone = self.snapshots.with(|all| all.remove(name));
        gone.map(drop).ok_or_else(|| unknown("snapshot", name))
    }
}
