//! Policies: the rules that route a request to the people who may answer it, kept as
//! immutable versions.
//!
//! Tables: `policies`, `policy_versions`, `policy_others`. Events: `policy.created`,
//! `policy.version_written`. Everything a policy *means* is `stint_domain::policy`; this
//! room keeps the versions and reads who is in the groups they name.
//!
//! It does not know what is asked for under a policy (that is `requests`), nor which
//! entitlement has which policy (that is `catalog`). A version is never changed or deleted:
//! requests point at the one they were asked under.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::{Priority, Query, Tx};
use stint_domain::condition::{About, Compiled, Condition, Person, Scene};
use stint_domain::policy::{
    self as rules, Approvers, Emergency, Other, People, PolicyBody, Role, Route, Step,
};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, GroupId, PolicyId, PolicyVersionId, Time, UserId};

use crate::cx::Cx;
use crate::http::{Page, Paging, sorted};
use crate::identity::Answerable;
use crate::{connections, identity, outbox};

mod error;
mod http;
pub(crate) mod pages;
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use error::Error;
pub(crate) use http::{parsed, routes, rules as body_of, shown};
pub(crate) use pages::{draft, routes as page_routes, words as rule_words};
pub(crate) use store::STATEMENTS;

/// The longest name of a policy, in characters.
pub const LONGEST_NAME: usize = 80;
/// The longest note of a version, in characters.
pub const LONGEST_NOTE: usize = 2_000;

/// A policy with its latest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which.
    pub id: PolicyId,
    /// Unique, whatever the capitals.
    pub name: String,
    /// The version new requests are asked under.
    pub latest: PolicyVersion,
    /// Since when.
    pub created_at: Time,
    /// Counts changes of the record.
    pub version: i64,
}

/// One immutable version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Which; what a request pins.
    pub id: PolicyVersionId,
    /// Of which policy.
    pub policy: PolicyId,
    /// What that policy is called.
    pub name: String,
    /// Counted from 1.
    pub number: i64,
    /// The rules.
    pub body: PolicyBody,
    /// What its author said about it.
    pub note: String,
    /// When it was written.
    pub created_at: Time,
    /// Who wrote it; nobody where the program did.
    pub created_by: Option<UserId>,
}

impl PolicyVersion {
    /// As a deadline of another policy leads to it, with the rule of it that applies.
    pub fn as_other(&self, rule: Option<usize>) -> Other {
        Other {
            policy: self.policy,
            version: self.id,
            name: self.name.clone(),
            number: self.number,
            body: self.body.clone(),
            rule,
        }
    }
}

/// A policy to be.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// Unique, whatever the capitals.
    pub name: String,
    /// Its first version.
    pub first: NewVersion,
}

/// A version to be.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// The rules.
    pub body: PolicyBody,
    /// What to remember about it; may be empty.
    pub note: String,
}

