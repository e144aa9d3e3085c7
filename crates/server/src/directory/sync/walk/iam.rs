//! IAM users, groups and who is in which, of the role's own account.
//!
//! Rows go by ids: a name may be another's at the next sync, and then belongs to another row.

use futures::FutureExt as _;
use stint_aws::{IamGroup, IamUser, Lane};
use stint_db::Tx;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::{ConnectionId, PrincipalId, Time};

use super::super::super::Error;
use super::super::super::store::things::{self, SeenEntitlement};
use super::{Holder, List, Sink, Walk, each};

/// The groups of an account, to be asked for their members.
pub(super) struct Groups {
    account: String,
    groups: Vec<IamGroup>,
}

fn key(account: &str, group: &IamGroup) -> EntitlementKey {
    EntitlementKey::IamGroupMembership {
        account: account.to_owned(),
        group: group.id.clone(),
    }
}

impl Walk<'_> {
    /// Reads users and groups.
    pub(super) async fn iam_people(&self) -> Result<Groups, Error> {
        let account = self.iam_account().await?;
        let mut pages = self.estate.iam_users(None, Lane::Sync);
        let mut began = None;
        while let Some(page) = self.next("IAM users", &mut pages).await? {
            began = began.or(Some(page.began));
            let (sink, mut tx) = self.write().await?;
            for user in &page.items {
                self.iam_user(&mut tx, sink.run.connection, user, page.began)
                    .await?;
            }
            self.moved((sink, tx)).await?;
        }
        self.listed(List::IamUsers, began).await?;
        let mut found = Groups {
            account,
            groups: Vec::new(),
        };
        let mut pages = self.estate.iam_groups(None, Lane::Sync);
        let mut began = None;
        while let Some(page) = self.next("IAM groups", &mut pages).await? {
            began = began.or(Some(page.began));
            let (sink, mut tx) = self.write().await?;
            for group in &page.items {
                let key = key(&found.account, group);
                let name = format!("IAM group {}", group.name);
                let seen = SeenEntitlement {
                    key: &key,
                    name: &name,
                    aws_name: Some(&group.name),
                    owned_by: None,
                };
                let (id, connection) = (self.cx.app.new_id(), sink.run.connection);
                things::see_entitlement(&mut tx, id, connection, &seen, page.began).await?;
            }
            self.moved((sink, tx)).await?;
            found.groups.extend(page.items);
        }
        self.listed(List::IamGroups, began).await?;
        Ok(found)
    }

    /// The account to be read: the one read before. Another would have none of what is known,
    /// and everything would be taken for gone.
    async fn iam_account(&self) -> Result<String, Error> {
        let now = match self.estate.account(Lane::Sync).await {
            Ok(now) => now,
            Err(error) => return Err(self.aws("IAM users", error).await),
        };
        let connection = self.run().await.connection;
        let known = things::iam_accounts(&mut self.cx.read().await?, connection).await?;
        match known.into_iter().find(|known| *known != now) {
            Some(was) => Err(Error::OtherAccount { was, now }),
            None => Ok(now),
        }
    }

    async fn iam_user(
        &self,
        tx: &mut Tx,
        connection: ConnectionId,
        user: &IamUser,
        began: Time,
    ) -> Result<PrincipalId, Error> {
        let id = self.cx.app.new_id();
        things::see_iam_user(tx, id, connection, user, began).await?;
        let found = things::principal_by_aws_id(tx, connection, &user.id).await?;
        Ok(found.map_or(id, |found| found.id))
    }

    /// Reads the members of each group, each group whole or not at all.
    pub(super) async fn iam_memberships(&self, of: &Groups) -> Result<(), Error> {
        let groups = of.groups.clone();
        let account = &of.account;
        each(groups, |group| self.iam_members(account, group).boxed()).await?;
        self.flush().await
    }

    async fn iam_members(&self, account: &str, group: IamGroup) -> Result<(), Error> {
        let key = key(account, &group);
        if self.is_read(&key).await {
            return Ok(());
        }
        let mut pages = self.estate.iam_members(&group, None, Lane::Sync);
        let mut first = None;
        while let Some(page) = self.next("IAM memberships", &mut pages).await? {
            first = first.or(Some(page.began));
            self.met_iam(&page.items, page.began).await?;
            let holders = page.items.into_iter().map(|user| Holder {
                kind: PrincipalKind::IamUser,
                aws_id: user.id,
                membership: None,
            });
            self.seen(&key, holders.collect(), page.began).await?;
        }
        self.scope_read(&key, first).await
    }

    /// Members that the list of users did not have: they were made since.
    async fn met_iam(&self, members: &[IamUser], began: Time) -> Result<(), Error> {
        let (mut sink, mut tx) = self.write().await?;
        let known = |sink: &Sink, user: &IamUser| {
            sink.keys
                .principal(PrincipalKind::IamUser, &user.id)
                .is_some()
        };
        let new: Vec<&IamUser> = (members.iter())
            .filter(|user| !known(&sink, user))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        for user in new {
            let id = self
                .iam_user(&mut tx, sink.run.connection, user, began)
                .await?;
            sink.keys.met(PrincipalKind::IamUser, user.id.clone(), id);
        }
        self.moved((sink, tx)).await
    }
}
