//! Which rows of access came and went, by whose key. AWS itself keeps no such thing: this is
//! for whoever judges what a program did to the estate.

use std::collections::VecDeque;

use serde::Serialize;

use crate::journal::Party;

/// Changes kept; the oldest go first.
const KEPT: usize = 200_000;

/// One row of access, by AWS's own ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Row {
    /// A permission set on an account.
    Assignment {
        /// Twelve digits.
        account: String,
        /// `arn:aws:sso:::permissionSet/…`
        permission_set: String,
        /// `USER` or `GROUP`
        principal_type: String,
        /// The identity store's id.
        principal: String,
    },
    /// A user in a group of the identity store.
    Membership {
        /// The group's id.
        group: String,
        /// The user's id.
        user: String,
    },
    /// An IAM user in an IAM group.
    IamMembership {
        /// `AGPA…`
        group: String,
        /// `AIDA…`
        user: String,
    },
}

/// A row that was not there and is, or was there and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The virtual time, in microseconds, when it took effect.
    pub at: i64,
    /// Whether it came (or went).
    pub came: bool,
    /// Which row.
    pub row: Row,
    /// Whose key signed the call behind it.
    pub by: Party,
    /// The journal's number of that call; none where the simulator's owner did it.
    pub call: Option<u64>,
}

/// Who is behind a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By {
    pub(crate) party: Party,
    pub(crate) call: Option<u64>,
}

impl By {
    /// Whoever holds the simulator.
    pub(crate) const OWNER: Self = Self {
        party: Party::Admin,
        call: None,
    };
}

#[derive(Debug, Clone, Default)]
pub(crate) struct History(VecDeque<Changed>);

impl History {
    pub(crate) fn write(&mut self, changed: Changed) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(changed);
    }

    pub(crate) fn all(&self) -> Vec<Changed> {
        self.0.iter().cloned().collect()
    }
}
