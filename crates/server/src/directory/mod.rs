//! What AWS holds: accounts, permission sets, principals, entitlements, who holds what and
//! since when, and which principals belong to which user.
//!
//! **Tables**: `accounts`, `permission_sets`, `principals`, `entitlements`, `assignments`,
//! `sync_runs`, `sync_endings`, `sync_scopes`, `sync_overdue`, `changes`, `change_feeds`, `class_readings`, `links`, `account_facts`,
//! `organization_units`,
//! `denied_actions`, `iam_roles`, `iam_users`. **Audit events**: `changes.read`, `sync.started`, `sync.completed`,
//! `sync.held`, `sync.accepted`, `sync.set_aside`, `sync.failed`, `sync.overdue`, `link.proposed`,
//! `link.confirmed`, `link.made_primary`, `link.rejected`. **Outbox**: `sync.completed`,
//! `sync.held`, `sync.accepted`, `sync.set_aside`, `sync.failed`, `sync.overdue` and those of links.
//!
//! What it promises: a row is ended only by a *complete* reading of its scope that began
//! after it was last seen; a failed, partial or older reading changes nothing (invariant 10). A sync
//! that would end more than it may by itself waits for a person, and has ended nothing until then.
//! Each time somebody held something is a row of its own, with the moments between which it
//! began and ended. A link never comes about by an e-mail address alone: a likeness is
//! proposed, an administrator confirms. Tags of accounts are believed as they were last read, and only
//! while the connection reads them; what was not read is not known, which is not the same as none.
//!
//! What it does not do: intend anything (`grants`), say who may ask (`catalog`), or write to
//! AWS.

mod changes;
mod classes;
mod error;
mod facts;
mod holders;
mod http;
mod links;
mod look;
mod observe;
pub(crate) mod pages;
mod papers;
mod scim;

mod store;
mod sync;
mod tasks;
mod trouble;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use stint_aws::PairKey;
use stint_db::{Query, Tx};
use stint_domain::condition::Thing;
use stint_domain::entitlement::{EntitlementKey, Pair, PrincipalKind};
use stint_domain::{
    AssignmentId, ConnectionId, EntitlementId, LinkId, PrincipalId, SyncId, Time, UserId,
};

use crate::connections::{self, Connection};

pub use changes::{ClassFreshness, Feed, Freshness, freshness};
pub use classes::Class;
pub use error::Error;
pub use facts::{
    AccountFacts, FACT_SORTS, FactsFilter, IAM_STATES, IamUserFacts, KeyFacts, OLD_KEY, RoleFacts,
    USER_KINDS, accounts, iam_roles, iam_users, refusing,
};
pub use holders::{
    all_things, groups_of_principals, held_by_principals, holding, members_of_groups, memberships,
    memberships_of, on_account, policies_of_sets, principals_of_users, things_by_id,
    users_of_principals,
};
pub use links::{
    LINK_SORTS, LINK_STATES, LinkFilter, confirm_link, confirm_link_at, links, propose_link,
    reject_link, reject_link_at,
};
pub use look::{
    Filter, HOLDING_SORTS, KINDS, SYNC_STATES, THROUGH, history, holdings, inherited, known_since,
    list_entitlements, principals, sync_runs,
};
pub use observe::{Change, Observed, observe};
pub(crate) use papers::set_facts;
pub use papers::{PermissionSet, Policies, permission_sets};
use sync::minutes;
pub use sync::{Plan, accept_sync, endings_of, set_aside_sync, start_sync, sync, sync_run};

pub(crate) use http::routes;
#[cfg(test)]
pub(crate) use pages::{ACCOUNT_COLUMNS, HELD_COLUMNS, ROLE_COLUMNS, USER_COLUMNS};
pub(crate) use pages::{
    LinkRow, console, entitlement_facts, link_rows, partition, place, places,
    routes as page_routes, views,
};
pub(crate) use store::STATEMENTS;
pub use store::described::described;
pub(crate) use tasks::tasks;
pub use trouble::{FAILURES, Overdue, Trouble, trouble};