/// Creates a policy with its first version.
///
/// Fails when the rules could never be met by the people there are ([`Error::Body`]), and
/// when the name is taken.
pub async fn create(cx: &Cx, new: NewPolicy) -> Result<Policy, Error> {
    cx.authorize(Verb::CreatePolicy, Relation::None)?;
    let name = checked_name(&new.name)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    hold(&mut tx, new.first.body.others()).await?;
    check(&mut tx, None, &new.first).await?;
    let id = cx.app.ids.new_id();
    let policy = Policy {
        id,
        latest: written(cx, id, &name, 1, new.first),
        created_at: cx.now,
        version: 1,
        name,
    };
    if let Err(error) = store::insert(&mut tx, &policy, &key(&policy.name)).await {
        return Err(if error.is_unique(store::NAME_KEY) {
            Error::NameTaken(policy.name)
        } else {
            error.into()
        });
    }
    let facts = serde_json::json!({
        "name": policy.name,
        "number": 1,
        "body": policy.latest.body,
        "note": policy.latest.note,
    });
    tx.audit(cx.event(
        "policy.created",
        [id.into(), policy.latest.id.into()],
        facts,
    ));
    let news = serde_json::json!({ "policy": id, "version": policy.latest.id });
    outbox::emit(&mut tx, cx, "policy.created", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(policy)
}

/// Writes a new version. Requests already asked keep the one they were asked under.
///
/// `expected` is the record's version the caller had seen; another one now is
/// [`Error::Stale`].
pub async fn new_version(
    cx: &Cx,
    id: PolicyId,
    new: NewVersion,
    expected: Option<i64>,
) -> Result<Policy, Error> {
    cx.authorize(Verb::NewPolicyVersion, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let mut all = new.body.others();
    all.insert(id);
    let mut held = hold(&mut tx, all).await?;
    let (number, found) = held.remove(&id).ok_or(Error::NotFound)?;
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(Error::Stale { expected, found });
    }
    check(&mut tx, Some(id), &new).await?;
    let before = store::get(&mut tx, id).await?.ok_or(Error::NotFound)?;
    // Entitlements have it as the one or the other, and it is asked for by that.
    if before.latest.body.emergency.is_some() != new.body.emergency.is_some() {
        return Err(Error::KindStays);
    }
    let version = written(cx, id, &before.name, number + 1, new);
    store::insert_version(&mut tx, &version).await?;
    store::advance(&mut tx, id, version.number).await?;
    let facts = serde_json::json!({
        "name": before.name,
        "number": version.number,
        "body": version.body,
        "before": before.latest.body,
        "note": version.note,
    });
    tx.audit(cx.event(
        "policy.version_written",
        [id.into(), version.id.into()],
        facts,
    ));
    let news = serde_json::json!({ "policy": id, "version": version.id });
    outbox::emit(&mut tx, cx, "policy.version_written", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(Policy {
        latest: version,
        version: found + 1,
        ..before
    })
}

/// Takes these policies, so that none of them comes to lead to another while it is led to: the number
/// of the latest version and the record's, of each that there is. Always in the order of their ids, so
/// that no two who write at once wait for each other.
async fn hold(
    tx: &mut Tx,
    ids: BTreeSet<PolicyId>,
) -> Result<BTreeMap<PolicyId, (i64, i64)>, stint_db::Error> {
    let mut held = BTreeMap::new();
    for id in ids {
        if let Some(found) = store::lock(tx, id).await? {
            held.insert(id, found);
        }
    }
    Ok(held)
}

/// What is wrong with a version before it is written, if anything: of `own`, where it is one of a policy
/// that is there.
pub async fn check_version(cx: &Cx, own: Option<PolicyId>, new: &NewVersion) -> Result<(), Error> {
    cx.authorize(Verb::CreatePolicy, Relation::None)?;
    check(&mut cx.read().await?, own, new).await
}

/// Which policies to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words in the name, in their order.
    pub q: String,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of policies has.
pub const SORTS: &[&str] = &["name", "-name", "created", "-created"];

/// Policies with their latest version, a page at a time.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Policy>, Error> {
    cx.authorize(Verb::ListPolicies, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let after = paging.after_key::<PolicyId>(sort)?;
    let mut q = cx.read().await?;
    let rows = store::list(&mut q, &filter.q, sort, after, paging.fetch()).await?;
    Ok(paging.page_key(sort, rows, |it| it.id, |it| key(&it.name)))
}

/// One policy with its latest version.
pub async fn get(cx: &Cx, id: PolicyId) -> Result<Policy, Error> {
    cx.authorize(Verb::GetPolicy, Relation::Others)?;
    let mut q = cx.read().await?;
    store::get(&mut q, id).await?.ok_or(Error::NotFound)
}

/// The versions of a policy, newest first.
pub async fn versions(
    cx: &Cx,
    id: PolicyId,
    paging: &Paging,
) -> Result<Page<PolicyVersion>, Error> {
    cx.authorize(Verb::GetPolicy, Relation::Others)?;
    let mut q = cx.read().await?;
    store::get(&mut q, id).await?.ok_or(Error::NotFound)?;
    let below = paging.after::<i64>()?.unwrap_or(i64::MAX);
    let rows = store::versions(&mut q, id, below, paging.fetch()).await?;
    Ok(paging.page(rows, |version| version.number))
}

/// The latest version of a policy, for other rooms.
pub async fn current(
    q: &mut impl Query,
    id: PolicyId,
) -> Result<Option<PolicyVersion>, stint_db::Error> {
    Ok(store::get(q, id).await?.map(|policy| policy.latest))
}

/// The latest versions of several policies, for other rooms: one look-up for all that a page
/// shows.
pub async fn currents(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = PolicyId>,
) -> Result<BTreeMap<PolicyId, PolicyVersion>, stint_db::Error> {
    store::several(q, ids).await
}

/// Several versions, for other rooms.
pub async fn versions_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = PolicyVersionId>,
) -> Result<BTreeMap<PolicyVersionId, PolicyVersion>, stint_db::Error> {
    store::several_versions(q, ids).await
}

/// What a question is about, as far as it says who its approvers are.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Who would hold it: their manager may be asked.
    pub beneficiary: UserId,
    /// Whose owners may be asked.
    pub connection: ConnectionId,
    /// What conditions are asked about; nothing where none is.
    pub scene: Option<Scene>,
    /// The people in the Identity Center group it is for.
    pub benefiting: BTreeSet<UserId>,
    /// To whom who asks or would hold it delegates now.
    pub delegates: BTreeSet<UserId>,
    /// Who alone are asked about: conditions are then asked of nobody else. Not where it counts how
    /// many there are, as it does for those who stand in.
    pub only: Option<BTreeSet<UserId>>,
}

