//! Holds files against what there is: what they would change, or what is wrong with them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stint_api::audit::AuditActor;
use stint_api::config::shape::{ENTITLEMENT, Shape};
use stint_api::policies as wire;
use stint_domain::condition::{About, Compiled, Condition};
use stint_domain::policy::PolicyBody;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{EntitlementId, GroupId, PolicyId, Span};

use super::names::{Names, Things, What, canonical, fold, label, tidy};
use super::read::{self, Stated};
use super::state::{self, Now, State};
use super::store::{self, Remembered};
use super::{ByHand, Change, Error, File, Kind, Mistake, Mistakes, Plan, differ};
use crate::audit;
use crate::catalog::{self, ContentRule, DefaultTerms, NewCatalog, Rules, Terms};
use crate::cx::Cx;
use crate::policies::{self, NewVersion};

/// One thing that the files say, and what there is of it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) stated: Stated,
    /// Its id: where it is new one that stands for it until it has its own.
    pub(super) id: String,
    pub(super) now: Option<Now>,
    /// What it is to be, by names.
    pub(super) value: Value,
    /// What its digest is once that is applied.
    pub(super) digest: String,
    /// Nothing where it is so already.
    pub(super) change: Option<Change>,
    /// Whether it names another policy that a deadline leads to: that comes before it.
    leads: bool,
    /// The ids of all that it names.
    named: BTreeSet<String>,
}

/// A plan with what it takes to apply it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) steps: Vec<Step>,
    pub(super) names: Names,
    pub(super) things: Things,
    pub(super) remembered: BTreeMap<String, Remembered>,
}

/// Says what files would change, or what is wrong with them. Nothing is written.
pub async fn plan(cx: &Cx, files: &[File]) -> Result<Plan, Error> {
    cx.authorize(Verb::PlanConfig, Relation::None)?;
    match planned(cx, files).await? {
        Ok(planned) => Ok(planned.plan),
        Err(mistakes) => Ok(Plan {
            mistakes,
            changes: Vec::new(),
            same: 0,
            digest: String::new(),
        }),
    }
}

