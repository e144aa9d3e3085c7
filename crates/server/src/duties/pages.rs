//! The pages of this room: rules, one rule with who is in conflict with it, and all conflicts.

mod form;
pub(crate) mod view;

use axum::response::Response;
use http::Method;
use stint_domain::duty::Action;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{DutyId, EntitlementId};

use super::{Both, ConflictFilter, Duty, Existing, Filter, Side, Whose};
use crate::cx::Cx;
use crate::http::{Failure, Paging, Path, Query, Routes};
use crate::web::{self, Chip, Column, Empty, Fact, Facts, Frame, List, Listing, Tone, When};
use crate::{directory, identity};

/// How many rows a page of a list has.
const ROWS: i64 = 50;
/// How many of what a side lists are named on the rule's page.
const NAMED: usize = 20;
/// How much of what somebody holds of a side is named.
const HELD: usize = 3;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListDuties, Method::GET, "/duties", list)
        .page(
            Verb::ListConflicts,
            Method::GET,
            "/duties/conflicts",
            conflicts,
        )
        .page(Verb::GetDuty, Method::GET, "/duties/{id}", show)
        .merge(form::routes())
}

/// The page of a rule.
fn href(id: DutyId) -> String {
    format!("/duties/{id}")
}

/// The headings of the list.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Rule", "name"),
    Column::plain("Keeps apart"),
    Column::plain("What happens"),
    Column::newest("Since", "created"),
];

/// The headings of conflicts.
pub(crate) const CONFLICT_COLUMNS: &[Column] = &[
    Column::plain("Who"),
    Column::plain("Rule"),
    Column::plain("Holds of the first side"),
    Column::plain("And of the second"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    cx.authorize(Verb::ListDuties, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = Filter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = [
            "Rule",
            "One side",
            "The other",
            "What happens",
            "In force",
            "Since",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list(&cx, &filter, &paging).await?;
                Ok(page.map(|it| {
                    let happens = happens(&it).to_owned();
                    let active = if it.active { "yes" } else { "no" }.to_owned();
                    let since = it.created_at.to_string();
                    vec![
                        it.name,
                        it.first.name,
                        it.second.name,
                        happens,
                        active,
                        since,
                    ]
                }))
            }
        };
        return web::csv("duties", &head, fetch).await;
    }
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx.authorize(Verb::CreateDuty, Relation::None).is_ok();
    let empty = Empty::new(
        "users-group",
        "No duty rule yet",
        "A duty rule keeps two sides apart, such as writing payments and releasing them: nobody is given both.",
    );
    let empty = match may_add {
        true => empty.leading_to("/duties/new", "New rule"),
        false => empty,
    };
    let list = List::new("/duties", &asked, COLUMNS, empty)
        .search("Name of the rule")
        .sorted(&sort)
        .answered(&page);
    let rows = page.items.into_iter().map(|it| view::DutyRow {
        href: href(it.id),
        chip: chip(&it),
        sides: format!("{} and {}", it.first.name, it.second.name),
        happens: happens(&it).to_owned(),
        since: When::both(it.created_at, cx.now),
        name: it.name,
    });
    let view = view::Duties {
        rows: rows.collect(),
        list,
        may_add,
        may_see_conflicts: cx.authorize(Verb::ListConflicts, Relation::None).is_ok(),
    };
    Ok(web::page(&frame, "Duties", &view))
}

