//! What a catalog holds now and why, and trying whether something is in it and somebody sees it.

use std::collections::BTreeMap;

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::rights::Verb;
use stint_domain::{CatalogId, EntitlementId, PolicyId, UserId};

use super::super::{ContentFilter, Held, Judgement, contents, get, judge};
use super::entitlements::choose_entitlement;
use super::{href, view};
use crate::cx::Cx;
use crate::http::{Failure, Form, Page, Paging, Path, Query, Routes};
use crate::policies::PolicyVersion;
use crate::web::fields::Choose;
use crate::web::form::sentence;
use crate::web::time::words;
use crate::web::{
    self, Column, Empty, Fact, Facts, Filter, Frame, List, Listing, Mistakes, Note, Picked, Sent,
};
use crate::{directory, identity, policies};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::GetCatalog,
            Method::GET,
            "/catalogs/{id}/contents",
            show,
        )
        .page(
            Verb::GetCatalog,
            Method::GET,
            "/catalogs/{id}/try",
            try_page,
        )
        .page(Verb::GetCatalog, Method::POST, "/catalogs/{id}/try", tried)
}

/// The headings of what it holds.
pub(crate) const HELD_COLUMNS: &[Column] = &[
    Column::by("Entitlement", "name"),
    Column::plain("In it because"),
    Column::plain("Asked for under"),
    Column::plain("At most"),
    Column::quiet("What to do"),
];

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<CatalogId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let catalog = get(&cx, id).await?;
    let sort = asked.sort_or("name");
    let filter = ContentFilter {
        q: asked.words().to_owned(),
        rule: asked.value("rule").and_then(|at| at.parse().ok()),
        sort: Some(sort.clone()),
    };
    let path = href(id);
    if asked.csv() {
        let head = [
            "Entitlement",
            "Where",
            "In it because",
            "Asked for under",
            "At most",
            "Id",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter, path) = (cx.clone(), filter.clone(), path.clone());
            async move {
                let (page, _) = contents(&cx, id, &filter, &paging).await?;
                let ruled = ruled(&cx, &page).await?;
                Ok(page.map(|held| {
                    let id = held.entitlement.id.to_string();
                    let row = row(&ruled, &path, held);
                    let policy = row.policy.map(|(_, name)| name).unwrap_or_default();
                    vec![row.name, row.place, row.why, policy, row.at_most, id]
                }))
            }
        };
        return web::csv("catalog", &head, fetch).await;
    }
    let (page, total) = contents(&cx, id, &filter, &asked.paging(ROWS)).await?;
    let ruled = ruled(&cx, &page).await?;
    let place = format!("{path}/contents");
    let empty = Empty::new(
        "key",
        "Nothing is in it now",
        "Put entitlements into its list, or write a condition that is true of some.",
    );
    let rules = catalog.rules.contents.iter().enumerate();
    let choices: Vec<(String, String)> = rules
        .map(|(at, rule)| (at.to_string(), rule.name.clone()))
        .collect();
    let view = view::ShowHeld {
        list: List::new(&place, &asked, HELD_COLUMNS, empty)
            .search("Names of permission sets, accounts and groups")
            .filter(Filter::choice(
                "rule",
                "By the condition",
                "Any condition, or the list",
                choices,
            ))
            .sorted(&sort)
            .answered(&page),
        rows: (page.items.into_iter())
            .map(|held| row(&ruled, &path, held))
            .collect(),
        total,
        name: catalog.name,
        path,
    };
    Ok(web::page(&frame, "What the catalog holds", &view))
}

/// The policies these are asked for under, as they stand.
async fn ruled(cx: &Cx, page: &Page<Held>) -> Result<BTreeMap<PolicyId, PolicyVersion>, Failure> {
    let asked = page.items.iter().filter_map(policy_of);
    Ok(policies::currents(&mut cx.read().await?, asked).await?)
}

fn policy_of(held: &Held) -> Option<PolicyId> {
    let own = held.access_control.as_ref().map(|it| it.policy);
    own.or(held.default.map(|it| it.policy))
}

/// `in the list, by “Readers”`.
fn why(held: &Held) -> String {
    let listed = held.listed.then(|| "in the list".to_owned());
    let rules = held.rules.iter().map(|name| format!("by “{name}”"));
    let why: Vec<String> = listed.into_iter().chain(rules).collect();
    why.join(", ")
}

fn row(ruled: &BTreeMap<PolicyId, PolicyVersion>, path: &str, held: Held) -> view::HeldRow {
    let policy = policy_of(&held).and_then(|id| ruled.get(&id));
    let (own, until_revoked) = match &held.access_control {
        Some(control) => (control.max_duration, control.until_revoked),
        None => held.default.map_or((None, false), |terms| {
            (terms.max_duration, terms.until_revoked)
        }),
    };
    view::HeldRow {
        why: why(&held),
        default: held.access_control.is_none() && policy.is_some(),
        at_most: policy.map_or_else(String::new, |it| {
            let longest = it.body.longest();
            let words = words(own.map_or(longest, |own| own.min(longest)));
            match until_revoked && it.body.may_last_until_revoked() {
                true => format!("{words}, or until revoked"),
                false => words,
            }
        }),
        policy: policy.map(|it| (format!("/policies/{}", it.policy), it.name.clone())),
        ask: format!("{path}/try?entitlement={}", held.entitlement.id),
        place: directory::place(&held.entitlement),
        name: held.entitlement.name,
    }
}

