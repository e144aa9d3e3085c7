//! Does what a plan says, by the verbs of the rooms whose things they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stint_api::config::shape::Shape;
use stint_db::Priority;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{CatalogId, EntitlementId, GroupId, PolicyId, UserId};

use super::names::{Names, Things, What};
use super::plan::{self, Planned, Step};
use super::state::State;
use super::store::{self, Remembered};
use super::{Change, Error, File, Kind, Plan};
use crate::catalog;
use crate::cx::Cx;
use crate::http::{Fault, failure_chain};
use crate::identity::{self, GroupChange, NewGroup};
use crate::policies::{self, NewPolicy, NewVersion};

/// A change of the plan that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The word of its kind.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// The digest it had.
    pub digest: String,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It was refused, perhaps after a part of it: the stable code, and why.
    Failed(&'static str, String),
    /// It was not begun, because of what failed before it.
    Left,
}

/// What applying a plan did, in the order of its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Each change, and what came of it.
    pub outcomes: Vec<(Change, Outcome)>,
}

impl Applied {
    /// Whether all of it is done.
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(|(_, it)| *it == Outcome::Done)
    }
}

/// Applies what files say, if that is still the plan with this digest.
///
/// Fails, and nothing is written, where the files have mistakes, where another plan comes of them now
/// ([`Error::Moved`], which says what differs from the changes the caller had `seen`), and where
/// something that would be changed was changed by hand since it was applied, unless `overwrite`.
/// Afterwards each change is a verb of its own: see [`Applied`].
pub async fn apply(
    cx: &Cx,
    files: &[File],
    looked_at: &str,
    seen: &[Seen],
    overwrite: bool,
) -> Result<Applied, Error> {
    cx.authorize(Verb::ApplyConfig, Relation::None)?;
    let mut planned = plan::planned(cx, files).await?.map_err(Error::Mistakes)?;
    if planned.plan.digest != looked_at {
        return Err(Error::Moved(meanwhile(&planned.plan, seen)));
    }
    let by_hand = super::changed_by_hand(&planned.plan);
    if !overwrite && !by_hand.is_empty() {
        return Err(Error::ByHand(by_hand.into_iter().collect()));
    }
    let mut outcomes = Vec::new();
    let mut failed = false;
    let mut known = Vec::new();
    let mut steps = std::mem::take(&mut planned.steps);
    for step in &mut steps {
        let Some(change) = step.change.clone() else {
            known.push((step.id.clone(), step.digest.clone()));
            continue;
        };
        let outcome = match failed {
            true => Outcome::Left,
            false => done(cx, &mut planned.names, &planned.things, step).await,
        };
        match outcome {
            Outcome::Done => known.push((step.id.clone(), step.digest.clone())),
            Outcome::Failed(..) | Outcome::Left => failed = true,
        }
        if let Outcome::Failed(code, _) = &outcome
            && *code != "stale"
            && let Ok(Some(digest)) = as_left(cx, &planned, step).await
        {
            known.push((step.id.clone(), digest));
        }
        outcomes.push((change, outcome));
    }
    let applied = Applied { outcomes };
    remember(cx, &planned, &applied, known).await?;
    Ok(applied)
}

/// How a thing is whose change failed half-way, so that it does not look as if somebody had changed it
/// by hand. Nothing of what changes as a whole.
async fn as_left(cx: &Cx, planned: &Planned, step: &Step) -> Result<Option<String>, Error> {
    let mut state = State::new(cx, &planned.names, &planned.things);
    let now = match step.stated.kind {
        Kind::Group => {
            let id: GroupId = step.id.parse().map_err(|_| Error::Unwritable)?;
            let group = identity::get_group(cx, id).await?;
            state.group(&group).await?
        }
        Kind::Catalog => {
            let id: CatalogId = step.id.parse().map_err(|_| Error::Unwritable)?;
            let found = catalog::get(cx, id).await?;
            state.catalog(&found).await?
        }
        Kind::Policy | Kind::AccessControl => return Ok(None),
    };
    Ok(Some(plan::digest(&now.value)))
}

