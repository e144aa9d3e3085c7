//! Separation of duties: what one person should not hold together.
//!
//! A rule names two sides, each a list of entitlements and a condition over entitlements. Where
//! somebody would hold something of both at the same time, it says that this cannot be asked for
//! (`block`), or that a group of its own has to make an exception (`exception`).
//!
//! What somebody holds is what AWS shows, standing or given, through Identity Center groups too; what
//! grants give or will give; and what they have asked for and nobody has answered (`judge`). Who holds
//! both already is listed (`conflicts`), and nothing is taken away by that.
//!
//! Tables: `duties`. Events: `duty.created`, `duty.changed`.
//!
//! It does not know requests: whoever asks says what waits, and writes down what was found.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use stint_db::{Priority, Query, Tx};
use stint_domain::condition::{About, Compiled, Condition};
use stint_domain::duty::Action;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{DutyId, EntitlementId, GroupId, Time};

use crate::cx::Cx;
use crate::http::{Page, Paging, sorted};
use crate::{directory, identity, outbox};

mod conflicts;
mod error;
mod http;
mod judge;
pub(crate) mod pages;
mod sides;
mod store;

pub use conflicts::{Both, ConflictFilter, Existing, Found, Whose, conflicts};
pub use error::{Error, Fault, FaultKind};
pub(crate) use http::{conflict as conflict_shown, routes};
pub use judge::{
    Asked, Conflict, Held, How, People, Touched, Verdict, Wanted, exceptions, hold, hold_all,
    judge, people, told, touched,
};
pub(crate) use pages::routes as page_routes;
pub(crate) use store::STATEMENTS;

/// The longest name of a rule or a side, in characters.
pub const LONGEST_NAME: usize = 80;
/// The longest message, in characters.
pub const LONGEST_MESSAGE: usize = 500;
/// How many entitlements a side lists. More are said by a condition.
pub const MOST_LISTED: usize = 200;
/// How many rules there may be.
pub const MOST: usize = 200;

/// One side of a rule: what its list or its condition names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// What people call it ("Payments: release").
    pub name: String,
    /// What is on it.
    #[serde(default)]
    pub entitlements: BTreeSet<EntitlementId>,
    /// Whatever this is true of is on it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

/// A rule about duties that are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// Which.
    pub id: DutyId,
    /// Unique, whatever the capitals.
    pub name: String,
    /// Told to whoever it stops, and to whoever decides.
    pub message: String,
    /// One side.
    pub first: Side,
    /// The other.
    pub second: Side,
    /// What happens to who would hold something of both.
    pub action: Action,
    /// Whose members make exceptions; none where it blocks.
    pub group: Option<GroupId>,
    /// Whether what is asked in an emergency passes: it is then part of the review.
    pub emergency_passes: bool,
    /// Whether it is in force.
    pub active: bool,
    /// Since when there is such a rule.
    pub created_at: Time,
    /// Counts changes.
    pub version: i64,
}

/// A rule to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDuty {
    /// Unique, whatever the capitals.
    pub name: String,
    /// Told to whoever it stops, and to whoever decides.
    pub message: String,
    /// One side.
    pub first: Side,
    /// The other.
    pub second: Side,
    /// What happens to who would hold something of both.
    pub action: Action,
    /// Whose members make exceptions; left out where it blocks.
    pub group: Option<GroupId>,
    /// Whether what is asked in an emergency passes.
    pub emergency_passes: bool,
    /// Whether it is in force.
    pub active: bool,
}

/// What changes about a rule; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// A new name.
    pub name: Option<String>,
    /// A new message.
    pub message: Option<String>,
    /// The first side from now on.
    pub first: Option<Side>,
    /// The second side from now on.
    pub second: Option<Side>,
    /// What happens from now on.
    pub action: Option<Action>,
    /// Whose members make exceptions from now on, if anybody.
    pub group: Option<Option<GroupId>>,
    /// Whether emergencies pass from now on.
    pub emergency_passes: Option<bool>,
    /// Whether it is in force from now on.
    pub active: Option<bool>,
}

