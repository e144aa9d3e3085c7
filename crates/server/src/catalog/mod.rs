//! Catalogs: which entitlements may be asked for, by whom, and how.
//!
//! Somebody may ask for an entitlement when it is in a catalog that they see *and* it is said how:
//! by an access control of its own (the policy it is asked under, and a longest duration if that is
//! below the policy's), else by the catalog. What is in none of one's catalogs is invisible, to
//! administrators too; it answers as what does not exist, by the same statements.
//!
//! What is in a catalog, and who sees it, is a list and conditions beside it (`rules`), asked when
//! it matters: what is asked for, in its own transaction (`judge`); what is listed, of everything
//! at once and kept until a version moves (`stock`).
//!
//! Tables: `catalogs`, `catalog_audience`, `catalog_entitlements`, `access_controls`,
//! `catalog_version`.
//! Events: `catalog.created`, `catalog.changed`, `catalog.entitlements_added`,
//! `catalog.entitlement_removed`, `catalog.access_control_set`.
//!
//! It does not know what an entitlement is in AWS (that is `directory`), what a policy
//! means (`policies`), or what was asked (`requests`).

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Priority, Query, Tx};
use stint_domain::condition::Condition;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{CatalogId, EntitlementId, GroupId, PolicyId, Span, Time, UserId};

use crate::cx::Cx;
use crate::directory::Entitlement;
use crate::http::{Page, Paging, sorted};
use crate::policies::PolicyVersion;
use crate::{directory, identity, outbox, policies};

mod another;
mod bits;
mod contents;
mod error;
mod http;
mod judge;
mod offers;
pub(crate) mod pages;
mod rules;
mod stock;
mod store;
#[cfg(test)]
mod tests;

pub use another::{asks_for, asks_for_others, may_ask_for, people};
pub use contents::{
    CONTENT_SORTS, Checked, ContentFilter, Held, Matches, check, contents, count_matched,
};
pub use error::Error;
pub(crate) use http::{in_an_emergency, named, routes};
pub use judge::{Judgement, Seen, judge};
pub use offers::{Offer, Offers, hold, offer, offer_for, offered, offers, offers_for, requestable};
pub(crate) use pages::{choose_entitlement, routes as page_routes};
pub use rules::{
    ContentRule, DefaultTerms, LONGEST_RULE_NAME, MOST_RULES, RANK, RANKS, RuleFault, Rules,
};
pub(crate) use store::{CONDITION_STATEMENTS, STATEMENTS};

/// The longest name of a catalog, in characters.
pub const LONGEST_NAME: usize = 80;
/// The longest description, in characters.
pub const LONGEST_DESCRIPTION: usize = 2_000;
/// How many entitlements may be added in one call.
pub const MOST_AT_ONCE: usize = 1_000;

/// Entitlements for an audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// Which.
    pub id: CatalogId,
    /// Unique, whatever the capitals.
    pub name: String,
    /// For people.
    pub description: String,
    /// The groups whose members see it.
    pub audience: BTreeSet<GroupId>,
    /// What is in it, who sees it, and how it is asked for, beside the lists.
    pub rules: Rules,
    /// How many entitlements are in its list.
    pub entitlements: i64,
    /// Since when.
    pub created_at: Time,
    /// Counts changes of the record and its audience.
    pub version: i64,
}

/// A catalog to be.
#[derive(Debug, Clone, Default)]
pub struct NewCatalog {
    /// Unique, whatever the capitals.
    pub name: String,
    /// For people; may be empty.
    pub description: String,
    /// The groups whose members see it.
    pub audience: BTreeSet<GroupId>,
    /// What is in it, who sees it, and how it is asked for, beside the lists.
    pub rules: Rules,
}

/// What changes about a catalog; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// A new name.
    pub name: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// The audience from now on.
    pub audience: Option<BTreeSet<GroupId>>,
    /// The conditions over entitlements from now on.
    pub contents: Option<Vec<ContentRule>>,
    /// The condition over people from now on, or none.
    pub audience_when: Option<Option<Condition>>,
    /// How what has no access control of its own is asked for from now on, if at all.
    pub terms: Option<Option<DefaultTerms>>,
    /// Where it stands among catalogs that hold the same.
    pub rank: Option<i64>,
}