/// What is another now than what was looked at.
fn meanwhile(plan: &Plan, seen: &[Seen]) -> String {
    const MOST: usize = 10;
    let same =
        |change: &Change, it: &Seen| it.kind == change.kind.as_str() && it.name == change.name;
    let called = |kind: &str, name: &str| format!("{} {name}", kind.replace('_', " "));
    let mut words: Vec<String> = Vec::new();
    for change in &plan.changes {
        let name = called(change.kind.as_str(), &change.name);
        match seen.iter().find(|it| same(change, it)) {
            Some(it) if it.digest == change.digest => {}
            Some(_) => words.push(format!("{name} would be changed otherwise")),
            None => words.push(format!("{name} would be changed as well")),
        }
    }
    let gone = |it: &&Seen| !plan.changes.iter().any(|change| same(change, it));
    for it in seen.iter().filter(gone) {
        words.push(format!(
            "{} would not be changed",
            called(&it.kind, &it.name)
        ));
    }
    let more = words.len().saturating_sub(MOST);
    words.truncate(MOST);
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join("; ")
}

/// One change. Of a thing that is new the step, and the names, have its own id afterwards.
async fn done(cx: &Cx, names: &mut Names, things: &Things, step: &mut Step) -> Outcome {
    let mut ids = step.value.clone();
    let mut unknown = None;
    let shape = Shape::Map(step.stated.kind.fields());
    names.in_ids(&shape, &mut ids, &mut |_, problem| unknown = Some(problem));
    if let Some(problem) = unknown {
        return Outcome::Failed("config_invalid", problem);
    }
    let done = match step.stated.kind {
        Kind::Group => group(cx, names, step, &ids).await,
        Kind::Policy => policy(cx, names, step, &ids).await,
        Kind::Catalog => in_catalog(cx, things, step, &ids).await,
        Kind::AccessControl => control(cx, step, &ids).await,
    };
    match done {
        Ok(()) => Outcome::Done,
        Err(error) => {
            if error.kind().status().is_server_error() {
                tracing::error!(code = %error.code(), error = %failure_chain(&error), "config.failed");
            }
            Outcome::Failed(error.code(), error.detail())
        }
    }
}

/// The users in a list of a value whose names are ids. Fails where one is none: who is left out would
/// be taken out of the group, or stay in it.
fn members(ids: &Value) -> Result<BTreeSet<UserId>, Error> {
    let listed = ids.get("members").and_then(Value::as_array);
    let user = |it: &Value| it.as_str().and_then(|id| id.parse().ok());
    let users = listed.into_iter().flatten().map(user);
    users.collect::<Option<_>>().ok_or(Error::Unwritable)
}

fn text<'v>(ids: &'v Value, name: &str) -> &'v str {
    ids.get(name).and_then(Value::as_str).unwrap_or_default()
}

async fn group(cx: &Cx, names: &mut Names, step: &mut Step, ids: &Value) -> Result<(), Error> {
    let name = text(ids, "name").to_owned();
    let description = text(ids, "description").to_owned();
    let (id, before) = match &step.now {
        None => {
            let new = NewGroup {
                name: name.clone(),
                description,
            };
            let made = identity::create_group(cx, new).await?;
            step.id = made.id.to_string();
            names.put(What::Group, &name, step.id.clone());
            (made.id, BTreeSet::new())
        }
        Some(now) => {
            let id: GroupId = now.id.parse().map_err(|_| Error::Unwritable)?;
            let change = GroupChange {
                name: Some(name.clone()),
                description: Some(description),
            };
            // Whoever is in it counts as a change of it: what was looked at is what is changed.
            identity::update_group(cx, id, change, Some(now.version)).await?;
            names.put(What::Group, &name, step.id.clone());
            let mut before = now.value.clone();
            names.in_ids(
                &Shape::Map(Kind::Group.fields()),
                &mut before,
                &mut |_, _| {},
            );
            (id, members(&before)?)
        }
    };
    let after = members(ids)?;
    for user in after.difference(&before) {
        identity::add_member(cx, id, *user).await?;
    }
    for user in before.difference(&after) {
        identity::remove_member(cx, id, *user).await?;
    }
    Ok(())
}

async fn policy(cx: &Cx, names: &mut Names, step: &mut Step, ids: &Value) -> Result<(), Error> {
    let body = plan::body(ids)
        .map_err(|problem| Error::Mistakes(vec![step.stated.mistake("", problem)]))?;
    let version = NewVersion {
        body,
        note: format!("Applied from {}.", step.stated.file),
    };
    match &step.now {
        None => {
            let name = text(ids, "name").to_owned();
            let new = NewPolicy {
                name: name.clone(),
                first: version,
            };
            let made = policies::create(cx, new).await?;
            step.id = made.id.to_string();
            names.put(What::Policy, &name, step.id.clone());
        }
        Some(now) => {
            let id: PolicyId = now.id.parse().map_err(|_| Error::Unwritable)?;
            policies::new_version(cx, id, version, Some(now.version)).await?;
        }
    }
    Ok(())
}