/// Something a principal can hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// Its id.
    pub id: EntitlementId,
    /// The estate it belongs to.
    pub connection: ConnectionId,
    /// Its names in AWS.
    pub key: EntitlementKey,
    /// What people see: `AdministratorAccess on prod-payments`, `Identity Center group data`.
    pub name: String,
    /// What AWS calls an IAM group now, where it is one: calls go by names.
    pub aws_name: Option<String>,
    /// The directory that decides who is in this Identity Center group, where one provisions
    /// it: a membership given here would be undone, or would come back, at its next run.
    pub owned_by: Option<String>,
    /// Since when AWS no longer has it.
    pub gone_at: Option<Time>,
}

/// An AWS identity that can hold access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its id.
    pub id: PrincipalId,
    /// The estate it belongs to.
    pub connection: ConnectionId,
    /// What kind of identity.
    pub kind: PrincipalKind,
    /// Its id in the identity store; of an IAM user the `AIDA…` that is never given twice.
    pub aws_id: String,
    /// User name or group name; the AWS id where AWS no longer tells.
    pub name: String,
    /// As the directory shows it.
    pub display_name: Option<String>,
    /// As the directory has it. Never a proof of who somebody is.
    pub email: Option<String>,
    /// Whether AWS lets it sign in, where it says so.
    pub active: Option<bool>,
    /// Since when AWS no longer has it.
    pub gone_at: Option<Time>,
}

/// Somebody in an Identity Center group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who, in AWS.
    pub principal: Principal,
    /// Whose that is, where a link is confirmed.
    pub user: Option<UserId>,
}

/// One time that a principal was seen to hold an entitlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// Who.
    pub principal: Principal,
    /// What.
    pub entitlement: Entitlement,
    /// It began after this reading, as far as is known.
    pub absent_before: Option<Time>,
    /// The first reading that saw it.
    pub first_seen: Time,
    /// The last reading that saw it.
    pub last_seen: Time,
    /// The reading that found it gone.
    pub ended_at: Option<Time>,
}

impl Assignment {
    /// Whether it was held at `at` for certain: a reading before saw it, and one since. What is
    /// not ended counts as held since it was last seen.
    pub fn certain(&self, at: Time) -> bool {
        self.first_seen <= at && (self.ended_at.is_none() || at <= self.last_seen)
    }
}

/// Who holds what, itself or through an Identity Center group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Who, what and since when. Through a group: the row of the group, with the member as its
    /// principal and the times at which both that row and the membership were there.
    pub assignment: Assignment,
    /// The membership that gives it; the assignment itself where there is none.
    pub membership: AssignmentId,
    /// Through this Identity Center group.
    pub through: Option<(PrincipalId, String)>,
    /// The entitlement of being in that group.
    pub joined: Option<EntitlementId>,
    /// Whose the principal is confirmed to be.
    pub user: Option<UserId>,
    /// What it is sorted by under `who`.
    pub who: String,
    /// What it is sorted by under `what`.
    pub what: String,
}

/// One run of the sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// Its id.
    pub id: SyncId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// `running`; `held`: read whole, what it found gone waits for a person; `ending`: that is
    /// being written down; `complete`; `set_aside`: read whole, and not believed, or a later one
    /// took its place; `failed`.
    pub state: String,
    /// What it is doing: `waiting`, reading `lists`, `who holds what` or `tags of accounts`.
    pub phase: String,
    /// Calls to AWS that are made, of [`SyncRun::expected`].
    pub done: i64,
    /// Calls it will take, as far as can be told.
    pub expected: i64,
    /// AWS calls so far, those of whoever had it before included.
    pub calls: i64,
    /// By which listings it reads, and what AWS refuses.
    pub plan: Plan,
    /// Who-holds-what rows seen.
    pub seen: i64,
    /// Of them, not seen before.
    pub appeared: i64,
    /// Rows found gone. In one that is held or set aside, those it would have ended.
    pub ended: i64,
    /// Member accounts whose IAM could not be read: what is known of it stays as it was.
    pub unread: i64,
    /// Of the rows seen, whatever order and by whichever listings: the sum of their SHA-256.
    pub digest: Option<String>,
    /// Why it failed, or is held.
    pub error: Option<String>,
    /// When it began.
    pub started_at: Time,
    /// When it last moved.
    pub moved_at: Time,
    /// When it had read everything, or failed.
    pub finished_at: Option<Time>,
    /// Who takes it up counts on: only the last one moves it.
    pub(crate) attempt: i64,
}

