//! IAM users, groups and who is in which, of the role's own account.
//!
//! Rows go by ids: a name may be another's at the next sync, and then belongs to another row.

use stint_aws::{IamGroup, IamUser, Lane};
use stint_db::Tx;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::{PrincipalId, Time};

use super::super::super::Error;
use super::super::super::store::things::{self, Gone, SeenEntitlement};
use super::{Holder, Walk};

/// The kind of the entitlements read here.
const KIND: &str = "iam_group_membership";

/// The groups of an account, to be asked for their members.
pub(super) struct Groups {
    account: String,
    groups: Vec<IamGroup>,
}

impl Groups {
    fn key(&self, group: &IamGroup) -> EntitlementKey {
        EntitlementKey::IamGroupMembership {
            account: self.account.clone(),
            group: group.id.clone(),
        }
    }
}

impl Walk<'_> {
    /// Reads users and groups.
    pub(super) async fn iam_people(&mut self) -> Result<Groups, Error> {
        self.begin("IAM users", 0);
        let account = self.iam_account().await?;
        let mut pages = self.estate.iam_users(None, Lane::Sync);
        let mut began = None;
        while let Some(page) = self.next(&mut pages).await? {
            began = began.or(Some(page.began));
            let mut tx = self.write().await?;
            for user in &page.items {
                self.iam_user(&mut tx, user, page.began).await?;
            }
            self.moved(tx, page.items.len()).await?;
        }
        self.gone(Gone::Principals(PrincipalKind::IamUser), began)
            .await?;
        let mut found = Groups {
            account,
            groups: Vec::new(),
        };
        self.begin("IAM groups", 0);
        let mut pages = self.estate.iam_groups(None, Lane::Sync);
        let mut began = None;
        while let Some(page) = self.next(&mut pages).await? {
            began = began.or(Some(page.began));
            let mut tx = self.write().await?;
            for group in &page.items {
                let key = found.key(group);
                let name = format!("IAM group {}", group.name);
                let seen = SeenEntitlement {
                    key: &key,
                    name: &name,
                    aws_name: Some(&group.name),
                    owned_by: None,
                };
                let id = self.cx.app.new_id();
                things::see_entitlement(&mut tx, id, self.run.connection, &seen, page.began)
                    .await?;
            }
            self.moved(tx, page.items.len()).await?;
            found.groups.extend(page.items);
        }
        self.gone(Gone::Entitlements(KIND), began).await?;
        if let Some(began) = began {
            let mut tx = self.write().await?;
            self.groups_gone(&mut tx, KIND, began).await?;
            self.moved(tx, 0).await?;
        }
        Ok(found)
    }

    /// The account to be read: the one read before. Another would have none of what is known,
    /// and everything would be taken for gone.
    async fn iam_account(&self) -> Result<String, Error> {
        let now = self.estate.account(Lane::Sync).await;
        let now = now.map_err(|e| self.aws(e))?;
        let connection = self.run.connection;
        let known = things::iam_accounts(&mut self.cx.read().await?, connection).await?;
        match known.into_iter().find(|known| *known != now) {
            Some(was) => Err(Error::OtherAccount { was, now }),
            None => Ok(now),
        }
    }

    async fn iam_user(
        &self,
        tx: &mut Tx,
        user: &IamUser,
        began: Time,
    ) -> Result<PrincipalId, Error> {
        let (id, connection) = (self.cx.app.new_id(), self.run.connection);
        things::see_iam_user(tx, id, connection, user, began).await?;
        let found = things::principal_by_aws_id(tx, connection, &user.id).await?;
        Ok(found.map_or(id, |found| found.id))
    }

    /// Reads the members of each group, each group whole or not at all.
    pub(super) async fn iam_memberships(&mut self, of: &Groups) -> Result<(), Error> {
        self.begin("IAM memberships", of.groups.len());
        for group in &of.groups {
            let key = of.key(group);
            let mut pages = self.estate.iam_members(group, None, Lane::Sync);
            let mut first = None;
            while let Some(page) = self.next(&mut pages).await? {
                first = first.or(Some(page.began));
                self.met(&page.items, page.began).await?;
                let holders = page.items.into_iter().map(|user| Holder {
                    kind: PrincipalKind::IamUser,
                    aws_id: user.id,
                    membership: None,
                });
                self.seen(&key, holders.collect(), page.began).await?;
            }
            self.scope_read(&key, first).await?;
        }
        Ok(())
    }

    /// Members that the list of users did not have: they were made since.
    async fn met(&mut self, members: &[IamUser], began: Time) -> Result<(), Error> {
        let key = |user: &IamUser| (PrincipalKind::IamUser, user.id.clone());
        let new: Vec<&IamUser> = members
            .iter()
            .filter(|user| !self.principals.contains_key(&key(user)))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for user in new {
            let id = self.iam_user(&mut tx, user, began).await?;
            self.principals.insert(key(user), id);
        }
        self.moved(tx, 0).await
    }
}
