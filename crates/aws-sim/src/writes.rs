//! Asynchronous assignment writes: accepted at once, carried out later.

use std::collections::HashMap;

use crate::history::By;
use crate::relations::Principal;

/// The place of no account: a write is about every account a set is in.
pub(crate) const EVERY_ACCOUNT: u32 = u32::MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Delete,
    /// Of a permission set, not of an assignment.
    Provision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    InProgress,
    Succeeded,
    Failed(String),
}

impl State {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            State::InProgress => "IN_PROGRESS",
            State::Succeeded => "SUCCEEDED",
            State::Failed(_) => "FAILED",
        }
    }
}

/// What was decided about a write beforehand, by the rules or by a fault.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fate {
    /// Ends `FAILED` with this text.
    pub(crate) failure: Option<String>,
    /// Whether rows change.
    pub(crate) applies: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) account: u32,
    pub(crate) set: u32,
    /// As sent; need not exist.
    pub(crate) principal_kind: &'static str,
    pub(crate) principal_id: String,
    pub(crate) principal: Option<Principal>,
    /// Whose call it was.
    pub(crate) by: By,
    pub(crate) created_at: i64,
    pub(crate) ends_at: i64,
    /// Polls still to be answered `IN_PROGRESS`; none when only time ends it.
    pub(crate) polls: Option<u32>,
    pub(crate) fate: Fate,
    pub(crate) state: State,
}

/// All writes ever accepted, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes {
    list: Vec<Write>,
    by_id: HashMap<String, usize>,
    under_way: Vec<usize>,
}

impl Writes {
    pub(crate) fn accept(&mut self, write: Write) -> usize {
        let place = self.list.len();
        self.by_id.insert(write.id.clone(), place);
        self.under_way.push(place);
        self.list.push(write);
        place
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Write> {
        self.list.get(place)
    }

    pub(crate) fn find(&self, id: &str, kind: Kind) -> Option<usize> {
        let place = *self.by_id.get(id)?;
        self.list
            .get(place)
            .filter(|write| write.kind == kind)
            .map(|_| place)
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.under_way.len()
    }

    pub(crate) fn busy(&self, account: u32, set: u32) -> bool {
        self.under_way
            .iter()
            .filter_map(|place| self.list.get(*place))
            .any(|write| {
                let both = [write.account, account];
                let meet = write.account == account || both.contains(&EVERY_ACCOUNT);
                write.set == set && meet
            })
    }

    /// Whether a write on this set is under way.
    pub(crate) fn touches(&self, set: u32) -> bool {
        self.busy(EVERY_ACCOUNT, set)
    }

    /// When the last write under way on this account ends.
    pub(crate) fn account_free_at(&self, account: u32) -> Option<i64> {
        let mine = self
            .under_way
            .iter()
            .filter_map(|place| self.list.get(*place));
        let mine = mine.filter(|write| write.account == account);
        mine.map(|write| write.ends_at).max()
    }

    /// Whether an earlier write on the same account is still under way.
    fn is_queued(&self, place: usize) -> bool {
        let account = self.list.get(place).map(|write| write.account);
        self.under_way
            .iter()
            .filter(|other| **other < place)
            .any(|other| self.list.get(*other).map(|write| write.account) == account)
    }

    /// The next write that ends by time, and when.
    pub(crate) fn next_end(&self) -> Option<(i64, usize)> {
        self.under_way
            .iter()
            .filter_map(|place| self.list.get(*place).map(|write| (write.ends_at, *place)))
            .min()
    }

    /// Counts one poll; says whether the write ends with it.
    pub(crate) fn poll(&mut self, place: usize, serial: bool) -> bool {
        if serial && self.is_queued(place) {
            return false;
        }
        let Some(write) = self.list.get_mut(place) else {
            return false;
        };
        if write.state != State::InProgress {
            return false;
        }
        match &mut write.polls {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    pub(crate) fn end(&mut self, place: usize, state: State) {
        self.under_way.retain(|known| *known != place);
        if let Some(write) = self.list.get_mut(place) {
            write.state = state;
        }
    }

    /// Of one kind, newest first, with their places, from `below` downwards.
    pub(crate) fn newest_first(
        &self,
        kind: Kind,
        below: usize,
    ) -> impl Iterator<Item = (usize, &Write)> + '_ {
        self.list
            .iter()
            .enumerate()
            .take(below)
            .rev()
            .filter(move |(_, write)| write.kind == kind)
    }
}
