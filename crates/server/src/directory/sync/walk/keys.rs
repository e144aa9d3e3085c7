//! Ours for AWS's names: principals and entitlements of one estate, in little room.

use std::collections::{HashMap, HashSet};

use stint_db::Query;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::{ConnectionId, EntitlementId, PrincipalId};

use super::super::super::store::estate;

/// Every name once, however often it occurs: an estate has a name for each account and each
/// permission set, and an entitlement for each of both.
#[derive(Default)]
pub(super) struct Keys {
    names: HashMap<Box<str>, u32>,
    entitlements: HashMap<(u32, u32), EntitlementId>,
    principals: HashMap<(PrincipalKind, Box<str>), PrincipalId>,
    unlisted: HashSet<PrincipalId>,
}

impl Keys {
    /// Reads every entitlement and every principal known of an estate.
    pub(super) async fn load(q: &mut impl Query, of: ConnectionId) -> stint_db::Result<Self> {
        let mut keys = Self::default();
        let mut after = None;
        loop {
            let page = estate::entitlement_keys(q, of, after).await?;
            let Some((last, ..)) = page.last() else { break };
            after = Some(*last);
            for (id, account, target) in page {
                let place = (keys.name(account), keys.name(target));
                keys.entitlements.insert(place, id);
            }
        }
        let mut after = None;
        loop {
            let page = estate::principal_keys(q, of, after).await?;
            let Some((last, ..)) = page.last() else { break };
            after = Some(*last);
            for (id, kind, aws_id, gone) in page {
                keys.met(kind, aws_id, id);
                if gone {
                    keys.unlisted.insert(id);
                }
            }
        }
        Ok(keys)
    }

    fn name(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        *self.names.entry(name.into_boxed_str()).or_insert(next)
    }

    /// A permission set on an account, or a group under the account it is in.
    pub(super) fn place(&self, account: &str, target: &str) -> Option<EntitlementId> {
        let place = (*self.names.get(account)?, *self.names.get(target)?);
        self.entitlements.get(&place).copied()
    }

    pub(super) fn entitlement(&self, key: &EntitlementKey) -> Option<EntitlementId> {
        match key {
            EntitlementKey::AccountAssignment {
                account,
                permission_set,
            } => self.place(account, permission_set),
            EntitlementKey::GroupMembership { group } => self.place("", group),
            EntitlementKey::IamGroupMembership { account, group } => self.place(account, group),
        }
    }

    pub(super) fn principal(&self, kind: PrincipalKind, aws_id: &str) -> Option<PrincipalId> {
        self.principals.get(&(kind, Box::from(aws_id))).copied()
    }

    /// Notes that somebody holds something whom no list has.
    pub(super) fn unlisted(&mut self, id: PrincipalId) {
        self.unlisted.insert(id);
    }

    /// Whether no list has had this principal lately.
    pub(super) fn is_unlisted(&self, id: PrincipalId) -> bool {
        self.unlisted.contains(&id)
    }

    pub(super) fn met(&mut self, kind: PrincipalKind, aws_id: String, id: PrincipalId) {
        self.principals.insert((kind, aws_id.into_boxed_str()), id);
    }
}
