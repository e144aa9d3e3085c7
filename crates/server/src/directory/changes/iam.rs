//! IAM users and groups of the credential's own account. IAM is asked by names, and its rows go by
//! ids: a name that leads nowhere may have been given up or taken away, which only the list tells.

use stint_aws::{IamGroup, IamUser, Object};
use stint_domain::Time;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};

use super::super::Error;
use super::super::store::changes as rows;
use super::super::store::iam;
use super::super::store::reread::{self, Orphaned};
use super::super::store::things::{self, SeenEntitlement};
use super::apply::{CHUNK, Holder, LANE, Reading, Way, denied};
use super::reread::Came;

const USER: PrincipalKind = PrincipalKind::IamUser;

impl Reading<'_> {
    /// Whether the connection still speaks for this account: of another it would read nothing that
    /// is known.
    pub(super) async fn is_own(&self, way: &Way, account: &str) -> Result<bool, Error> {
        let own = way.estate.account(LANE).await;
        Ok(own.map_err(|error| self.aws("IAM users", error))? == account)
    }

    async fn saw_iam_users(
        &self,
        account: &str,
        users: &[IamUser],
        began: Time,
    ) -> Result<(), Error> {
        for chunk in users.chunks(CHUNK) {
            let mut tx = self.write().await?;
            for user in chunk {
                let id = self.app.new_id();
                iam::see_user(&mut tx, id, (self.connection.id, account), user, began).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    async fn saw_iam_groups(
        &self,
        account: &str,
        groups: &[IamGroup],
        began: Time,
    ) -> Result<(), Error> {
        let mut tx = self.write().await?;
        for group in groups {
            let key = iam_key(account, group);
            let name = format!("IAM group {}", group.name);
            let seen = SeenEntitlement {
                key: &key,
                name: &name,
                aws_name: Some(&group.name),
                owned_by: None,
            };
            let id = self.app.new_id();
            things::see_entitlement(&mut tx, id, self.connection.id, &seen, began).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The user of this name. Where one user may not be looked at, the list of all is read instead,
    /// once for all of whom events told.
    pub(super) async fn iam_user(
        &self,
        way: &Way,
        account: &str,
        name: &str,
    ) -> Result<Came, Error> {
        if !self.is_own(way, account).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let began = self.now();
        let found = match way.estate.iam_user(name, LANE).await {
            Err(error) if denied(&error) => {
                let account = account.to_owned();
                return Ok(Came::Instead(vec![Object::IamUsers { account }]));
            }
            found => found.map_err(|error| self.aws("IAM users", error))?,
        };
        if let Some(user) = &found {
            self.saw_iam_users(account, std::slice::from_ref(user), began)
                .await?;
        }
        let bearer = found.map(|user| user.id).unwrap_or_default();
        let mut q = self.cx().read().await?;
        let stale =
            reread::iam_user_named(&mut q, self.connection.id, account, name, &bearer).await?;
        drop(q);
        if !stale {
            return Ok(Came::Read(began));
        }
        // Somebody is known by this name who does not bear it any more.
        self.iam_users(way, account).await
    }

    /// All users: who is there, who is gone, and who is called otherwise now.
    pub(super) async fn iam_users(&self, way: &Way, account: &str) -> Result<Came, Error> {
        if !self.is_own(way, account).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let mut pages = way.estate.iam_users(None, LANE);
        let (mut first, mut listed) = (None, 0_usize);
        while let Some(page) = (pages.next().await).map_err(|error| self.aws("IAM users", error))? {
            first = first.or(Some(page.began));
            listed += page.items.len();
            self.saw_iam_users(account, &page.items, page.began).await?;
        }
        self.list_read(account, iam::USER_LIST, first, listed).await
    }

    /// One of an account's lists was read whole, begun at `first`: what it no longer has is gone, but
    /// for what is too fresh to be believed so, and for too much at once.
    pub(super) async fn list_read(
        &self,
        account: &str,
        list: &str,
        first: Option<Time>,
        listed: usize,
    ) -> Result<Came, Error> {
        let began = first.unwrap_or_else(|| self.now());
        let absence = self.absence(began);
        let of = (self.connection.id, account);
        let mut tx = self.write().await?;
        let missing = iam::gone(&mut tx, list, of, (absence.began, absence.until)).await?;
        if self.too_many(missing, listed) {
            return Ok(Came::Whole);
        }
        let fresh = reread::iam_fresh(&mut tx, list, of, absence).await?;
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }

    /// The group of this name, and who is in it.
    pub(super) async fn iam_group(
        &self,
        way: &Way,
        account: &str,
        name: &str,
    ) -> Result<Came, Error> {
        if !self.is_own(way, account).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let now = self.now();
        let found = way.estate.iam_group(name, LANE).await;
        let found = found.map_err(|error| self.aws("IAM groups", error))?;
        let bearer = found.as_ref().map(|(group, ..)| group.id.clone());
        let mut came = Came::Read(now);
        if let Some((group, members, began)) = found {
            self.saw_iam_groups(account, std::slice::from_ref(&group), began)
                .await?;
            self.saw_iam_users(account, &members, began).await?;
            if let Some(entitlement) = self.known(&iam_key(account, &group)).await? {
                let holders = members.into_iter().map(|user| Holder {
                    kind: USER,
                    aws_id: user.id,
                    membership: None,
                    began,
                });
                came = self.holders(entitlement, holders.collect(), began).await?;
            }
        }
        let bearer = bearer.unwrap_or_default();
        let mut q = self.cx().read().await?;
        let stale = reread::iam_group_named(&mut q, self.connection.id, account, name, &bearer);
        let stale = stale.await?;
        drop(q);
        if !stale || !matches!(came, Came::Read(_)) {
            return Ok(came);
        }
        self.iam_groups(way, account).await
    }

    /// All groups: which are gone, and which are called otherwise now.
    async fn iam_groups(&self, way: &Way, account: &str) -> Result<Came, Error> {
        let mut pages = way.estate.iam_groups(None, LANE);
        let (mut first, mut new, mut listed) = (None, Vec::new(), 0_usize);
        while let Some(page) =
            (pages.next().await).map_err(|error| self.aws("IAM groups", error))?
        {
            first = first.or(Some(page.began));
            listed += page.items.len();
            for group in &page.items {
                if self.known(&iam_key(account, group)).await?.is_none() {
                    new.push(Object::IamGroup {
                        account: account.to_owned(),
                        name: group.name.clone(),
                    });
                }
            }
            self.saw_iam_groups(account, &page.items, page.began)
                .await?;
        }
        let began = first.unwrap_or_else(|| self.now());
        let absence = self.absence(began);
        let connection = self.connection.id;
        let mut tx = self.write().await?;
        let of = (connection, account);
        let at = (absence.began, absence.until);
        let missing = iam::gone(&mut tx, iam::GROUP_LIST, of, at).await?;
        let held = reread::orphaned(&mut tx, connection, Orphaned::IamGroups(account)).await?;
        if self.too_many(missing, listed) || !self.end_in(&mut tx, &held, absence).await? {
            return Ok(Came::Whole);
        }
        for object in &new {
            rows::hear(&mut tx, connection, object, began, began, super::MOST).await?;
        }
        let fresh = reread::iam_fresh(&mut tx, iam::GROUP_LIST, of, absence).await?;
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }
}

fn iam_key(account: &str, group: &IamGroup) -> EntitlementKey {
    EntitlementKey::IamGroupMembership {
        account: account.to_owned(),
        group: group.id.clone(),
    }
}