#[derive(Debug, Default, serde::Deserialize)]
struct About {
    entitlement: Option<EntitlementId>,
    user: Option<UserId>,
}

async fn try_page(
    cx: Cx,
    frame: Frame,
    Path(id): Path<CatalogId>,
    Query(asked): Query<About>,
) -> Result<Response, Failure> {
    let mut entitlement = Picked::of(asked.entitlement);
    let user = Picked::of(asked.user);
    // Nothing is chosen yet: the first ones are shown at once.
    entitlement.search = asked.entitlement.is_none();
    form(&cx, &frame, id, entitlement, user, StatusCode::OK).await
}

async fn tried(
    cx: Cx,
    frame: Frame,
    Path(id): Path<CatalogId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let (entitlement, user) = (sent.picked("entitlement", true), sent.picked("user", true));
    form(&cx, &frame, id, entitlement, user, StatusCode::OK).await
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    id: CatalogId,
    entitlement: Picked,
    user: Picked,
    status: StatusCode,
) -> Result<Response, Failure> {
    let catalog = get(cx, id).await?;
    let path = href(id);
    let action = format!("{path}/try");
    let chosen: Option<EntitlementId> = entitlement.read().into_iter().next();
    let who: Option<UserId> = user.read().into_iter().next();
    let things = Choose::new(
        "entitlement",
        "Is this in the catalog?",
        "entitlements",
        &action,
    );
    let things = choose_entitlement(cx, things.one(), &entitlement).await?;
    let mut mistakes = Mistakes::none();
    if chosen.is_some() && !things.has_chosen() {
        mistakes.add(
            "entitlement",
            "There is no such entitlement: choose another one.",
        );
    }
    let things = things.wrong(&mistakes);
    let people = Choose::new("user", "Does this person see it?", "people", &action).one();
    let people = identity::choose_users(cx, people, &user).await?;
    let mut answers = Vec::new();
    if !mistakes.any() && (chosen.is_some() || who.is_some()) {
        answers = said(&catalog.name, &judge(cx, id, chosen, who).await?);
    }
    let view = view::TryCatalog {
        parts: vec![things.into(), people.into()],
        name: catalog.name,
        answers,
        mistakes,
        action,
        path,
    };
    Ok(web::page_with(status, frame, "Try the catalog", &view))
}

/// What came of it: about whom or what, the answer, and why.
fn said(catalog: &str, judged: &Judgement) -> Vec<(String, Note, Facts)> {
    let mut answers = Vec::new();
    let yes_no = |holds: Option<bool>| match holds {
        Some(true) => "true",
        Some(false) => "not true",
        None => "cannot be told",
    };
    if let Some(it) = &judged.entitlement {
        let note = match (&judged.never, judged.holds) {
            (Some(why), _) => Note::warning(format!("Nobody is offered it: {}", sentence(why))),
            (None, true) => Note::info(format!("It is in “{catalog}”.")),
            (None, false) => Note::warning(format!("It is not in “{catalog}”.")),
        };
        let mut facts = vec![Fact::new(
            "In the list",
            if it.listed { "yes" } else { "no" },
        )];
        for (name, holds) in &judged.rules {
            facts.push(Fact::new(
                "By condition",
                format!("“{name}”: {}", yes_no(*holds)),
            ));
        }
        facts.push(Fact::new(
            "Asked for under",
            match (&it.access_control, &it.default) {
                (Some(_), _) => "a policy of its own",
                (None, Some(_)) => "the policy of this catalog",
                (None, None) => "none: by this catalog nobody can ask for it",
            },
        ));
        answers.push((it.entitlement.name.clone(), note, Facts { facts }));
    }
    if let Some(it) = &judged.person {
        let note = match it.sees {
            true => Note::info(format!("{} sees “{catalog}”.", it.name)),
            false => Note::warning(format!("{} does not see “{catalog}”.", it.name)),
        };
        let groups = match it.groups.is_empty() {
            true => "in none of them".to_owned(),
            false => it.groups.join(", "),
        };
        let mut facts = vec![Fact::new("Groups of its audience", groups)];
        if it.condition.is_some() {
            facts.push(Fact::new("The condition over people", yes_no(it.condition)));
        }
        answers.push((it.name.clone(), note, Facts { facts }));
    }
    if let Some((offered, catalogs)) = &judged.offered {
        let names: Vec<&str> = catalogs.iter().map(|(_, name)| name.as_str()).collect();
        let note = match offered {
            true => Note::info("This person can ask for it."),
            false => {
                Note::warning("This person cannot ask for it, and does not learn that it exists.")
            }
        };
        let facts = vec![Fact::new(
            "Catalogs of theirs that hold it",
            match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            },
        )];
        answers.push(("Both together".to_owned(), note, Facts { facts }));
    }
    answers
}