/// The digest of a value: of equal ones the same.
pub(super) fn digest(value: &Value) -> String {
    let bytes = audit::sha256(value.to_string().as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The plan, or everything that is wrong with the files: how they are written first, then what they
/// name, then what would be refused when it is saved.
pub(super) async fn planned(
    cx: &Cx,
    files: &[File],
) -> Result<Result<Planned, Vec<Mistake>>, Error> {
    let mut mistakes = Mistakes::default();
    let all = read::files(files, &mut mistakes);
    if mistakes.count() > 0 {
        return Ok(Err(mistakes.0));
    }
    let (mut names, groups, policies) = Names::read(cx).await?;
    for stated in &all {
        let what = match stated.kind {
            Kind::Group => What::Group,
            Kind::Policy => What::Policy,
            Kind::Catalog | Kind::AccessControl => continue,
        };
        if names.id(what, stated.name()).is_none() {
            let id = match what {
                What::Policy => cx.app.new_id::<PolicyId>().to_string(),
                _ => cx.app.new_id::<GroupId>().to_string(),
            };
            names.put_coming(what, &own_name(stated), id);
        }
    }
    let wants = |it: &Stated| matches!(it.kind, Kind::Catalog | Kind::AccessControl);
    let things = match all.iter().any(wants) {
        true => Things::read(cx).await?,
        false => Things::default(),
    };
    let mut state = State::new(cx, &names, &things);
    let catalogs = match all.iter().any(|it| it.kind == Kind::Catalog) {
        true => state.catalogs().await?,
        false => Vec::new(),
    };
    let groups: BTreeMap<_, _> = (groups.iter())
        .map(|it| (it.name.to_lowercase(), it))
        .collect();
    let policies: BTreeMap<_, _> = policies.iter().map(|it| (fold(&it.name), it)).collect();
    let catalogs: BTreeMap<_, _> = catalogs.iter().map(|it| (fold(&it.name), it)).collect();
    let controlled = entitlements(&all, &things, &mut mistakes);
    let mut controls = state.controls(controlled.values().copied()).await?;
    let mut steps = Vec::new();
    let mut seen: BTreeMap<(Kind, String), String> = BTreeMap::new();
    for (at, stated) in all.into_iter().enumerate() {
        let entitlement = controlled.get(&at);
        let key = match stated.kind {
            Kind::AccessControl => match entitlement {
                Some(id) => id.to_string(),
                // What is wrong with it is told already.
                None => continue,
            },
            _ => own_name(&stated).to_lowercase(),
        };
        let place = stated.place("");
        let here = format!("{}:{}", stated.file, place.line);
        if let Some(first) = seen.insert((stated.kind, key.clone()), here) {
            let what = stated.kind.as_str().replace('_', " ");
            mistakes.add(stated.mistake("name", format!("this {what} is at {first} already")));
            continue;
        }
        let now = match stated.kind {
            Kind::Group => match groups.get(&key) {
                Some(group) => Some(state.group(group).await?),
                None => None,
            },
            Kind::Policy => match policies.get(&key) {
                Some(policy) => Some(state.policy(policy)?),
                None => None,
            },
            Kind::Catalog => match catalogs.get(&key) {
                Some(catalog) => Some(state.catalog(catalog).await?),
                None => None,
            },
            Kind::AccessControl => entitlement.and_then(|id| controls.remove(id)),
        };
        let mut ids = stated.value.clone();
        let shape = Shape::Map(stated.kind.fields());
        let named = names.in_ids(&shape, &mut ids, &mut |path, problem| {
            mistakes.add(stated.mistake(path, problem));
        });
        if mistakes.count() == 0 {
            let stepped = step(&names, &things, stated, key, now, &ids, named);
            match stepped? {
                Ok(step) => steps.push(step),
                Err(mistake) => mistakes.add(mistake),
            }
        }
    }
    if mistakes.count() > 0 {
        return Ok(Err(mistakes.0));
    }
    steps.sort_by_key(|step| (step.stated.kind, step.leads));
    check(cx, &names, &things, &steps, &mut mistakes).await?;
    if mistakes.count() > 0 {
        return Ok(Err(mistakes.0));
    }
    let remembered = store::all(&mut cx.read().await?).await?;
    by_hand(cx, &names, &remembered, &mut steps).await?;
    let changes: Vec<Change> = steps.iter().filter_map(|it| it.change.clone()).collect();
    let each: Vec<_> = changes.iter().map(|it| it.digest.as_str()).collect();
    let plan = Plan {
        mistakes: Vec::new(),
        same: steps.len().saturating_sub(changes.len()),
        digest: digest(&json!(each)),
        changes,
    };
    Ok(Ok(Planned {
        plan,
        steps,
        names,
        things,
        remembered,
    }))
}

/// The entitlement of each access control, by its place; what names none is told, in catalogs as well.
fn entitlements(
    all: &[Stated],
    things: &Things,
    mistakes: &mut Mistakes,
) -> BTreeMap<usize, EntitlementId> {
    let mut found = BTreeMap::new();
    for (at, stated) in all.iter().enumerate() {
        match stated.kind {
            Kind::AccessControl => match things.id(&stated.value) {
                Ok(id) => {
                    found.insert(at, id);
                }
                Err(problem) => mistakes.add(stated.mistake("", problem)),
            },
            Kind::Catalog => {
                let listed = stated.value.get("entitlements").and_then(Value::as_array);
                let mut seen = BTreeSet::new();
                for (at, named) in listed.into_iter().flatten().enumerate() {
                    let path = format!("entitlements[{at}]");
                    match things.id(named) {
                        Ok(id) if seen.insert(id) => {}
                        Ok(_) => {
                            let problem = format!("{} is in the list already", label(named));
                            mistakes.add(stated.mistake(&path, problem));
                        }
                        Err(problem) => mistakes.add(stated.mistake(&path, problem)),
                    }
                }
            }
            Kind::Group | Kind::Policy => {}
        }
    }
    found
}

/// Its name as its room keeps it.
fn own_name(stated: &Stated) -> String {
    match stated.kind {
        Kind::Group => stated.name().trim().to_owned(),
        Kind::Policy | Kind::Catalog | Kind::AccessControl => tidy(stated.name()),
    }
}

/// What the files say of a thing, in the form in which what there is is said, and the difference.
fn step(
    names: &Names,
    things: &Things,
    stated: Stated,
    key: String,
    now: Option<Now>,
    ids: &Value,
    named: BTreeSet<String>,
) -> Result<Result<Step, Mistake>, Error> {
    let shape = Shape::Map(stated.kind.fields());
    let mut leads = false;
    let own = own_name(&stated);
    // What has no verb to be called anew keeps the capitals it has.
    let kept = now.as_ref().and_then(|it| it.value.get("name"));
    let kept = kept.and_then(Value::as_str).unwrap_or(&own).to_owned();
    let value = match stated.kind {
        Kind::Policy => match body(ids) {
            Ok(body) => {
                leads = !body.others().is_empty();
                state::policy(names, &kept, body)?
            }
            Err(problem) => return Ok(Err(stated.mistake("", problem))),
        },
        Kind::Group | Kind::Catalog | Kind::AccessControl => {
            let mut value = ids.clone();
            tidied(&mut value, &own);
            named_as_it_is(things, stated.kind, &mut value);
            names.in_names(&shape, &mut value);
            canonical(&shape, &mut value);
            value
        }
    };
    if stated.kind == Kind::Group
        && let Some(inactive) = newly_inactive(names, &value, now.as_ref())
    {
        let problem = format!("{inactive} is deactivated, and can be put into no group");
        return Ok(Err(stated.mistake("members", problem)));
    }
    let id = match (&now, stated.kind) {
        (Some(now), _) => now.id.clone(),
        (None, Kind::Group) => names.id(What::Group, &own).unwrap_or_default().to_owned(),
        (None, Kind::Policy) => names.id(What::Policy, &own).unwrap_or_default().to_owned(),
        (None, Kind::Catalog | Kind::AccessControl) => key,
    };
    let before = now.as_ref().map(|it| &it.value);
    let change = (before != Some(&value)).then(|| {
        let seen = now.as_ref().map(|it| (it.id.as_str(), it.version));
        let name = match stated.kind {
            Kind::AccessControl => label(&value),
            _ => own.clone(),
        };
        // A name can come to mean another thing meanwhile: what is meant is part of what is looked at.
        let meant = named.iter().filter(|id| !names.is_coming(id));
        let meant: Vec<_> = meant.collect();
        let entitlement = (stated.kind == Kind::AccessControl).then_some(&id);
        let listed = listed(&value, things);
        let kind = stated.kind.as_str();
        let whole = json!([kind, name, seen, before, value, meant, entitlement, listed]);
        Change {
            kind: stated.kind,
            new: now.is_none(),
            fields: differ::fields(stated.kind.fields(), before, Some(&value)),
            by_hand: None,
            file: stated.file.clone(),
            line: stated.place("").line,
            digest: digest(&whole),
            name,
        }
    });
    Ok(Ok(Step {
        digest: digest(&value),
        stated,
        id,
        now,
        value,
        change,
        leads,
        named,
    }))
}

/// As the rooms keep it: no room around texts and conditions.
fn tidied(value: &mut Value, name: &str) {
    let Some(fields) = value.as_object_mut() else {
        return;
    };
    if let Some(own) = fields.get_mut("name") {
        *own = name.into();
    }
    for field in ["description", "audience_when"] {
        if let Some(Value::String(text)) = fields.get_mut(field) {
            *text = Condition::new(text).to_string();
        }
    }
    // An empty condition is none.
    if fields.get("audience_when").and_then(Value::as_str) == Some("") {
        fields.remove("audience_when");
    }
    let contents = fields.get_mut("contents").and_then(Value::as_array_mut);
    for rule in contents.into_iter().flatten() {
        if let Some(Value::String(name)) = rule.get_mut("name") {
            *name = name.trim().to_owned();
        }
        if let Some(Value::String(when)) = rule.get_mut("when") {
            *when = Condition::new(when).to_string();
        }
    }
}

/// Entitlements by the names this room gives them, whichever of their names the file gives.
fn named_as_it_is(things: &Things, kind: Kind, value: &mut Value) {
    let proper = |named: &Value| {
        let id = things.id(named).ok()?;
        things.name(id).cloned()
    };
    match kind {
        Kind::AccessControl => {
            if let (Some(Value::Object(name)), Some(fields)) =
                (proper(value), value.as_object_mut())
            {
                for field in ENTITLEMENT {
                    fields.remove(field.name);
                }
                fields.extend(name);
            }
        }
        Kind::Catalog => {
            let listed = value.get_mut("entitlements").and_then(Value::as_array_mut);
            for named in listed.into_iter().flatten() {
                if let Some(name) = proper(named) {
                    *named = name;
                }
            }
        }
        Kind::Group | Kind::Policy => {}
    }
}

/// Somebody who would be put into the group and is deactivated.
fn newly_inactive(names: &Names, value: &Value, now: Option<&Now>) -> Option<String> {
    let members = |it: &Value| -> Vec<String> {
        let listed = it.get("members").and_then(Value::as_array);
        let texts = listed.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let before = now.map(|it| members(&it.value)).unwrap_or_default();
    members(value).into_iter().find(|email| {
        let id = names.id(What::Person, email).unwrap_or_default();
        names.is_inactive(id) && !before.contains(email)
    })
}

/// The rules of a policy whose names are ids.
pub(super) fn body(ids: &Value) -> Result<PolicyBody, String> {
    let mut fields = ids.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("name");
    }
    let body: wire::PolicyBody = serde_json::from_value(fields).map_err(|why| why.to_string())?;
    policies::body_of(body).map_err(|failure| failure.trouble().detail.clone())
}

fn parsed<T: std::str::FromStr>(value: &Value, name: &str) -> Option<T> {
    value.get(name).and_then(Value::as_str)?.parse().ok()
}

fn seconds(value: &Value) -> Option<Span> {
    let most = value.get("max_duration_seconds").and_then(Value::as_i64);
    most.map(Span::seconds)
}

fn is_true(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

/// A catalog whose names are ids, without its list.
pub(super) fn catalog_of(ids: &Value) -> NewCatalog {
    let text = |name: &str| ids.get(name).and_then(Value::as_str).unwrap_or_default();
    let list = |name: &str| ids.get(name).and_then(Value::as_array).cloned();
    let audience = list("audience").unwrap_or_default();
    let audience = audience.iter().filter_map(Value::as_str);
    let contents = list("contents").unwrap_or_default();
    let rule = |it: &Value| ContentRule {
        name: it
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        when: Condition::new(it.get("when").and_then(Value::as_str).unwrap_or_default()),
    };
    let terms = ids.get("default_terms");
    let audience_when = Some(text("audience_when")).filter(|it| !it.is_empty());
    NewCatalog {
        name: text("name").to_owned(),
        description: text("description").to_owned(),
        audience: audience.filter_map(|id| id.parse().ok()).collect(),
        rules: Rules {
            contents: contents.iter().map(rule).collect(),
            audience_when: audience_when.map(Condition::new),
            terms: terms.and_then(|terms| {
                Some(DefaultTerms {
                    policy: parsed(terms, "policy")?,
                    max_duration: seconds(terms),
                    until_revoked: is_true(terms, "until_revoked"),
                })
            }),
            rank: ids
                .get("rank")
                .and_then(Value::as_i64)
                .unwrap_or(catalog::RANK),
        },
    }
}

/// How an entitlement may be asked for, where the names are ids.
pub(super) fn terms_of(ids: &Value) -> Option<Terms> {
    Some(Terms {
        policy: parsed(ids, "policy")?,
        max_duration: seconds(ids),
        until_revoked: is_true(ids, "until_revoked"),
        emergency: parsed(ids, "emergency_policy"),
        replace: true,
    })
}

/// What would be refused when it is saved, as far as that can be told before anything is: where
/// something it names changes itself, only its conditions are read here.
async fn check(
    cx: &Cx,
    names: &Names,
    things: &Things,
    steps: &[Step],
    mistakes: &mut Mistakes,
) -> Result<(), Error> {
    let moving: BTreeSet<&str> = (steps.iter())
        .filter(|step| step.change.is_some())
        .map(|step| step.id.as_str())
        .collect();
    for step in steps {
        if step.change.is_none() {
            continue;
        }
        let stated = &step.stated;
        let longest = match stated.kind {
            Kind::Policy => policies::LONGEST_NAME,
            Kind::Catalog => catalog::LONGEST_NAME,
            Kind::Group => 120,
            Kind::AccessControl => usize::MAX,
        };
        let length = own_name(stated).chars().count();
        if stated.kind != Kind::AccessControl && !(1..=longest).contains(&length) {
            let problem = format!("a name has 1 to {longest} characters");
            mistakes.add(stated.mistake("name", problem));
            continue;
        }
        let longest = match stated.kind {
            Kind::Catalog => catalog::LONGEST_DESCRIPTION,
            Kind::Group => 1_000,
            Kind::Policy | Kind::AccessControl => usize::MAX,
        };
        let description = step.value.get("description").and_then(Value::as_str);
        if description.is_some_and(|it| it.chars().count() > longest) {
            let problem = format!("a description has at most {longest} characters");
            mistakes.add(stated.mistake("description", problem));
        }
        let mut ids = step.value.clone();
        let shape = Shape::Map(stated.kind.fields());
        names.in_ids(&shape, &mut ids, &mut |_, _| {});
        let settled = !step.named.iter().any(|id| moving.contains(id.as_str()));
        match stated.kind {
            Kind::Group => {}
            Kind::Policy => policy(cx, step, &ids, settled, mistakes).await?,
            Kind::Catalog => catalog(cx, things, step, &ids, settled, mistakes).await?,
            Kind::AccessControl if settled => {
                if let Some(terms) = terms_of(&ids) {
                    match catalog::check_control(cx, &terms).await {
                        Ok(()) => {}
                        Err(error @ (catalog::Error::Denied(_) | catalog::Error::Db(_))) => {
                            return Err(error.into());
                        }
                        Err(error) => mistakes.add(stated.mistake("policy", error.to_string())),
                    }
                }
            }
            Kind::AccessControl => {}
        }
    }
    Ok(())
}

async fn policy(
    cx: &Cx,
    step: &Step,
    ids: &Value,
    settled: bool,
    mistakes: &mut Mistakes,
) -> Result<(), Error> {
    let stated = &step.stated;
    let body = match body(ids) {
        Ok(body) => body,
        Err(problem) => {
            mistakes.add(stated.mistake("", problem));
            return Ok(());
        }
    };
    let was = step
        .now
        .as_ref()
        .map(|it| it.value.get("emergency").is_some());
    if was.is_some_and(|was| was != body.emergency.is_some()) {
        let problem = policies::Error::KindStays.to_string();
        mistakes.add(stated.mistake("emergency", problem));
    }
    if !settled {
        for (condition, about) in body.conditions() {
            if let Err(faults) = Compiled::of(condition, about) {
                for fault in faults {
                    let problem = format!("`{condition}`: {fault}");
                    mistakes.add(stated.mistake("", problem));
                }
            }
        }
        return Ok(());
    }
    let own: Option<PolicyId> = step.now.as_ref().and_then(|it| it.id.parse().ok());
    let new = NewVersion {
        body,
        note: String::new(),
    };
    match policies::check_version(cx, own, &new).await {
        Ok(()) => Ok(()),
        Err(policies::Error::Body(faults)) => {
            for fault in faults {
                let path = fault
                    .rule
                    .map_or_else(String::new, |at| format!("rules[{at}]"));
                mistakes.add(stated.mistake(&path, fault.to_string()));
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

async fn catalog(
    cx: &Cx,
    things: &Things,
    step: &Step,
    ids: &Value,
    settled: bool,
    mistakes: &mut Mistakes,
) -> Result<(), Error> {
    let stated = &step.stated;
    let rules = catalog_of(ids).rules;
    if settled {
        for fault in catalog::rule_faults(cx, &rules).await? {
            mistakes.add(stated.mistake(&fault.field, fault.message));
        }
    } else {
        let contents = rules.contents.iter().enumerate();
        let contents = contents
            .map(|(at, rule)| (format!("contents[{at}].when"), &rule.when, About::Contents));
        let audience = rules.audience_when.iter();
        let audience = audience.map(|when| ("audience_when".to_owned(), when, About::Audience));
        for (path, condition, about) in contents.chain(audience) {
            for fault in Compiled::of(condition, about).err().into_iter().flatten() {
                mistakes.add(stated.mistake(&path, fault.to_string()));
            }
        }
    }
    let before = step.now.as_ref().map(|it| listed(&it.value, things));
    let before = before.unwrap_or_default();
    let new = listed(&step.value, things).into_iter();
    let new: Vec<_> = new.filter(|id| !before.contains(id)).collect();
    let found = crate::directory::entitlements_by_id(&mut cx.read().await?, new).await?;
    for it in found.into_values() {
        if let Some(owner) = it.owned_by {
            let problem = crate::directory::owned_words(&it.name, &owner);
            mistakes.add(stated.mistake("entitlements", problem));
        }
    }
    Ok(())
}

/// The entitlements in a catalog's list.
pub(super) fn listed(catalog: &Value, things: &Things) -> BTreeSet<EntitlementId> {
    let all = catalog.get("entitlements").and_then(Value::as_array);
    let all = all.into_iter().flatten();
    all.filter_map(|named| things.id(named).ok()).collect()
}

/// Says of what would be changed whether somebody changed it since it was applied.
async fn by_hand(
    cx: &Cx,
    names: &Names,
    remembered: &BTreeMap<String, Remembered>,
    steps: &mut [Step],
) -> Result<(), Error> {
    let mut q = cx.read().await?;
    for step in steps {
        let (Some(change), Some(now)) = (&mut step.change, &step.now) else {
            continue;
        };
        let Some(applied) = remembered.get(&step.id) else {
            continue;
        };
        if applied.digest == digest(&now.value) {
            continue;
        }
        let changed = audit::last_change(&mut q, &step.id, step.stated.kind.actions()).await?;
        let by = applied.by.map(|id| id.to_string());
        change.by_hand = Some(ByHand {
            applied_at: applied.at,
            applied_by: by.map(|id| names.name(&id).map_or_else(|| id.clone(), str::to_owned)),
            changed: changed.map(|(actor, at)| match actor {
                AuditActor::User { name, .. } => (at, Some(name)),
                AuditActor::System { .. } | AuditActor::Nobody => (at, None),
            }),
        });
    }
    Ok(())
}