/// How one entitlement may be asked for, in whichever catalog it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessControl {
    /// Which.
    pub entitlement: EntitlementId,
    /// Its latest version counts when somebody asks.
    pub policy: PolicyId,
    /// A limit of its own; only felt below the policy's.
    pub max_duration: Option<Span>,
    /// Whether the time limit is off: it may be asked for until it is revoked as well, where the
    /// policy allows that.
    pub until_revoked: bool,
    /// The policy it may be asked for under in an emergency; none: emergency access is off.
    pub emergency: Option<PolicyId>,
    /// Counts changes.
    pub version: i64,
}

/// How entitlements may be asked for from now on, said of one or of many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The policy they are asked under.
    pub policy: PolicyId,
    /// A limit below the policy's.
    pub max_duration: Option<Span>,
    /// Whether the time limit is off; only where the policy allows access until it is revoked.
    pub until_revoked: bool,
    /// The policy for emergency access; none where that is off.
    pub emergency: Option<PolicyId>,
    /// Whether an access control that is there already is replaced; else it stays.
    pub replace: bool,
}

/// What adding to a catalog did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    /// How many are new in the catalog.
    pub new: usize,
    /// How many got the policy.
    pub set: usize,
    /// How many kept the access control they had.
    pub kept: usize,
}

/// One entitlement of a catalog, as its administrators see it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What.
    pub entitlement: Entitlement,
    /// How it may be asked for; without one, not at all.
    pub access_control: Option<AccessControl>,
}

/// Creates a catalog: who sees it, and what it holds by conditions. Its list is empty.
pub async fn create(cx: &Cx, new: NewCatalog) -> Result<Catalog, Error> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    let catalog = Catalog {
        id: cx.app.ids.new_id(),
        name: checked_name(&new.name)?,
        description: checked_description(&new.description)?,
        audience: new.audience,
        rules: new.rules,
        entitlements: 0,
        created_at: cx.now,
        version: 1,
    };
    let mut tx = begin(cx).await?;
    check_audience(&mut tx, &catalog.audience).await?;
    rules::check(&mut tx, &catalog.rules).await?;
    taken(
        store::insert(&mut tx, &catalog, &key(&catalog.name)).await,
        &catalog.name,
    )?;
    let facts = facts_of(&catalog);
    tx.audit(cx.event("catalog.created", [catalog.id.into()], facts));
    let news = serde_json::json!({ "catalog": catalog.id });
    outbox::emit(&mut tx, cx, "catalog.created", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(catalog)
}

/// Changes what a catalog is called, who sees it, what it holds by conditions, and how that is asked
/// for. `expected` is the version the caller had seen.
pub async fn update(
    cx: &Cx,
    id: CatalogId,
    change: Change,
    expected: Option<i64>,
) -> Result<Catalog, Error> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let mut tx = begin(cx).await?;
    store::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let before = store::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    fresh(expected, before.version)?;
    let mut after = before.clone();
    if let Some(name) = change.name {
        after.name = checked_name(&name)?;
    }
    if let Some(description) = change.description {
        after.description = checked_description(&description)?;
    }
    if let Some(audience) = change.audience {
        check_audience(&mut tx, &audience).await?;
        after.audience = audience;
    }
    let rules = &mut after.rules;
    rules.contents = change.contents.unwrap_or_else(|| rules.contents.clone());
    rules.audience_when = (change.audience_when).unwrap_or_else(|| rules.audience_when.clone());
    rules.terms = change.terms.unwrap_or(rules.terms);
    rules.rank = change.rank.unwrap_or(rules.rank);
    if after.rules != before.rules {
        rules::check(&mut tx, &after.rules).await?;
    }
    after.version += 1;
    taken(
        store::update(&mut tx, &before, &after, &key(&after.name)).await,
        &after.name,
    )?;
    let mut facts = facts_of(&after);
    if let Some(facts) = facts.as_object_mut() {
        facts.insert("before".to_owned(), facts_of(&before));
    }
    tx.audit(cx.event("catalog.changed", [id.into()], facts));
    let news = serde_json::json!({ "catalog": id });
    outbox::emit(&mut tx, cx, "catalog.changed", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(after)
}

