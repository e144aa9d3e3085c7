//! The reading itself: list after list, a short transaction per page.

mod iam;

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest;
use stint_aws::{
    Account, AccountState, AwsError, Estate, IdentityGroup, Lane, Page, Pages, PermissionSet,
};
use stint_db::{Priority, Tx};
use stint_domain::binding::Config;
use stint_domain::entitlement::{EntitlementKey, Pair, PrincipalKind};
use stint_domain::{EntitlementId, PrincipalId, Time};

use super::super::observe::{Change, Observed, observe};
use super::super::store::things::{self, Gone, SeenEntitlement};
use super::super::store::{assignments, endings, runs};
use super::super::{Error, SyncRun};
use crate::cx::Cx;

/// How many rows are written in one transaction: a few milliseconds, so that nobody waits
/// for the writer.
const CHUNK: usize = 200;

pub(super) struct Walk<'a> {
    cx: &'a Cx,
    estate: Estate,
    calls_before: u64,
    instance: String,
    store: String,
    iam: bool,
    previous: Option<Time>,
    phase: &'static str,
    run: SyncRun,
    digest: digest::Context,
    principals: HashMap<(PrincipalKind, String), PrincipalId>,
    entitlements: HashMap<EntitlementKey, EntitlementId>,
}

/// What of an estate is read.
pub(super) struct Estates {
    /// The Identity Center instance.
    pub(super) instance: String,
    /// Its identity store.
    pub(super) store: String,
    /// Whether IAM users and groups of the role's own account are read, too.
    pub(super) iam: bool,
}

/// Somebody who holds something, as AWS lists it.
struct Holder {
    kind: PrincipalKind,
    aws_id: String,
    membership: Option<String>,
}

/// A reading that begins at `began` proves the absence only of what was last seen by then:
/// AWS may answer with a state as old as its lag (invariant 10).
fn seen_until(began: Time) -> Time {
    began - Config::default().lag
}