/// Who could decide on these steps, as it is now: the members of the groups they name, and which
/// of everybody named is active and has no role that decides nothing. Without a subject nobody is
/// a manager, an owner or what a condition wants.
pub async fn people<'a>(
    q: &mut impl Query,
    steps: impl IntoIterator<Item = &'a Step> + Clone,
    subject: Option<&Subject>,
) -> Result<People, stint_db::Error> {
    let Approvers {
        mut users,
        groups,
        roles,
        ..
    } = rules::sources(steps.clone());
    let mut people = People::default();
    if let Some(subject) = subject {
        people.benefiting.clone_from(&subject.benefiting);
        people.delegates.clone_from(&subject.delegates);
        for role in roles {
            let who: BTreeSet<UserId> = (holders(q, subject, role).await?.into_iter())
                .map(|it| it.user)
                .collect();
            users.extend(who.iter().copied());
            people.roles.insert(role, who);
        }
        let wanted = rules::candidates(steps);
        if let Some(scene) = subject.scene.as_ref().filter(|_| !wanted.is_empty()) {
            for (condition, who) in candidates(q, scene, wanted, subject.only.as_ref()).await? {
                users.extend(who.iter().copied());
                people.matching.insert(condition, who);
            }
        }
    }
    for group in identity::groups_by_id(q, groups).await?.into_keys() {
        let members = identity::active_members(q, group).await?;
        users.extend(members.iter().copied());
        people.groups.insert(group, members.into_iter().collect());
    }
    let users: Vec<_> = users.into_iter().collect();
    for user in identity::users(q, &users).await? {
        if user.active && user.decides() {
            people.able.insert(user.id);
        }
    }
    Ok(people)
}

/// Who is this to what is asked for, since when, and who made them so.
pub async fn holders(
    q: &mut impl Query,
    subject: &Subject,
    role: Role,
) -> Result<Vec<Answerable>, stint_db::Error> {
    if role == Role::Manager {
        let manager = identity::manager_of(q, subject.beneficiary).await?;
        return Ok(manager.into_iter().collect());
    }
    let Some(connection) = connections::connection(q, subject.connection).await? else {
        return Ok(Vec::new());
    };
    let (own, application) = connections::answerable(q, &connection).await?;
    Ok(match role {
        Role::ApplicationOwner => application,
        Role::ConnectionOwner | Role::Manager => own,
    })
}