/// What an audit event tells of a catalog.
fn facts_of(it: &Catalog) -> serde_json::Value {
    let terms = it.rules.terms.as_ref();
    serde_json::json!({
        "name": it.name,
        "description": it.description,
        "audience": it.audience,
        "audience_when": it.rules.audience_when,
        "contents": it.rules.contents,
        "policy": terms.map(|terms| terms.policy),
        "max_duration_seconds": terms.and_then(|terms| terms.max_duration),
        "until_revoked": terms.is_some_and(|terms| terms.until_revoked),
        "rank": it.rules.rank,
    })
}

/// Which catalogs to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words in the name, in their order.
    pub q: String,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of catalogs has.
pub const SORTS: &[&str] = &["name", "-name", "created", "-created"];

/// Catalogs, a page at a time.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Catalog>, Error> {
    cx.authorize(Verb::ListCatalogs, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let after = paging.after_key::<CatalogId>(sort)?;
    let mut q = cx.read().await?;
    let rows = store::list(&mut q, &filter.q, sort, after, paging.fetch()).await?;
    Ok(paging.page_key(sort, rows, |it| it.id, |it| key(&it.name)))
}

/// One catalog.
pub async fn get(cx: &Cx, id: CatalogId) -> Result<Catalog, Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    let mut q = cx.read().await?;
    store::get(&mut q, id).await?.ok_or(Error::NotFound)
}

/// How something is asked for, as lists are narrowed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under {
    /// Under this policy.
    Policy(PolicyId),
    /// Not at all: it has no policy.
    None,
}

/// Which entitlements of a catalog or a policy to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryFilter {
    /// Words in the name, in their order.
    pub q: String,
    /// Only what is asked for like this. Means nothing where a policy's own are listed.
    pub under: Option<Under>,
    /// One of [`ENTRY_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of entitlements has.
pub const ENTRY_SORTS: &[&str] = &["name", "-name"];

/// The entitlements of a catalog with how each may be asked for, a page at a time.
pub async fn entries(
    cx: &Cx,
    id: CatalogId,
    filter: &EntryFilter,
    paging: &Paging,
) -> Result<Page<Entry>, Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    let mut q = cx.read().await?;
    store::get(&mut q, id).await?.ok_or(Error::NotFound)?;
    let ids = store::entitlements(&mut q, id, filter.under).await?;
    listed(&mut q, &ids, filter, paging).await
}

/// How many entitlements of a catalog have no policy, so that nobody can ask for them.
pub async fn count_closed(cx: &Cx, id: CatalogId) -> Result<i64, Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    Ok(store::count_closed(&mut cx.read().await?, id).await?)
}

/// A page of these, with how each may be asked for.
async fn listed(
    q: &mut impl Query,
    ids: &[EntitlementId],
    filter: &EntryFilter,
    paging: &Paging,
) -> Result<Page<Entry>, Error> {
    let sort = sorted(filter.sort.as_deref(), ENTRY_SORTS)?;
    let after = paging.after_in::<(String, EntitlementId)>(sort)?;
    let (search, limit) = (&filter.q, paging.fetch());
    let down = sort.starts_with('-');
    let found = directory::named_entitlements(q, ids, search, down, after, limit).await?;
    let page = paging.page_in(sort, found, |(key, it)| (key.clone(), it.id));
    let shown = page.items.iter().map(|(_, it)| it.id);
    let mut controls = store::access_controls(q, shown).await?;
    Ok(page.map(|(_, entitlement)| Entry {
        access_control: controls.remove(&entitlement.id),
        entitlement,
    }))
}

/// Puts entitlements into a catalog; those in it already stay. Answers how many are new.
///
/// All or none: fails when one of them does not exist in AWS, or is membership in a group that
/// a directory provisions.
pub async fn add(cx: &Cx, id: CatalogId, new: &[EntitlementId]) -> Result<usize, Error> {
    add_under(cx, id, new, None).await.map(|added| added.new)
}