/// The directory that provisions a group, by the issuers of its external ids.
fn owner(group: &IdentityGroup) -> Option<String> {
    let mut issuers: Vec<&str> = (group.issuers.iter())
        .map(|issuer| match issuer.trim() {
            "" => "an external directory",
            named => named,
        })
        .collect();
    issuers.sort_unstable();
    issuers.dedup();
    (!issuers.is_empty()).then(|| issuers.join(", "))
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        cx: &'a Cx,
        estate: Estate,
        run: SyncRun,
        of: Estates,
        previous: Option<Time>,
    ) -> Self {
        let Estates {
            instance,
            store,
            iam,
        } = of;
        Self {
            cx,
            calls_before: estate.calls(),
            estate,
            instance,
            store,
            iam,
            previous,
            phase: "accounts",
            run,
            digest: digest::Context::new(&digest::SHA256),
            principals: HashMap::new(),
            entitlements: HashMap::new(),
        }
    }

    /// The run as far as it came, and the digest of what was seen.
    pub(super) fn into_parts(self) -> (SyncRun, String) {
        let digest = self.digest.finish();
        let hex = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        (self.run, hex)
    }

    pub(super) async fn all(&mut self) -> Result<(), Error> {
        let (accounts, began) = self.accounts().await?;
        let sets = self.permission_sets().await?;
        self.offered(&accounts, &sets, began).await?;
        self.users().await?;
        let groups = self.groups().await?;
        let iam = if self.iam {
            Some(self.iam_people().await?)
        } else {
            None
        };
        let mut q = self.cx.read().await?;
        let id = self.run.connection;
        self.principals = things::principal_keys(&mut q, id)
            .await?
            .into_iter()
            .map(|(k, a, p)| ((k, a), p))
            .collect();
        self.entitlements = things::entitlement_keys(&mut q, id)
            .await?
            .into_iter()
            .collect();
        drop(q);
        self.memberships(&groups).await?;
        self.assignments(&accounts).await?;
        match iam {
            Some(iam) => self.iam_memberships(&iam).await,
            None => Ok(()),
        }
    }

    fn begin(&mut self, phase: &'static str, expected: usize) {
        self.phase = phase;
        phase.clone_into(&mut self.run.phase);
        self.run.done = 0;
        self.run.expected = i64::try_from(expected).unwrap_or(i64::MAX);
    }

    fn aws(&self, source: AwsError) -> Error {
        Error::Aws {
            connection: self.run.connection,
            phase: self.phase,
            source: Box::new(source),
        }
    }

    async fn next<T: Send + 'static>(
        &self,
        pages: &mut Pages<T>,
    ) -> Result<Option<Page<T>>, Error> {
        pages.next().await.map_err(|e| self.aws(e))
    }

    async fn write(&self) -> Result<Tx, Error> {
        Ok(self.cx.begin(Priority::Sync).await?)
    }

    /// Ends a chunk: how far the run is goes with it. Somebody who took the run over ends it.
    async fn moved(&mut self, mut tx: Tx, done: usize) -> Result<(), Error> {
        self.run.done = self
            .run
            .done
            .saturating_add(i64::try_from(done).unwrap_or(i64::MAX));
        self.run.expected = self.run.expected.max(self.run.done);
        self.run.calls = i64::try_from(self.estate.calls().saturating_sub(self.calls_before))
            .unwrap_or(i64::MAX);
        self.run.moved_at = self.cx.app.clock.now();
        if !runs::moved(&mut tx, &self.run).await? {
            return Err(Error::Running {
                connection: self.run.connection,
                since: self.run.started_at,
            });
        }
        Ok(tx.commit().await?)
    }

    /// Notes as gone what the complete list, begun then, no longer had.
    async fn gone(&mut self, what: Gone, began: Option<Time>) -> Result<(), Error> {
        if let Some(began) = began {
            let mut tx = self.write().await?;
            things::gone(&mut tx, self.run.connection, what, began).await?;
            self.moved(tx, 0).await?;
        }
        Ok(())
    }

    async fn accounts(&mut self) -> Result<(Vec<Account>, Option<Time>), Error> {
        self.begin("accounts", 0);
        let mut pages = self.estate.accounts(None, Lane::Sync);
        let (mut all, mut began) = (Vec::new(), None);
        while let Some(page) = self.next(&mut pages).await? {
            began = began.or(Some(page.began));
            let mut tx = self.write().await?;
            for account in &page.items {
                things::see_account(
                    &mut tx,
                    self.cx.app.new_id(),
                    self.run.connection,
                    account,
                    page.began,
                )
                .await?;
            }
            self.moved(tx, page.items.len()).await?;
            all.extend(page.items);
        }
        self.gone(Gone::Accounts, began).await?;
        if let Some(began) = began {
            let mut tx = self.write().await?;
            let of = (self.run.id, self.run.connection);
            let found = endings::accounts(&mut tx, of, began, seen_until(began)).await?;
            self.ending(found);
            self.moved(tx, 0).await?;
        }
        all.retain(|account| account.state == AccountState::Active);
        Ok((all, began))
    }

    async fn permission_sets(&mut self) -> Result<Vec<PermissionSet>, Error> {
        self.begin("permission sets", 0);
        let mut pages = self
            .estate
            .permission_sets(&self.instance, None, Lane::Sync);
        let (mut arns, mut began) = (Vec::new(), None);
        while let Some(page) = self.next(&mut pages).await? {
            began = began.or(Some(page.began));
            arns.extend(page.items);
        }
        self.begin("permission sets", arns.len());
        let mut sets = Vec::with_capacity(arns.len());
        for arn in &arns {
            let set = self
                .estate
                .permission_set(&self.instance, arn, Lane::Sync)
                .await
                .map_err(|e| self.aws(e))?;
            let mut tx = self.write().await?;
            // Seen in the list: that is the moment that counts for its absence.
            things::see_set(
                &mut tx,
                self.run.connection,
                &set,
                began.unwrap_or(self.run.started_at),
            )
            .await?;
            self.moved(tx, 1).await?;
            sets.push(set);
        }
        self.gone(Gone::Sets, began).await?;
        Ok(sets)
    }

    /// Every permission set may be assigned on every active account.
    async fn offered(
        &mut self,
        accounts: &[Account],
        sets: &[PermissionSet],
        began: Option<Time>,
    ) -> Result<(), Error> {
        let Some(began) = began else { return Ok(()) };
        let pairs: Vec<(&Account, &PermissionSet)> = accounts
            .iter()
            .flat_map(|account| sets.iter().map(move |set| (account, set)))
            .collect();
        self.begin("entitlements", pairs.len());
        for chunk in pairs.chunks(CHUNK) {
            let mut tx = self.write().await?;
            for (account, set) in chunk {
                let key = EntitlementKey::AccountAssignment {
                    account: account.id.clone(),
                    permission_set: set.arn.clone(),
                };
                let name = format!("{} on {}", set.name, account.name);
                things::see_entitlement(
                    &mut tx,
                    self.cx.app.new_id(),
                    self.run.connection,
                    &SeenEntitlement {
                        key: &key,
                        name: &name,
                        aws_name: None,
                        owned_by: None,
                    },
                    began,
                )
                .await?;
            }
            self.moved(tx, chunk.len()).await?;
        }
        self.gone(Gone::Entitlements("account_assignment"), Some(began))
            .await
    }

    async fn users(&mut self) -> Result<(), Error> {
        self.begin("users", 0);
        let mut pages = self.estate.users(&self.store, None, Lane::Sync);
        let mut began = None;
        while let Some(page) = self.next(&mut pages).await? {
            began = began.or(Some(page.began));
            let mut tx = self.write().await?;
            for user in &page.items {
                things::see_user(
                    &mut tx,
                    self.cx.app.new_id(),
                    self.run.connection,
                    user,
                    page.began,
                )
                .await?;
            }
            self.moved(tx, page.items.len()).await?;
        }
        self.gone(Gone::Principals(PrincipalKind::IdentityCenterUser), began)
            .await
    }

    async fn groups(&mut self) -> Result<Vec<String>, Error> {
        self.begin("groups", 0);
        let mut pages = self.estate.groups(&self.store, None, Lane::Sync);
        let (mut ids, mut began) = (Vec::new(), None);
        while let Some(page) = self.next(&mut pages).await? {
            began = began.or(Some(page.began));
            let mut tx = self.write().await?;
            for group in &page.items {
                let app = &self.cx.app;
                things::see_group(
                    &mut tx,
                    app.new_id(),
                    self.run.connection,
                    group,
                    page.began,
                )
                .await?;
                let key = EntitlementKey::GroupMembership {
                    group: group.id.clone(),
                };
                let owned_by = owner(group);
                let name = format!(
                    "Identity Center group {}",
                    group.name.as_deref().unwrap_or(&group.id)
                );
                things::see_entitlement(
                    &mut tx,
                    app.new_id(),
                    self.run.connection,
                    &SeenEntitlement {
                        key: &key,
                        name: &name,
                        aws_name: None,
                        owned_by: owned_by.as_deref(),
                    },
                    page.began,
                )
                .await?;
            }
            self.moved(tx, page.items.len()).await?;
            ids.extend(page.items.into_iter().map(|group| group.id));
        }
        self.gone(Gone::Principals(PrincipalKind::IdentityCenterGroup), began)
            .await?;
        self.gone(Gone::Entitlements("group_membership"), began)
            .await?;
        if let Some(began) = began {
            let mut tx = self.write().await?;
            self.groups_gone(&mut tx, "group_membership", began).await?;
            self.moved(tx, 0).await?;
        }
        Ok(ids)
    }

    async fn memberships(&mut self, groups: &[String]) -> Result<(), Error> {
        self.begin("memberships", groups.len());
        for group in groups {
            let key = EntitlementKey::GroupMembership {
                group: group.clone(),
            };
            let mut pages = self
                .estate
                .memberships(&self.store, group, None, Lane::Sync);
            let mut first = None;
            while let Some(page) = self.next(&mut pages).await? {
                first = first.or(Some(page.began));
                let holders = page.items.into_iter().map(|m| Holder {
                    kind: PrincipalKind::IdentityCenterUser,
                    aws_id: m.user,
                    membership: Some(m.id),
                });
                self.seen(&key, holders.collect(), page.began).await?;
            }
            self.scope_read(&key, first).await?;
        }
        Ok(())
    }

    async fn assignments(&mut self, accounts: &[Account]) -> Result<(), Error> {
        self.begin("assignments", accounts.len());
        for account in accounts {
            let mut pages =
                self.estate
                    .provisioned_sets(&self.instance, &account.id, None, Lane::Sync);
            let (mut provisioned, mut began) = (BTreeSet::new(), None);
            while let Some(page) = self.next(&mut pages).await? {
                began = began.or(Some(page.began));
                provisioned.extend(page.items);
            }
            for set in &provisioned {
                self.assignments_of(account, set).await?;
            }
            // A set that is not provisioned there is held by nobody there.
            let Some(began) = began else { continue };
            let open = assignments::open_of_account(
                &mut self.cx.read().await?,
                self.run.connection,
                &account.id,
            )
            .await?;
            let mut tx = self.write().await?;
            for (entitlement, set) in open {
                if !provisioned.contains(&set) {
                    self.end_scope(&mut tx, entitlement, began).await?;
                }
            }
            self.moved(tx, 1).await?;
        }
        Ok(())
    }

    async fn assignments_of(&mut self, account: &Account, set: &str) -> Result<(), Error> {
        let key = EntitlementKey::AccountAssignment {
            account: account.id.clone(),
            permission_set: set.to_owned(),
        };
        let mut pages = self
            .estate
            .assignments(&self.instance, &account.id, set, None, Lane::Sync);
        let mut first = None;
        while let Some(page) = self.next(&mut pages).await? {
            first = first.or(Some(page.began));
            let holders = page.items.into_iter().map(|row| Holder {
                kind: row.principal_kind,
                aws_id: row.principal_id,
                membership: None,
            });
            self.seen(&key, holders.collect(), page.began).await?;
        }
        if let (Some(entitlement), Some(first)) = (self.entitlements.get(&key).copied(), first) {
            let mut tx = self.write().await?;
            self.end_scope(&mut tx, entitlement, first).await?;
            self.moved(tx, 0).await?;
        }
        Ok(())
    }

    /// A scope was read whole: what it no longer has is to end. Counts as one step of the phase.
    async fn scope_read(&mut self, key: &EntitlementKey, first: Option<Time>) -> Result<(), Error> {
        let mut tx = self.write().await?;
        if let (Some(entitlement), Some(first)) = (self.entitlements.get(key).copied(), first) {
            self.end_scope(&mut tx, entitlement, first).await?;
        }
        self.moved(tx, 1).await
    }

    async fn end_scope(
        &mut self,
        tx: &mut Tx,
        entitlement: EntitlementId,
        first: Time,
    ) -> Result<(), Error> {
        let (sync, until) = (self.run.id, seen_until(first));
        let found = endings::scope(tx, sync, entitlement, first, until).await?;
        self.ending(found);
        Ok(())
    }

    /// Nobody is in a group that the list, begun then, no longer had.
    async fn groups_gone(
        &mut self,
        tx: &mut Tx,
        kind: &'static str,
        began: Time,
    ) -> Result<(), Error> {
        let of = (self.run.id, self.run.connection);
        let found = endings::groups(tx, of, kind, began, seen_until(began)).await?;
        self.ending(found);
        Ok(())
    }

    fn ending(&mut self, rows: u64) {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.run.ended = self.run.ended.saturating_add(rows);
    }

    /// Writes one page of holders.
    async fn seen(
        &mut self,
        key: &EntitlementKey,
        holders: Vec<Holder>,
        began: Time,
    ) -> Result<(), Error> {
        // Something of an account or group that the lists before did not have: it came in
        // between, and the next run will know it.
        let Some(entitlement) = self.entitlements.get(key).copied() else {
            return Ok(());
        };
        let mut tx = self.write().await?;
        for holder in holders {
            let principal = self.principal(&mut tx, &holder, began).await?;
            let pair = Pair {
                connection: self.run.connection,
                principal,
                entitlement,
            };
            let line = format!("{entitlement} {} {}\n", holder.kind.as_str(), holder.aws_id);
            self.digest.update(line.as_bytes());
            let observed = Observed {
                began,
                present: true,
                membership: holder.membership,
                absent_before: self.previous,
            };
            if observe(&self.cx.app, &mut tx, &pair, &observed).await? == Change::Appeared {
                self.run.appeared = self.run.appeared.saturating_add(1);
            }
            self.run.seen = self.run.seen.saturating_add(1);
        }
        self.moved(tx, 0).await
    }

    async fn principal(
        &mut self,
        tx: &mut Tx,
        holder: &Holder,
        began: Time,
    ) -> Result<PrincipalId, Error> {
        let key = (holder.kind, holder.aws_id.clone());
        if let Some(id) = self.principals.get(&key) {
            return Ok(*id);
        }
        let id = self.cx.app.new_id();
        things::stand_in(
            tx,
            id,
            self.run.connection,
            holder.kind,
            &holder.aws_id,
            began,
        )
        .await?;
        // It may have been there: then it keeps its id.
        let found = things::principal_by_aws_id(tx, self.run.connection, &holder.aws_id).await?;
        let id = found.map_or(id, |p| p.id);
        self.principals.insert(key, id);
        Ok(id)
    }
}