async fn show(cx: Cx, frame: Frame, Path(id): Path<DutyId>) -> Result<Response, Failure> {
    let duty = super::get(&cx, id).await?;
    let mut q = cx.read().await?;
    let group = match duty.group {
        Some(id) => identity::groups_by_id(&mut q, [id]).await?.remove(&id),
        None => None,
    };
    let listed: Vec<EntitlementId> = (duty.first.entitlements.iter())
        .chain(&duty.second.entitlements)
        .copied()
        .collect();
    let names = directory::entitlements_by_id(&mut q, listed).await?;
    drop(q);
    let side = |it: &Side| {
        let named = it.entitlements.iter().take(NAMED);
        view::SideShown {
            name: it.name.clone(),
            listed: named
                .map(|id| {
                    names
                        .get(id)
                        .map_or_else(|| id.to_string(), |it| it.name.clone())
                })
                .collect(),
            more: it.entitlements.len().saturating_sub(NAMED),
            when: it.when.as_ref().map(ToString::to_string),
        }
    };
    let mut facts = vec![Fact::new("What happens", happens(&duty))];
    if let Some(group) = group {
        let place = format!("/people/groups/{}", group.id);
        facts.push(Fact::new("Exceptions are made by", "members of").link(place, group.name));
    }
    facts.push(Fact::new(
        "In an emergency",
        match duty.emergency_passes {
            true => "what is asked passes, and the review sees it",
            false => "the same",
        },
    ));
    facts.push(Fact::new("Since", "").when(When::both(duty.created_at, cx.now)));
    let may_list = cx.authorize(Verb::ListConflicts, Relation::None).is_ok();
    let conflicts = match may_list && duty.active {
        true => {
            let filter = ConflictFilter {
                rule: Some(id),
                q: String::new(),
            };
            let found = super::conflicts(&cx, &filter, &Paging::first(ROWS)).await?;
            Some((found.total, found.page.items.into_iter().map(row).collect()))
        }
        false => None,
    };
    let view = view::ShowDuty {
        path: href(id),
        chip: chip(&duty),
        first: side(&duty.first),
        second: side(&duty.second),
        facts: Facts { facts },
        conflicts,
        all: format!("/duties/conflicts?rule={id}"),
        may_change: cx.authorize(Verb::UpdateDuty, Relation::Others).is_ok(),
        message: duty.message,
        name: duty.name,
    };
    Ok(web::page(&frame, &view.name, &view))
}

async fn conflicts(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::ListConflicts, Relation::None)?;
    let filter = ConflictFilter {
        rule: asked.id("rule")?,
        q: asked.words().to_owned(),
    };
    if asked.csv() {
        let head = [
            "Who",
            "Rule",
            "Holds of the first side",
            "And of the second",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let found = super::conflicts(&cx, &filter, &paging).await?;
                Ok(found.page.map(|it| {
                    let all = |side: &[Both]| side.iter().map(words).collect::<Vec<_>>().join("; ");
                    let (first, second) = (all(&it.first), all(&it.second));
                    vec![it.name, it.rule_name, first, second]
                }))
            }
        };
        return web::csv("conflicts", &head, fetch).await;
    }
    let found = super::conflicts(&cx, &filter, &asked.paging(ROWS)).await?;
    let empty = Empty::new(
        "circle-check",
        "Nobody is in conflict",
        "Nobody holds something of both sides of a rule that is in force.",
    );
    let rules = super::list(&cx, &Filter::default(), &Paging::first(200)).await?;
    let rules = rules.items.into_iter().filter(|it| it.active);
    let list = List::new("/duties/conflicts", &asked, CONFLICT_COLUMNS, empty)
        .search("Names of people and rules")
        .filter(web::Filter::choice(
            "rule",
            "Rule",
            "Every rule",
            rules
                .map(|it| (it.id.to_string(), it.name))
                .collect::<Vec<_>>(),
        ))
        .answered(&found.page);
    let view = view::Conflicts {
        list,
        total: found.total,
        rows: found.page.items.into_iter().map(row).collect(),
    };
    Ok(web::page(&frame, "Conflicts", &view))
}

fn row(it: Existing) -> view::ConflictRow {
    view::ConflictRow {
        who: match &it.whose {
            Whose::User(id) => Some(format!("/people/{id}")),
            Whose::Principal(_) => None,
        },
        name: it.name,
        rule: href(it.rule),
        rule_name: it.rule_name,
        first: held(&it.first),
        second: held(&it.second),
    }
}

/// The first of it, and how much more there is.
fn held(all: &[Both]) -> Vec<String> {
    let mut shown: Vec<String> = all.iter().take(HELD).map(words).collect();
    let more = all.len().saturating_sub(HELD);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown
}

fn words(it: &Both) -> String {
    match &it.through {
        Some(group) => format!("{}, through the group {group}", it.name),
        None if it.granted => format!("{}, granted", it.name),
        None => it.name.clone(),
    }
}

const fn happens(it: &Duty) -> &'static str {
    match it.action {
        Action::Block => "It cannot be asked for",
        Action::Exception => "It needs an exception",
    }
}

fn chip(it: &Duty) -> Chip {
    match it.active {
        true => Chip::new(Tone::Live, "circle-check", "In force"),
        false => Chip::new(Tone::Idle, "ban", "Switched off"),
    }
}