/// The same, and says of all of them how they may be asked for, those in the catalog already
/// included.
pub async fn add_under(
    cx: &Cx,
    id: CatalogId,
    new: &[EntitlementId],
    terms: Option<Terms>,
) -> Result<Added, Error> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    if let Some(terms) = terms {
        cx.authorize(Verb::SetAccessControl, Relation::Others)?;
        check_max(terms.max_duration)?;
    }
    if new.is_empty() || new.len() > MOST_AT_ONCE {
        return Err(Error::HowMany(new.len()));
    }
    let mut tx = begin(cx).await?;
    let catalog = store::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    let mut added = Vec::new();
    for entitlement in new {
        let there = directory::entitlement(&mut tx, *entitlement).await?;
        let Some(there) = there.filter(|it| it.gone_at.is_none()) else {
            return Err(Error::UnknownEntitlement(*entitlement));
        };
        if let Some(owner) = there.owned_by {
            let name = there.name;
            return Err(Error::OwnedByDirectory { name, owner });
        }
        if store::add(&mut tx, id, *entitlement, cx.now).await? {
            added.push(*entitlement);
        }
    }
    let mut done = Added {
        new: added.len(),
        ..Added::default()
    };
    if let Some(terms) = terms {
        check_terms(&mut tx, &terms).await?;
        for entitlement in new {
            let wanted = |found| Ok(found == 0 || terms.replace);
            let set = write_control(cx, &mut tx, *entitlement, &terms, wanted);
            if set.await?.is_none() {
                done.kept += 1;
                continue;
            }
            done.set += 1;
        }
    }
    if done.new == 0 && done.set == 0 {
        return Ok(done);
    }
    if done.new > 0 {
        let facts = serde_json::json!({ "name": catalog, "entitlements": added });
        tx.audit(cx.event("catalog.entitlements_added", [id.into()], facts));
        let news = serde_json::json!({ "catalog": id, "entitlements": added });
        outbox::emit(&mut tx, cx, "catalog.entitlements_added", news).await?;
    }
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(done)
}

/// Takes one entitlement out of a catalog. Requests and grants that exist are not touched.
pub async fn remove(cx: &Cx, id: CatalogId, entitlement: EntitlementId) -> Result<(), Error> {
    cx.authorize(Verb::UpdateCatalog, Relation::Others)?;
    let mut tx = begin(cx).await?;
    let catalog = store::lock(&mut tx, id).await?.ok_or(Error::NotFound)?;
    if !store::remove(&mut tx, id, entitlement).await? {
        return Err(Error::NotFound);
    }
    let facts = serde_json::json!({ "name": catalog });
    let subjects = [id.into(), entitlement.into()];
    tx.audit(cx.event("catalog.entitlement_removed", subjects, facts));
    let news = serde_json::json!({ "catalog": id, "entitlement": entitlement });
    outbox::emit(&mut tx, cx, "catalog.entitlement_removed", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(())
}

/// A transaction that changes catalogs or access controls. All of these stand in one line from their
/// first statement on: of two none waits for what the other holds, and the other for it.
async fn begin(cx: &Cx) -> Result<Tx, Error> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    store::conditions::hold(&mut tx).await?;
    Ok(tx)
}

/// How an entitlement may be asked for; nothing where it cannot.
pub async fn access_control(cx: &Cx, id: EntitlementId) -> Result<Option<AccessControl>, Error> {
    cx.authorize(Verb::GetAccessControl, Relation::Others)?;
    let mut q = cx.read().await?;
    if directory::entitlement(&mut q, id).await?.is_none() {
        return Err(Error::NotFound);
    }
    Ok(store::access_control(&mut q, id).await?)
}

/// How these entitlements may be asked for, of those that can.
pub async fn access_controls(
    cx: &Cx,
    ids: impl IntoIterator<Item = EntitlementId>,
) -> Result<BTreeMap<EntitlementId, AccessControl>, Error> {
    cx.authorize(Verb::GetAccessControl, Relation::Others)?;
    Ok(store::access_controls(&mut cx.read().await?, ids).await?)
}