/// A catalog but for its list, which is changed entry by entry.
fn without_list(catalog: &Value) -> Value {
    let mut rest = catalog.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.remove("entitlements");
    }
    rest
}

async fn in_catalog(cx: &Cx, things: &Things, step: &mut Step, ids: &Value) -> Result<(), Error> {
    let new = plan::catalog_of(ids);
    let (id, before) = match &step.now {
        None => {
            let made = catalog::create(cx, new).await?;
            step.id = made.id.to_string();
            (made.id, BTreeSet::new())
        }
        Some(now) => {
            let id: CatalogId = now.id.parse().map_err(|_| Error::Unwritable)?;
            if without_list(&now.value) == without_list(&step.value) {
                let found = catalog::get(cx, id).await?.version;
                if found != now.version {
                    let expected = now.version;
                    return Err(catalog::Error::Stale { expected, found }.into());
                }
            } else {
                let change = catalog::Change {
                    name: Some(new.name),
                    description: Some(new.description),
                    audience: Some(new.audience),
                    contents: Some(new.rules.contents),
                    audience_when: Some(new.rules.audience_when),
                    terms: Some(new.rules.terms),
                    rank: Some(new.rules.rank),
                };
                catalog::update(cx, id, change, Some(now.version)).await?;
            }
            (id, plan::listed(&now.value, things))
        }
    };
    let after = plan::listed(&step.value, things);
    let more: Vec<EntitlementId> = after.difference(&before).copied().collect();
    for some in more.chunks(catalog::MOST_AT_ONCE) {
        catalog::add(cx, id, some).await?;
    }
    for gone in before.difference(&after) {
        match catalog::remove(cx, id, *gone).await {
            // Somebody was faster.
            Ok(()) | Err(catalog::Error::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn control(cx: &Cx, step: &Step, ids: &Value) -> Result<(), Error> {
    let id: EntitlementId = step.id.parse().map_err(|_| Error::Unwritable)?;
    let terms = plan::terms_of(ids).ok_or(Error::Unwritable)?;
    let version = step.now.as_ref().map_or(0, |now| now.version);
    catalog::set_terms(cx, id, terms, Some(version)).await?;
    Ok(())
}

/// Keeps how the things are that are now as the files say, and tells that they were applied. Nothing is
/// written where that is known already and nothing was to be done.
async fn remember(
    cx: &Cx,
    planned: &Planned,
    applied: &Applied,
    known: Vec<(String, String)>,
) -> Result<(), Error> {
    let is_new = |(id, digest): &(String, String)| {
        let kept = planned.remembered.get(id);
        kept.is_none_or(|kept| kept.digest != *digest)
    };
    let known: Vec<_> = known.into_iter().filter(is_new).collect();
    if known.is_empty() && applied.outcomes.is_empty() {
        return Ok(());
    }
    let count = |wanted: fn(&Outcome) -> bool| {
        (applied.outcomes.iter())
            .filter(|(_, outcome)| wanted(outcome))
            .count()
    };
    let each = |kind: Kind| {
        let of = |change: &Change| change.kind == kind;
        (applied.outcomes.iter())
            .filter(|(change, outcome)| of(change) && *outcome == Outcome::Done)
            .count()
    };
    let facts = json!({
        "done": count(|it| *it == Outcome::Done),
        "failed": count(|it| matches!(it, Outcome::Failed(..))),
        "left": count(|it| *it == Outcome::Left),
        "same": planned.plan.same,
        "groups": each(Kind::Group),
        "policies": each(Kind::Policy),
        "catalogs": each(Kind::Catalog),
        "access_controls": each(Kind::AccessControl),
        "plan": planned.plan.digest,
    });
    let by = cx.person().ok().map(|person| person.id);
    let mut tx = cx.begin(Priority::Interactive).await?;
    for (id, digest) in known {
        let remembered = Remembered {
            digest,
            at: cx.now,
            by,
        };
        store::put(&mut tx, &id, &remembered).await?;
    }
    tx.audit(cx.event("config.applied", [], facts));
    tx.commit().await?;
    Ok(())
}