/// Of whom each of these conditions is true, of those who are active and may decide. Nobody of
/// whom it cannot be told.
async fn candidates(
    q: &mut impl Query,
    scene: &Scene,
    wanted: BTreeSet<&Condition>,
    only: Option<&BTreeSet<UserId>>,
) -> Result<Vec<(Condition, BTreeSet<UserId>)>, stint_db::Error> {
    let all = match only {
        Some(ids) => identity::some_people(q, ids).await?,
        None => identity::everybody(q).await?,
    };
    let people: Vec<Person> = all.iter().map(|(_, person)| person.clone()).collect();
    let Ok(scene) = scene.with(&people) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for condition in wanted {
        let mut who = BTreeSet::new();
        if let Ok(compiled) = Compiled::saved(condition, About::Candidate) {
            for (user, _) in all.iter().filter(|(user, _)| user.active && user.decides()) {
                if compiled.holds_of(&scene, user.id) == Ok(true) {
                    who.insert(user.id);
                }
            }
        }
        found.push((condition.clone(), who));
    }
    Ok(found)
}

/// Every policy, by name.
pub async fn all(cx: &Cx) -> Result<Vec<Policy>, Error> {
    let mut all = Vec::new();
    let mut paging = Paging::first(200);
    loop {
        let page = list(cx, &Filter::default(), &paging).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => paging = Paging::after_cursor(200, Some(next)),
            None => return Ok(all),
        }
    }
}

/// The ids of all versions of a policy, for other rooms.
pub async fn version_ids(
    q: &mut impl Query,
    policy: PolicyId,
) -> Result<Vec<PolicyVersionId>, stint_db::Error> {
    store::version_ids(q, policy).await
}

/// What is wrong with a version, for whoever has no business with rights: of `own`, where it is one of a
/// policy that is there.
pub async fn check(
    q: &mut impl Query,
    own: Option<PolicyId>,
    new: &NewVersion,
) -> Result<(), Error> {
    if new.note.chars().count() > LONGEST_NOTE {
        return Err(Error::Note);
    }
    let others = store::several(q, new.body.others()).await?;
    let known: BTreeMap<PolicyId, &PolicyBody> =
        others.iter().map(|(id, it)| (*id, &it.body)).collect();
    let bodies = || known.values().copied().chain([&new.body]);
    let steps: Vec<Step> = bodies()
        .flat_map(PolicyBody::routes)
        .flat_map(Route::steps)
        .cloned()
        .collect();
    let mut people = people(q, &steps, None).await?;
    let named: BTreeSet<GroupId> = bodies()
        .flat_map(PolicyBody::conditions)
        .filter_map(|(condition, about)| Compiled::of(condition, about).ok())
        .flat_map(|compiled| compiled.groups().to_vec())
        .collect();
    for group in new.body.emergency.iter().flat_map(Emergency::groups) {
        if identity::group(q, group).await?.is_some() {
            let members = identity::active_members(q, group).await?;
            people.groups.insert(group, members.into_iter().collect());
        }
    }
    let reviewing = new.body.emergency.iter().flat_map(Emergency::reviewers);
    let members = reviewing.filter_map(|group| people.groups.get(group));
    let members: BTreeSet<UserId> = members.flatten().copied().collect();
    for user in identity::users_by_id(q, members).await?.into_values() {
        if user.active && user.reviews() {
            people.reviewing.insert(user.id);
        }
    }
    for group in identity::groups_by_id(q, named).await?.into_keys() {
        people.groups.entry(group).or_default();
    }
    new.body.check(&people).map_err(Error::Body)?;
    let led_to = match own {
        Some(own) => store::led_to(q, own).await?,
        None => false,
    };
    (new.body.check_others(own, led_to, &known, &people)).map_err(Error::Body)
}

fn written(cx: &Cx, policy: PolicyId, name: &str, number: i64, new: NewVersion) -> PolicyVersion {
    PolicyVersion {
        id: cx.app.ids.new_id(),
        policy,
        name: name.to_owned(),
        number,
        body: new.body,
        note: new.note.trim().to_owned(),
        created_at: cx.now,
        created_by: cx.person().ok().map(|person| person.id),
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        1..=LONGEST_NAME => Ok(name),
        _ => Err(Error::Name),
    }
}

/// The form a name is unique and ordered by.
fn key(name: &str) -> String {
    name.to_lowercase()
}
