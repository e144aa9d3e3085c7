//! Accounts, permission sets, and who holds which of these on which of those.

use std::collections::{BTreeSet, HashMap};

use stint_aws::{AccountState, Object, Unit};
use stint_domain::entitlement::EntitlementKey;
use stint_domain::{EntitlementId, Time};

use super::super::Error;
use super::super::papers::Policies;
use super::super::store::reread::{self, Orphaned};
use super::super::store::things::{self, SeenEntitlement};
use super::super::store::{changes as rows, estate, facts, tags};
use super::super::sync::places;
use super::apply::{CHUNK, Holder, LANE, Reading, Way, absent, denied};
use super::reread::Came;
use crate::connections;

/// A set on an account, by its names: account, its name, set, its name.
type Offer<'a> = (&'a str, &'a str, &'a str, &'a str);

fn key(account: &str, set: &str) -> EntitlementKey {
    EntitlementKey::AccountAssignment {
        account: account.to_owned(),
        permission_set: set.to_owned(),
    }
}

impl Reading<'_> {
    /// Every permission set may be assigned on every account that can be used.
    async fn offer(&self, offers: &[Offer<'_>], began: Time) -> Result<(), Error> {
        for chunk in offers.chunks(CHUNK) {
            let mut tx = self.write().await?;
            for (account, account_name, set, set_name) in chunk {
                let key = key(account, set);
                let name = format!("{set_name} on {account_name}");
                let seen = SeenEntitlement {
                    key: &key,
                    name: &name,
                    aws_name: None,
                    owned_by: None,
                };
                let id = self.app.new_id();
                things::see_entitlement(&mut tx, id, self.connection.id, &seen, began).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// The tags of an account.
    pub(super) async fn account_tags(&self, way: &Way, account: &str) -> Result<Came, Error> {
        let connection = self.connection.id;
        let mut q = self.cx().read().await?;
        let state = things::account_state(&mut q, connection, account).await?;
        drop(q);
        if state.is_none() {
            return Ok(Came::After(vec![Object::Accounts]));
        }
        let began = self.now();
        let found = match way.estate.account_tags(account, LANE).await {
            Ok(found) => found,
            Err(error) if absent(&error) => return Ok(Came::Instead(vec![Object::Accounts])),
            // They have changed, and nobody may see how. A sync says on its plan what is missing.
            Err(error) if denied(&error) => {
                self.doubt_tags(account, began, true).await?;
                return Ok(Came::Instead(Vec::new()));
            }
            Err(error) => return Err(self.aws("tags of accounts", error)),
        };
        let mut tx = self.write().await?;
        let now = connections::connection(&mut tx, connection).await?;
        // Switched off meanwhile: nothing is kept.
        if now.is_some_and(|it| it.scope.account_tags) {
            tags::set(&mut tx, connection, account, &found, began).await?;
        }
        tx.commit().await?;
        Ok(Came::Read(began))
    }

    /// Forgets the tags of an account that were to be read again, by a call begun then, and cannot be.
    pub(super) async fn doubt_tags(
        &self,
        account: &str,
        began: Time,
        refused: bool,
    ) -> Result<(), Error> {
        let connection = self.connection.id;
        let mut tx = self.write().await?;
        tags::tried(&mut tx, connection, account, began, refused).await?;
        tags::doubt(&mut tx, connection, &[account], began).await?;
        Ok(tx.commit().await?)
    }

    /// The units of the organization, and then where accounts stand by their names.
    pub(super) async fn units(&self, way: &Way) -> Result<Came, Error> {
        let connection = self.connection.id;
        let began = self.now();
        let tree = match way.estate.organization_tree(false, LANE).await {
            Ok(tree) => tree,
            // The sync says what is missing.
            Err(error) if denied(&error) => return Ok(Came::Instead(Vec::new())),
            Err(error) => return Err(self.aws("organizational units", error)),
        };
        for chunk in tree.units.chunks(CHUNK) {
            let mut tx = self.write().await?;
            for unit in chunk {
                facts::see_unit(&mut tx, connection, unit, began).await?;
            }
            tx.commit().await?;
        }
        let mut tx = self.write().await?;
        facts::units_gone(&mut tx, connection, began).await?;
        tx.commit().await?;
        Ok(match self.accounts_among(way, true).await? {
            Came::Read(_) => Came::Read(began),
            other => other,
        })
    }

    /// The list of accounts.
    pub(super) async fn accounts(&self, way: &Way) -> Result<Came, Error> {
        self.accounts_among(way, false).await
    }

    /// The same; `named`: the units were just read. Else they are read where an account stands in one
    /// that is not known.
    async fn accounts_among(&self, way: &Way, named: bool) -> Result<Came, Error> {
        let connection = self.connection.id;
        let mut q = self.cx().read().await?;
        let known = reread::active_accounts(&mut q, connection).await?;
        let known: BTreeSet<(String, String)> = known.into_iter().collect();
        let sets = reread::live_sets(&mut q, connection).await?;
        let units = facts::units(&mut q, connection).await?.into_iter();
        let units: HashMap<String, Unit> = units.map(|(unit, _)| (unit.id.clone(), unit)).collect();
        drop(q);
        let mut pages = way.estate.accounts(None, LANE);
        let (mut first, mut came, mut seen) = (None, Vec::new(), 0_usize);
        let mut strange = false;
        while let Some(page) = (pages.next().await).map_err(|error| self.aws("accounts", error))? {
            first = first.or(Some(page.began));
            seen += page.items.len();
            let mut tx = self.write().await?;
            for account in &page.items {
                let id = self.app.new_id();
                things::see_account(&mut tx, id, connection, account, page.began).await?;
                // One that moved is in other catalogs from now on.
                let path = places::ids(account);
                strange |= (path.iter().flatten()).any(|id| !units.contains_key(id));
                let place = facts::Place {
                    units: path.as_deref().and_then(|path| places::names(path, &units)),
                    path: path.map(|path| path.join("/")),
                };
                facts::see_place(&mut tx, connection, account, &place).await?;
            }
            tx.commit().await?;
            let new = page.items.into_iter().filter(|account| {
                // Also one that is called otherwise now: so are its entitlements.
                account.state == AccountState::Active
                    && !known.contains(&(account.id.clone(), account.name.clone()))
            });
            came.extend(new.map(|account| (account.id, account.name)));
        }
        let began = first.unwrap_or_else(|| self.now());
        let offers: Vec<Offer<'_>> = came
            .iter()
            .flat_map(|(account, name)| {
                sets.iter().map(move |(set, called)| {
                    (
                        account.as_str(),
                        name.as_str(),
                        set.as_str(),
                        called.as_str(),
                    )
                })
            })
            .collect();
        self.offer(&offers, began).await?;
        let absence = self.absence(began);
        let mut tx = self.write().await?;
        let missing = reread::accounts_missing(&mut tx, connection, absence).await?;
        let fresh = reread::account_fresh(&mut tx, connection, absence).await?;
        if strange && !named {
            let units = Object::Units;
            rows::hear(&mut tx, connection, &units, began, began, super::MOST).await?;
        }
        // Their tags are not known, and an account that is made with some need bring no event of its own.
        if self.connection.scope.account_tags {
            let most = usize::try_from(super::MANY_TAGS).unwrap_or(usize::MAX);
            for (account, _) in came.iter().take(most) {
                let of = Object::AccountTags(account.clone());
                rows::hear(&mut tx, connection, &of, began, began, super::MOST).await?;
            }
        }
        let held = reread::orphaned(&mut tx, connection, Orphaned::Accounts).await?;
        if self.too_many(missing, seen) || !self.end_in(&mut tx, &held, absence).await? {
            return Ok(Came::Whole);
        }
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }

    /// What a permission set allows: events of its policies name only the set. What AWS does not let
    /// be read stays as it is, as in a sync.
    async fn set_policies(&self, way: &Way, arn: &str) -> Result<(), Error> {
        let began = self.now();
        let found = way.estate.set_policies(&way.instance, arn, LANE).await;
        let policies: Policies = match found {
            Ok(found) => found.into(),
            // Of a set that is gone, the event of its end tells.
            Err(error) if denied(&error) || absent(&error) => return Ok(()),
            Err(error) => return Err(self.aws("permission sets", error)),
        };
        let mut tx = self.write().await?;
        estate::set_policies(&mut tx, self.connection.id, arn, policies.write(), began).await?;
        Ok(tx.commit().await?)
    }

    /// One permission set, and what it allows.
    pub(super) async fn permission_set(&self, way: &Way, arn: &str) -> Result<Came, Error> {
        let connection = self.connection.id;
        let began = self.now();
        let found = way.estate.permission_set(&way.instance, arn, LANE).await;
        let mut q = self.cx().read().await?;
        let known = reread::set(&mut q, connection, arn).await?;
        drop(q);
        let set = match found {
            Ok(set) => set,
            Err(error) if absent(&error) => {
                let absence = self.absence(began);
                match known {
                    Some((_, seen, true)) if seen > absence.until => {
                        return Ok(self.too_fresh(seen, began));
                    }
                    None => return Ok(Came::Read(began)),
                    _ => {}
                }
                let mut tx = self.write().await?;
                reread::set_gone(&mut tx, connection, arn, absence).await?;
                let held = reread::orphaned(&mut tx, connection, Orphaned::Set(arn)).await?;
                if !self.end_in(&mut tx, &held, absence).await? {
                    return Ok(Came::Whole);
                }
                tx.commit().await?;
                return Ok(Came::Read(began));
            }
            Err(error) => return Err(self.aws("permission sets", error)),
        };
        let mut tx = self.write().await?;
        things::see_set(&mut tx, connection, &set, began).await?;
        tx.commit().await?;
        if known.is_none_or(|(name, _, there)| !there || name != set.name) {
            let accounts =
                reread::active_accounts(&mut self.cx().read().await?, connection).await?;
            let offers: Vec<Offer<'_>> = accounts
                .iter()
                .map(|(id, name)| (id.as_str(), name.as_str(), arn, set.name.as_str()))
                .collect();
            self.offer(&offers, began).await?;
        }
        self.set_policies(way, arn).await?;
        Ok(Came::Read(began))
    }

    /// The entitlement of a set on an account; what has to be known before, where it is not.
    async fn offered(
        &self,
        account: &str,
        set: &str,
    ) -> Result<Result<EntitlementId, Object>, Error> {
        let key = key(account, set);
        if let Some(id) = self.known(&key).await? {
            return Ok(Ok(id));
        }
        let mut q = self.cx().read().await?;
        let place = reread::active_account(&mut q, self.connection.id, account).await?;
        let called = reread::set(&mut q, self.connection.id, set).await?;
        drop(q);
        let Some(place) = place else {
            return Ok(Err(Object::Accounts));
        };
        let Some((called, _, true)) = called else {
            return Ok(Err(Object::PermissionSet(set.to_owned())));
        };
        self.offer(&[(account, &place, set, &called)], self.now())
            .await?;
        Ok(self
            .known(&key)
            .await?
            .ok_or_else(|| Object::PermissionSet(set.to_owned())))
    }

    /// Who holds a set on an account.
    pub(super) async fn assignments(
        &self,
        way: &Way,
        account: &str,
        set: &str,
    ) -> Result<Came, Error> {
        let entitlement = match self.offered(account, set).await? {
            Ok(entitlement) => entitlement,
            Err(before) => return Ok(Came::After(vec![before])),
        };
        let mut pages = way
            .estate
            .assignments(&way.instance, account, set, None, LANE);
        let (mut first, mut holders) = (None, Vec::new());
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // The set or the account is gone: their own readings tell, and end what was held.
                Err(error) if absent(&error) => {
                    let set = Object::PermissionSet(set.to_owned());
                    return Ok(Came::Instead(vec![set, Object::Accounts]));
                }
                Err(error) => return Err(self.aws("assignments", error)),
            };
            first = first.or(Some(page.began));
            holders.extend(page.items.into_iter().map(|row| Holder {
                kind: row.principal_kind,
                aws_id: row.principal_id,
                membership: None,
                began: page.began,
            }));
        }
        let began = first.unwrap_or_else(|| self.now());
        self.holders(entitlement, holders, began).await
    }
}