/// Which principal belongs to which user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The person.
    pub user: UserId,
    /// The AWS identity.
    pub principal: PrincipalId,
    /// The estate.
    pub connection: ConnectionId,
    /// `proposed`, `confirmed` or `rejected`.
    pub state: String,
    /// What kind of identity that is.
    pub kind: PrincipalKind,
    /// Of an IAM user, its account; else empty.
    pub account: String,
    /// Whether requests of the person on this connection, for what is held as such an identity
    /// (of this account), are for this principal.
    pub primary: bool,
    /// Why it was proposed.
    pub why: String,
    /// Who proposed it; nobody where the sync did.
    pub proposed_by: Option<UserId>,
    /// When.
    pub proposed_at: Time,
    /// Who decided.
    pub decided_by: Option<UserId>,
    /// When.
    pub decided_at: Option<Time>,
    /// Grows with every change.
    pub version: i64,
}

/// An entitlement by its id.
pub async fn entitlement(
    q: &mut impl Query,
    id: EntitlementId,
) -> stint_db::Result<Option<Entitlement>> {
    store::things::entitlement(q, id).await
}

/// Those of these entitlements that are known, also what AWS no longer has: one look-up for
/// all that a page shows.
pub async fn entitlements_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = EntitlementId>,
) -> stint_db::Result<BTreeMap<EntitlementId, Entitlement>> {
    store::things::entitlements_by_id(q, ids).await
}

/// Those of `ids` that have all words of `search` in their name, ordered by (sort key, id),
/// from after `after` on, `limit` at most.
pub async fn entitlements(
    q: &mut impl Query,
    ids: &[EntitlementId],
    search: &str,
    after: Option<(String, EntitlementId)>,
    limit: i64,
) -> stint_db::Result<Vec<(String, Entitlement)>> {
    store::things::entitlements_among(q, ids, search, after, limit).await
}

/// A page of those among these ids, also of what is gone from AWS, by name or from the other end,
/// with the key the next page goes on after; `search` narrows it to what has its words in their
/// order.
pub async fn named_entitlements(
    q: &mut impl Query,
    ids: &[EntitlementId],
    search: &str,
    down: bool,
    after: Option<(String, EntitlementId)>,
    limit: i64,
) -> stint_db::Result<Vec<(String, Entitlement)>> {
    store::things::named_entitlements(q, ids, search, down, after, limit).await
}

/// How often what conditions ask about entitlements has changed: an answer holds as long as this
/// stays, also one that another process has.
pub async fn version(q: &mut impl Query) -> stint_db::Result<i64> {
    store::offered::version(q).await
}

/// An entitlement, also one that is gone, with what conditions ask about it; none where its
/// connection is removed. Runs the same statements whether it exists or not.
pub async fn offerable(
    q: &mut impl Query,
    id: EntitlementId,
) -> stint_db::Result<Option<(Entitlement, Thing)>> {
    store::offered::one(q, id).await
}

/// A page of the entitlements of a connection that could be given (AWS has them, and no directory
/// decides about them), by (sort key, id), with what conditions ask about them.
pub async fn all_offerable(
    q: &mut impl Query,
    connection: ConnectionId,
    names: &BTreeMap<ConnectionId, connections::Names>,
    after: Option<(String, EntitlementId)>,
    limit: i64,
) -> stint_db::Result<Vec<(String, Thing)>> {
    store::offered::of_connection(q, connection, names, after, limit).await
}