/// Writes a rule. Whoever holds something of both sides already keeps it, and is listed.
///
/// Fails with everything that is wrong with it.
pub async fn create(cx: &Cx, new: NewDuty) -> Result<Duty, Error> {
    cx.authorize(Verb::CreateDuty, Relation::None)?;
    let duty = tidied(Duty {
        id: cx.app.ids.new_id(),
        name: new.name,
        message: new.message,
        first: new.first,
        second: new.second,
        action: new.action,
        group: new.group,
        emergency_passes: new.emergency_passes,
        active: new.active,
        created_at: cx.now,
        version: 1,
    });
    let mut tx = cx.begin(Priority::Interactive).await?;
    check(&mut tx, &duty).await?;
    if store::count(&mut tx).await? >= i64::try_from(MOST).unwrap_or(i64::MAX) {
        return Err(Error::TooMany);
    }
    taken(store::insert(&mut tx, &duty).await, &duty.name)?;
    tx.audit(cx.event("duty.created", [duty.id.into()], facts(&duty)));
    outbox::emit(&mut tx, cx, "duty.created", json!({ "duty": duty.id })).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(duty)
}

/// Changes a rule, or switches it on or off. `expected` is the version the caller had seen. What was
/// asked before is held against it as it is when somebody decides.
pub async fn update(
    cx: &Cx,
    id: DutyId,
    change: Change,
    expected: Option<i64>,
) -> Result<Duty, Error> {
    cx.authorize(Verb::UpdateDuty, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = store::lock(&mut tx, [id]).await?.pop();
    let before = before.ok_or(Error::NotFound)?;
    if let Some(expected) = expected.filter(|it| *it != before.version) {
        return Err(Error::Stale {
            expected,
            found: before.version,
        });
    }
    let was = before.clone();
    let after = tidied(Duty {
        name: change.name.unwrap_or(was.name),
        message: change.message.unwrap_or(was.message),
        first: change.first.unwrap_or(was.first),
        second: change.second.unwrap_or(was.second),
        action: change.action.unwrap_or(was.action),
        group: change.group.unwrap_or(was.group),
        emergency_passes: change.emergency_passes.unwrap_or(was.emergency_passes),
        active: change.active.unwrap_or(was.active),
        version: was.version + 1,
        ..before.clone()
    });
    check(&mut tx, &after).await?;
    taken(store::update(&mut tx, &after).await, &after.name)?;
    let mut facts = facts(&after);
    if let Some(facts) = facts.as_object_mut() {
        facts.insert("before".to_owned(), self::facts(&before));
    }
    tx.audit(cx.event("duty.changed", [id.into()], facts));
    outbox::emit(&mut tx, cx, "duty.changed", json!({ "duty": id })).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(after)
}

/// What an audit event tells of a rule: all of it.
fn facts(it: &Duty) -> serde_json::Value {
    json!({
        "name": it.name,
        "message": it.message,
        "first": it.first,
        "second": it.second,
        "action": it.action,
        "group": it.group,
        "emergency_passes": it.emergency_passes,
        "active": it.active,
        "version": it.version,
    })
}

/// Which rules to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words in the name, in their order.
    pub q: String,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of rules has.
pub const SORTS: &[&str] = &["name", "-name", "created", "-created"];

/// Rules, a page at a time; also those that are switched off.
pub async fn list(cx: &Cx, filter: &Filter, paging: &Paging) -> Result<Page<Duty>, Error> {
    cx.authorize(Verb::ListDuties, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    let after = paging.after_key::<DutyId>(sort)?;
    let mut q = cx.read().await?;
    let rows = store::list(&mut q, &filter.q, sort, after, paging.fetch()).await?;
    Ok(paging.page_key(sort, rows, |it| it.id, |it| store::key(&it.name)))
}

/// One rule.
pub async fn get(cx: &Cx, id: DutyId) -> Result<Duty, Error> {
    cx.authorize(Verb::GetDuty, Relation::Others)?;
    let mut q = cx.read().await?;
    store::get(&mut q, id).await?.ok_or(Error::NotFound)
}

/// As it is kept: names without room around them, a group only where exceptions are made.
fn tidied(duty: Duty) -> Duty {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let side = |it: Side| Side {
        name: words(&it.name),
        when: it.when.filter(|when| !when.as_str().is_empty()),
        ..it
    };
    Duty {
        name: words(&duty.name),
        message: duty.message.trim().to_owned(),
        first: side(duty.first),
        second: side(duty.second),
        group: duty.group.filter(|_| duty.action == Action::Exception),
        ..duty
    }
}

/// Fails with everything that is wrong with a rule.
async fn check(q: &mut impl Query, duty: &Duty) -> Result<(), Error> {
    let mut faults = Vec::new();
    let mut wrong = |kind, field: &str, message: String| {
        faults.push(Fault {
            kind,
            field: field.to_owned(),
            message,
        });
    };
    let named = |name: &str| (1..=LONGEST_NAME).contains(&name.chars().count());
    let words = || format!("a name has 1 to {LONGEST_NAME} characters");
    if !named(&duty.name) {
        wrong(FaultKind::Name, "name", words());
    }
    let length = duty.message.chars().count();
    if !(1..=LONGEST_MESSAGE).contains(&length) {
        let message = format!(
            "say in 1 to {LONGEST_MESSAGE} characters why these are kept apart, and what to do instead: whoever is stopped reads it"
        );
        wrong(FaultKind::Message, "message", message);
    }
    for (side, field) in [(&duty.first, "first"), (&duty.second, "second")] {
        let at = |what: &str| format!("{field}.{what}");
        if !named(&side.name) {
            wrong(FaultKind::Name, &at("name"), words());
        }
        if side.entitlements.is_empty() && side.when.is_none() {
            let message =
                "a side names something: list entitlements, or give a condition over them";
            wrong(
                FaultKind::NothingNamed,
                &at("entitlements"),
                message.to_owned(),
            );
        }
        if side.entitlements.len() > MOST_LISTED {
            let message =
                format!("a side lists at most {MOST_LISTED} entitlements: say more by a condition");
            wrong(FaultKind::TooManyListed, &at("entitlements"), message);
        } else {
            let listed = side.entitlements.iter().copied();
            let there = directory::entitlements_by_id(q, listed).await?;
            for id in side
                .entitlements
                .iter()
                .filter(|id| !there.contains_key(id))
            {
                let message = format!("there is no entitlement {id}");
                wrong(FaultKind::UnknownEntitlement, &at("entitlements"), message);
            }
        }
        if let Some(when) = &side.when
            && let Err(found) = Compiled::of(when, About::Contents)
        {
            for fault in found {
                wrong(FaultKind::Condition, &at("when"), fault.to_string());
            }
        }
    }
    match (duty.action, duty.group) {
        (Action::Exception, None) => {
            let message = "name the group whose members make exceptions";
            wrong(FaultKind::NoGroup, "group", message.to_owned());
        }
        (Action::Exception, Some(group)) => {
            if identity::groups_by_id(q, [group]).await?.is_empty() {
                wrong(
                    FaultKind::UnknownGroup,
                    "group",
                    format!("there is no group {group}"),
                );
            }
        }
        (Action::Block, _) => {}
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::Faults(faults)),
    }
}

fn taken<T>(written: Result<T, stint_db::Error>, name: &str) -> Result<T, Error> {
    written.map_err(|error| match error.is_unique(store::NAME_KEY) {
        true => Error::NameTaken(name.to_owned()),
        false => error.into(),
    })
}

/// Takes the rows of these rules until the commit, and answers them as they are now: who gives
/// something that a rule keeps apart comes one after the other.
async fn held(tx: &mut Tx, ids: impl IntoIterator<Item = DutyId>) -> Result<Vec<Duty>, Error> {
    Ok(store::lock(tx, ids).await?)
}
