//! What there is, as the owner sees it: rows of access, and the ids behind names.

use serde::Serialize;

use super::Sim;
use crate::history::Row;

/// One account assignment, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssignmentRow {
    /// Twelve digits.
    pub account_id: String,
    /// `prod-payments`
    pub account: String,
    /// `arn:aws:sso:::permissionSet/…`
    pub permission_set_arn: String,
    /// `prod-admin`
    pub permission_set: String,
    /// `USER` or `GROUP`
    pub principal_type: String,
    /// The identity store's id.
    pub principal_id: String,
    /// `ana.moreno`, or the group's name.
    pub principal: String,
}

/// One IAM user in one IAM group, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IamMembershipRow {
    /// Twelve digits.
    pub account_id: String,
    /// The group's name.
    pub group: String,
    /// The user's name.
    pub user: String,
    /// `AGPA…`
    pub group_id: String,
    /// `AIDA…`
    pub user_id: String,
}

impl Sim {
    /// The names that the group and the user of an IAM membership have now; none for another
    /// row, and where one of the two is gone.
    pub fn iam_names(&self, row: &Row) -> Option<(String, String)> {
        let Row::IamMembership { group, user } = row else {
            return None;
        };
        let world = self.lock();
        let iam = &world.estate.iam;
        let group = (iam.groups.iter()).find(|it| !it.entity.removed && it.entity.id == *group)?;
        let user = (iam.users.iter()).find(|it| !it.entity.removed && it.entity.id == *user)?;
        Some((group.entity.name.clone(), user.entity.name.clone()))
    }

    /// Every assignment there is at this moment, without any lag.
    pub fn assignments(&self) -> Vec<AssignmentRow> {
        let world = self.caught_up();
        let rows = world.relations().all_rows();
        rows.filter_map(|(account, set, who)| {
            let account = world.estate.accounts.get(account as usize)?;
            let set = world.estate.sets.get(set as usize)?;
            let place = who.place() as usize;
            let principal = if who.is_group() {
                &world.estate.groups.get(place)?.name
            } else {
                &world.estate.users.get(place)?.user_name
            };
            Some(AssignmentRow {
                account_id: account.id.clone(),
                account: account.name.clone(),
                permission_set_arn: set.arn.clone(),
                permission_set: set.name.clone(),
                principal_type: who.kind().to_owned(),
                principal_id: world.principal_id(who).to_owned(),
                principal: principal.clone(),
            })
        })
        .collect()
    }

    /// Every membership of an Identity Center group there is at this moment, without any lag: the
    /// ids of group and user.
    pub fn memberships(&self) -> Vec<(String, String)> {
        let world = self.caught_up();
        let rows = world.relations().all_memberships();
        rows.filter_map(|(group, user)| {
            let group = world.estate.groups.get(group as usize)?;
            let user = world.estate.users.get(user as usize)?;
            Some((group.id.clone(), user.id.clone()))
        })
        .collect()
    }

    /// Every IAM membership there is at this moment, without any lag.
    pub fn iam_memberships(&self) -> Vec<IamMembershipRow> {
        let world = self.caught_up();
        let rows = world.relations().iam_memberships();
        rows.filter_map(|(group, user)| {
            let group = &world.estate.iam.group(group)?.entity;
            let user = &world.estate.iam.user(user)?.entity;
            Some(IamMembershipRow {
                account_id: group.account.clone(),
                group: group.name.clone(),
                user: user.name.clone(),
                group_id: group.id.clone(),
                user_id: user.id.clone(),
            })
        })
        .collect()
    }

    /// The ARNs of every role of an account, Identity Center's with them.
    pub fn role_arns(&self, account_id: &str) -> Vec<String> {
        let world = self.caught_up();
        let own = world.estate.iam.roles_of(account_id, "/", 0);
        let own: Vec<String> = own.map(|(_, role)| role.arn()).collect();
        let kept = world.reserved_roles(account_id, 0);
        own.into_iter()
            .chain(kept.map(|(_, role)| role.arn()))
            .collect()
    }

    /// The id of the account with this name.
    pub fn account_id(&self, name: &str) -> Option<String> {
        let world = self.lock();
        let found = world
            .estate
            .accounts
            .iter()
            .find(|account| account.name == name);
        found.map(|account| account.id.clone())
    }

    /// The ARN of the permission set with this name.
    pub fn permission_set_arn(&self, name: &str) -> Option<String> {
        let world = self.lock();
        let found = world.estate.sets.iter().find(|set| set.name == name);
        found.map(|set| set.arn.clone())
    }

    /// The id of the group with this name.
    pub fn group_id(&self, name: &str) -> Option<String> {
        let world = self.lock();
        let found = world.estate.groups.iter().find(|group| group.name == name);
        found.map(|group| group.id.clone())
    }

    /// The id of the user with this user name.
    pub fn user_id(&self, user_name: &str) -> Option<String> {
        let world = self.lock();
        let found = world
            .estate
            .users
            .iter()
            .find(|user| user.user_name == user_name);
        found.map(|user| user.id.clone())
    }
}