/// Why nobody is put into such a group here, and where it is done instead.
pub fn owned_words(name: &str, owner: &str) -> String {
    format!(
        "“{name}” is provisioned by the directory {owner}, which would undo a membership given \
         here: change its members in that directory, or offer a group that was made in Identity \
         Center itself"
    )
}

/// Every entitlement of a connection that AWS still has, by name. For set-up; large estates
/// page through [`list_entitlements`].
pub async fn all_entitlements(
    q: &mut impl Query,
    connection: ConnectionId,
) -> stint_db::Result<Vec<Entitlement>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = store::things::entitlements(q, connection, "", after, PAGE).await?;
        let Some((key, last)) = page.last() else {
            return Ok(all);
        };
        after = Some((key.clone(), last.id));
        all.extend(
            page.into_iter()
                .map(|(_, e)| e)
                .filter(|e| e.gone_at.is_none()),
        );
    }
}

/// How many rows are read together where everything is read.
const PAGE: i64 = 1_000;

/// A principal by its id.
pub async fn principal(q: &mut impl Query, id: PrincipalId) -> stint_db::Result<Option<Principal>> {
    store::things::principal(q, id).await
}

/// The first `limit` Identity Center groups of an estate after a key, by name, that AWS still
/// has and that have the words of `search` in it; each with its key.
pub async fn groups(
    q: &mut impl Query,
    connection: ConnectionId,
    search: &str,
    after: Option<(String, PrincipalId)>,
    limit: i64,
) -> stint_db::Result<Vec<(String, Principal)>> {
    store::things::groups(q, connection, search, after, limit).await
}

/// Those of these principals that are known, also what AWS no longer has.
pub async fn principals_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = PrincipalId>,
) -> stint_db::Result<BTreeMap<PrincipalId, Principal>> {
    store::things::principals_by_id(q, ids).await
}

/// A principal by its id in the identity store.
pub async fn principal_by_aws_id(
    q: &mut impl Query,
    connection: ConnectionId,
    aws_id: &str,
) -> stint_db::Result<Option<Principal>> {
    store::things::principal_by_aws_id(q, connection, aws_id).await
}

/// The principal of this kind that requests of this person are for, on this connection: the
/// primary of their confirmed links. `account` is that of an IAM user, and empty for others.
pub async fn primary_principal(
    q: &mut impl Query,
    user: UserId,
    connection: ConnectionId,
    kind: PrincipalKind,
    account: &str,
) -> stint_db::Result<Option<PrincipalId>> {
    store::links::primary(q, user, connection, kind, account).await
}

/// What people call a kind of principal.
pub const fn kind_words(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::IdentityCenterUser => "Identity Center user",
        PrincipalKind::IdentityCenterGroup => "Identity Center group",
        PrincipalKind::IamUser => "IAM user",
    }
}

/// Who holds something, in a sentence: the name alone is an Identity Center user's, every other
/// kind is said.
pub fn called(principal: &Principal) -> String {
    match principal.kind {
        PrincipalKind::IdentityCenterUser => principal.name.clone(),
        kind => format!("{} {}", kind_words(kind), principal.name),
    }
}

/// The principals a user is confirmed to be, on every connection.
pub async fn principals_of(q: &mut impl Query, user: UserId) -> stint_db::Result<Vec<PrincipalId>> {
    store::links::principals_of(q, user).await
}

/// The state of an AWS account as last seen: `active`, `suspended`, `pending` or `closed`.
pub async fn account_state(
    q: &mut impl Query,
    connection: ConnectionId,
    account: &str,
) -> stint_db::Result<Option<String>> {
    store::things::account_state(q, connection, account).await
}

