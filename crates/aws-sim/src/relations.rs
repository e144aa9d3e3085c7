//! Who is in which group, and who holds what: indexed from every side that is listed.
//!
//! Everything is addressed by its place in the estate's lists; places are never reused.

use std::collections::{BTreeMap, BTreeSet};

/// A user or group: its place, and the kind in the lowest bit, so that it sorts and pages as
/// one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Principal(u32);

impl Principal {
    pub(crate) fn user(place: u32) -> Self {
        Self(place << 1)
    }

    pub(crate) fn group(place: u32) -> Self {
        Self((place << 1) | 1)
    }

    pub(crate) fn is_group(self) -> bool {
        self.0 & 1 == 1
    }

    pub(crate) fn place(self) -> u32 {
        self.0 >> 1
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    pub(crate) fn kind(self) -> &'static str {
        if self.is_group() { "GROUP" } else { "USER" }
    }
}

/// One change, so that a lagging copy can follow.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Assign(u32, u32, Principal),
    Unassign(u32, u32, Principal),
    Join {
        group: u32,
        user: u32,
        id: String,
        at: i64,
    },
    Leave {
        group: u32,
        user: u32,
    },
    /// An IAM user joins an IAM group.
    IamJoin {
        group: u32,
        user: u32,
    },
    /// An IAM user leaves an IAM group.
    IamLeave {
        group: u32,
        user: u32,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) id: String,
    pub(crate) at: i64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Relations {
    /// (account, permission set, principal)
    rows: BTreeSet<(u32, u32, Principal)>,
    /// (permission set, account) → how many rows
    provisioned: BTreeMap<(u32, u32), u32>,
    /// (account, permission set) → how many rows
    provisioned_to: BTreeMap<(u32, u32), u32>,
    by_principal: BTreeSet<(Principal, u32, u32)>,
    members: BTreeMap<(u32, u32), Membership>,
    groups_of: BTreeSet<(u32, u32)>,
    by_membership: BTreeMap<String, (u32, u32)>,
    /// (IAM group, IAM user)
    iam_members: BTreeSet<(u32, u32)>,
    /// (IAM user, IAM group)
    iam_groups_of: BTreeSet<(u32, u32)>,
}

impl Relations {
    /// Answers whether a row came or went.
    pub(crate) fn apply(&mut self, change: &Change) -> bool {
        match change {
            Change::Assign(account, set, principal) => {
                let new = self.rows.insert((*account, *set, *principal));
                if new {
                    *self.provisioned.entry((*set, *account)).or_default() += 1;
                    *self.provisioned_to.entry((*account, *set)).or_default() += 1;
                    self.by_principal.insert((*principal, *account, *set));
                }
                new
            }
            Change::Unassign(account, set, principal) => {
                let had = self.rows.remove(&(*account, *set, *principal));
                if had {
                    one_less(&mut self.provisioned, (*set, *account));
                    one_less(&mut self.provisioned_to, (*account, *set));
                    self.by_principal.remove(&(*principal, *account, *set));
                }
                had
            }
            Change::Join {
                group,
                user,
                id,
                at,
            } => {
                let membership = Membership {
                    id: id.clone(),
                    at: *at,
                };
                let old = self.members.insert((*group, *user), membership);
                if let Some(old) = &old {
                    self.by_membership.remove(&old.id);
                }
                self.groups_of.insert((*user, *group));
                self.by_membership.insert(id.clone(), (*group, *user));
                old.is_none()
            }
            Change::Leave { group, user } => {
                let old = self.members.remove(&(*group, *user));
                if let Some(old) = &old {
                    self.by_membership.remove(&old.id);
                    self.groups_of.remove(&(*user, *group));
                }
                old.is_some()
            }
            Change::IamJoin { group, user } => {
                self.iam_groups_of.insert((*user, *group));
                self.iam_members.insert((*group, *user))
            }
            Change::IamLeave { group, user } => {
                self.iam_groups_of.remove(&(*user, *group));
                self.iam_members.remove(&(*group, *user))
            }
        }
    }