/// Whether an entitlement could be asked for like this: what [`set_terms`] would refuse, before it is
/// called.
pub async fn check_control(cx: &Cx, terms: &Terms) -> Result<(), Error> {
    cx.authorize(Verb::SetAccessControl, Relation::Others)?;
    check_max(terms.max_duration)?;
    check_terms(&mut cx.read().await?, terms).await
}

/// Everything that is wrong with what a catalog is to say by rule, before it is saved.
pub async fn rule_faults(cx: &Cx, rules: &Rules) -> Result<Vec<RuleFault>, Error> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    rules::faults(&mut cx.read().await?, rules).await
}

/// Sets how an entitlement may be asked for, never in an emergency. `expected` is the version the caller had seen;
/// 0 stands for none yet.
pub async fn set_access_control(
    cx: &Cx,
    id: EntitlementId,
    policy: PolicyId,
    max_duration: Option<Span>,
    expected: Option<i64>,
) -> Result<AccessControl, Error> {
    let terms = Terms {
        policy,
        max_duration,
        emergency: None,
        until_revoked: false,
        replace: true,
    };
    set_terms(cx, id, terms, expected).await
}

/// The same with all there is to say; `terms.replace` means nothing for one entitlement.
///
/// Fails where the policy is one for emergencies or the one for emergencies is none, where
/// emergency access could last longer than what is asked for ordinarily, and where the time limit is
/// off and the policy allows no access until it is revoked.
pub async fn set_terms(
    cx: &Cx,
    id: EntitlementId,
    terms: Terms,
    expected: Option<i64>,
) -> Result<AccessControl, Error> {
    cx.authorize(Verb::SetAccessControl, Relation::Others)?;
    check_max(terms.max_duration)?;
    let mut tx = begin(cx).await?;
    if directory::entitlement(&mut tx, id).await?.is_none() {
        return Err(Error::NotFound);
    }
    check_terms(&mut tx, &terms).await?;
    let after = write_control(cx, &mut tx, id, &terms, |found| {
        fresh(expected, found).map(|()| true)
    });
    let after = after.await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(after)
}

/// Writes how an entitlement may be asked for, and tells of it. `wanted` is shown the version
/// that is there, 0 where there is none; where it does not want, nothing is written.
async fn write_control(
    cx: &Cx,
    tx: &mut Tx,
    id: EntitlementId,
    terms: &Terms,
    wanted: impl Fn(i64) -> Result<bool, Error>,
) -> Result<Option<AccessControl>, Error> {
    let by = cx.person().ok().map(|person| person.id);
    let (before, after) = loop {
        let before = store::lock_access_control(tx, id).await?;
        let found = before.as_ref().map_or(0, |control| control.version);
        if !wanted(found)? {
            return Ok(None);
        }
        let after = AccessControl {
            entitlement: id,
            policy: terms.policy,
            max_duration: terms.max_duration,
            until_revoked: terms.until_revoked,
            emergency: terms.emergency,
            version: found + 1,
        };
        // Where there was none to lock, somebody else may set the first one meanwhile; it is
        // there the second time.
        if store::set_access_control(tx, &after, cx.now, by).await? {
            break (before, after);
        }
    };
    let facts = serde_json::json!({
        "policy": terms.policy,
        "max_duration_seconds": terms.max_duration,
        "until_revoked": terms.until_revoked,
        "emergency_policy": terms.emergency,
        "before": before.map(|b| serde_json::json!({
            "policy": b.policy,
            "max_duration_seconds": b.max_duration,
            "until_revoked": b.until_revoked,
            "emergency_policy": b.emergency,
        })),
    });
    let mut subjects = vec![id.into(), terms.policy.into()];
    subjects.extend(terms.emergency.map(Into::into));
    tx.audit(cx.event("catalog.access_control_set", subjects, facts));
    let news = serde_json::json!({ "entitlement": id, "policy": terms.policy });
    outbox::emit(tx, cx, "catalog.access_control_set", news).await?;
    Ok(Some(after))
}