/// A pair as the connector calls it. None where the pair is unknown, or the connection has
/// never passed its test, so that its Identity Center instance is not known.
pub async fn pair_key(
    q: &mut impl Query,
    pair: &Pair,
    connection: &Connection,
) -> stint_db::Result<Option<PairKey>> {
    let Some(principal) = store::things::principal(q, pair.principal).await? else {
        return Ok(None);
    };
    let Some(entitlement) = store::things::entitlement(q, pair.entitlement).await? else {
        return Ok(None);
    };
    Ok(match entitlement.key {
        EntitlementKey::AccountAssignment { .. } | EntitlementKey::GroupMembership { .. }
            if principal.kind == PrincipalKind::IamUser =>
        {
            None
        }
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => connection
            .instance_arn
            .clone()
            .map(|instance_arn| PairKey::Assignment {
                instance_arn,
                account,
                permission_set,
                principal_kind: principal.kind,
                principal_id: principal.aws_id,
            }),
        EntitlementKey::GroupMembership { group } => {
            connection
                .identity_store_id
                .clone()
                .map(|identity_store| PairKey::Membership {
                    identity_store,
                    group,
                    user: principal.aws_id,
                })
        }
        EntitlementKey::IamGroupMembership { account, group }
            if principal.kind == PrincipalKind::IamUser =>
        {
            Some(PairKey::IamMembership {
                group_name: entitlement.aws_name.unwrap_or_else(|| group.clone()),
                account,
                group,
                user: principal.aws_id,
                user_name: principal.name,
            })
        }
        EntitlementKey::IamGroupMembership { .. } => None,
    })
}

/// The Identity Center groups through which the principal holds the entitlement as well, as
/// last seen: what stays when the principal's own row goes.
pub async fn through_groups(q: &mut impl Query, pair: &Pair) -> stint_db::Result<Vec<Principal>> {
    store::assignments::through_groups(q, pair).await
}

/// The entitlement that is membership of this Identity Center group; none for another principal.
pub async fn membership_of(
    q: &mut impl Query,
    group: PrincipalId,
) -> stint_db::Result<Option<EntitlementId>> {
    store::assignments::membership_of(q, group).await
}

/// Who is in this Identity Center group, as last seen.
pub async fn members(q: &mut impl Query, group: PrincipalId) -> stint_db::Result<Vec<Member>> {
    store::assignments::members(q, group).await
}

/// The Identity Center groups in which the user, by a confirmed link, is, as last seen.
pub async fn groups_with(
    q: &mut impl Query,
    user: UserId,
) -> stint_db::Result<BTreeSet<PrincipalId>> {
    store::assignments::groups_with(q, user).await
}

/// The Identity Center groups that these entitlements are membership of.
pub async fn groups_behind(
    q: &mut impl Query,
    memberships: impl IntoIterator<Item = EntitlementId>,
) -> stint_db::Result<BTreeSet<PrincipalId>> {
    store::assignments::groups_behind(q, memberships).await
}

/// Who holds the entitlement itself, granted or standing, as last seen; `limit` at most.
pub async fn holders(
    q: &mut impl Query,
    entitlement: EntitlementId,
    limit: i64,
) -> stint_db::Result<Vec<Principal>> {
    store::assignments::holders(q, entitlement, limit).await
}

/// Whether the principal itself held the entitlement when it was last looked at.
pub async fn holds(q: &mut impl Query, pair: &Pair) -> stint_db::Result<bool> {
    store::assignments::open(q, pair)
        .await
        .map(|row| row.is_some())
}

/// A connection was removed: what it led to leaves the lists, and stays on record. The
/// assignments stay as they were last seen; nobody looks at them any more. The caller's
/// transaction holds the event.
pub async fn retire(tx: &mut Tx, connection: ConnectionId, at: Time) -> stint_db::Result<()> {
    store::changes::drop_all(tx, connection).await?;
    store::overdue::forget(tx, connection).await?;
    store::classes::retire(tx, connection).await?;
    store::things::retire(tx, connection, at).await?;
    store::facts::retire(tx, connection).await
}