    pub(crate) fn assignment_count(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn membership_count(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn has(&self, account: u32, set: u32, principal: Principal) -> bool {
        self.rows.contains(&(account, set, principal))
    }

    pub(crate) fn all_rows(&self) -> impl Iterator<Item = (u32, u32, Principal)> + '_ {
        self.rows.iter().copied()
    }

    /// Principals of one pair, from the one numbered `from` on.
    pub(crate) fn rows_of(
        &self,
        account: u32,
        set: u32,
        from: u32,
    ) -> impl Iterator<Item = Principal> + '_ {
        let first = (account, set, Principal::from_number(from));
        let last = (account, set, Principal::from_number(u32::MAX));
        self.rows
            .range(first..=last)
            .map(|(_, _, principal)| *principal)
    }

    /// Permission sets with a row in this account, from the one at `from` on.
    pub(crate) fn sets_in(&self, account: u32, from: u32) -> impl Iterator<Item = u32> + '_ {
        self.provisioned_to
            .range((account, from)..=(account, u32::MAX))
            .map(|((_, set), _)| *set)
    }

    /// Every (account, permission set) with a row.
    pub(crate) fn provisioned_pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.provisioned_to.keys().copied()
    }

    /// Accounts with a row of this permission set, from the one at `from` on.
    pub(crate) fn accounts_with(&self, set: u32, from: u32) -> impl Iterator<Item = u32> + '_ {
        self.provisioned
            .range((set, from)..=(set, u32::MAX))
            .map(|((_, account), _)| *account)
    }

    /// (account, permission set) of one principal, from `from` on.
    pub(crate) fn held_by(
        &self,
        principal: Principal,
        (account, set): (u32, u32),
    ) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.by_principal
            .range((principal, account, set)..=(principal, u32::MAX, u32::MAX))
            .map(|(_, account, set)| (*account, *set))
    }

    /// Every (group, user).
    pub(crate) fn all_memberships(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.members.keys().copied()
    }

    pub(crate) fn membership(&self, group: u32, user: u32) -> Option<&Membership> {
        self.members.get(&(group, user))
    }

    pub(crate) fn membership_by_id(&self, id: &str) -> Option<(u32, u32)> {
        self.by_membership.get(id).copied()
    }

    /// Members of a group, from the user at `from` on.
    pub(crate) fn members_of(
        &self,
        group: u32,
        from: u32,
    ) -> impl Iterator<Item = (u32, &Membership)> + '_ {
        self.members
            .range((group, from)..=(group, u32::MAX))
            .map(|((_, user), membership)| (*user, membership))
    }

    /// Groups of a user, from the one at `from` on.
    pub(crate) fn groups_of(&self, user: u32, from: u32) -> impl Iterator<Item = u32> + '_ {
        self.groups_of
            .range((user, from)..=(user, u32::MAX))
            .map(|(_, group)| *group)
    }

    pub(crate) fn is_in_iam_group(&self, group: u32, user: u32) -> bool {
        self.iam_members.contains(&(group, user))
    }

    /// Every (group, user).
    pub(crate) fn iam_memberships(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.iam_members.iter().copied()
    }

    /// Users in an IAM group, from the one at `from` on.
    pub(crate) fn iam_members_of(&self, group: u32, from: u32) -> impl Iterator<Item = u32> + '_ {
        self.iam_members
            .range((group, from)..=(group, u32::MAX))
            .map(|(_, user)| *user)
    }

    /// IAM groups of a user, from the one at `from` on.
    pub(crate) fn iam_groups_of(&self, user: u32, from: u32) -> impl Iterator<Item = u32> + '_ {
        self.iam_groups_of
            .range((user, from)..=(user, u32::MAX))
            .map(|(_, group)| *group)
    }
}

fn one_less(counts: &mut BTreeMap<(u32, u32), u32>, key: (u32, u32)) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}