/// The entitlements that are asked for under a policy, a page at a time.
pub async fn under_policy(
    cx: &Cx,
    id: PolicyId,
    filter: &EntryFilter,
    paging: &Paging,
) -> Result<Page<Entry>, Error> {
    cx.authorize(Verb::GetPolicy, Relation::Others)?;
    let mut q = cx.read().await?;
    policies::current(&mut q, id)
        .await?
        .ok_or(Error::NotFound)?;
    let ids = store::under_policy(&mut q, id).await?;
    listed(&mut q, &ids, filter, paging).await
}

/// How many entitlements are asked for under a policy.
pub async fn count_under_policy(cx: &Cx, id: PolicyId) -> Result<i64, Error> {
    cx.authorize(Verb::GetPolicy, Relation::Others)?;
    Ok(store::count_under_policy(&mut cx.read().await?, id).await?)
}

/// The catalogs that ask by this policy for what has no access control of its own, by name.
pub async fn defaulting_to(cx: &Cx, id: PolicyId) -> Result<Vec<Catalog>, Error> {
    cx.authorize(Verb::GetPolicy, Relation::Others)?;
    Ok(store::conditions::defaulting_to(&mut cx.read().await?, id).await?)
}

/// The catalogs an entitlement is in, by its list or a condition, by name.
pub async fn catalogs_with(cx: &Cx, id: EntitlementId) -> Result<Vec<Catalog>, Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    let (stock, mut q) = stock::now(cx).await?;
    let mut found = store::catalogs_with(&mut q, id).await?;
    for stocked in stock.matching(id) {
        if !found.iter().any(|it| it.id == stocked.id) {
            found.push(stocked.clone());
        }
    }
    found.sort_by_key(|it| key(&it.name));
    Ok(found)
}

/// Whether these policies can be what they are named for.
async fn check_terms(q: &mut impl Query, terms: &Terms) -> Result<(), Error> {
    let policy = policies::current(q, terms.policy).await?;
    let policy = policy.ok_or(Error::UnknownPolicy(terms.policy))?;
    if policy.body.emergency.is_some() {
        return Err(Error::EmergencyAsOrdinary(policy.name));
    }
    if terms.until_revoked && !policy.body.may_last_until_revoked() {
        return Err(Error::NoUntilRevoked(policy.name));
    }
    let Some(id) = terms.emergency else {
        return Ok(());
    };
    let emergency = policies::current(q, id).await?;
    let emergency = emergency.ok_or(Error::UnknownEmergency(id))?;
    if emergency.body.emergency.is_none() {
        return Err(Error::NoEmergencyPolicy(emergency.name));
    }
    let most = policy.body.longest();
    let most = terms.max_duration.map_or(most, |max| max.min(most));
    let longest = emergency.body.longest();
    if longest > most {
        return Err(Error::EmergencyLonger { longest, most });
    }
    Ok(())
}

fn check_max(max_duration: Option<Span>) -> Result<(), Error> {
    if max_duration.is_some_and(|max| max < stint_domain::policy::SHORTEST) {
        return Err(Error::MaxDuration);
    }
    Ok(())
}

async fn check_audience(q: &mut impl Query, groups: &BTreeSet<GroupId>) -> Result<(), Error> {
    for group in groups {
        if identity::group(q, *group).await?.is_none() {
            return Err(Error::UnknownGroup(*group));
        }
    }
    Ok(())
}

fn fresh(expected: Option<i64>, found: i64) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale { expected, found }),
        _ => Ok(()),
    }
}

fn taken<T>(written: Result<T, stint_db::Error>, name: &str) -> Result<T, Error> {
    written.map_err(|error| {
        if error.is_unique(store::NAME_KEY) {
            Error::NameTaken(name.to_owned())
        } else {
            error.into()
        }
    })
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        1..=LONGEST_NAME => Ok(name),
        _ => Err(Error::Name),
    }
}

fn checked_description(text: &str) -> Result<String, Error> {
    match text.trim() {
        text if text.chars().count() <= LONGEST_DESCRIPTION => Ok(text.to_owned()),
        _ => Err(Error::Description),
    }
}

/// The form a name is unique and ordered by.
fn key(name: &str) -> String {
    name.to_lowercase()
}
