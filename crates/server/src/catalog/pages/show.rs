//! A catalog's own page: who sees it, and what is in it.

use std::collections::BTreeMap;

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{CatalogId, PolicyId};

use super::super::{
    Catalog, DefaultTerms, Entry, EntryFilter, Under, count_closed, count_matched, entries, get,
};
use super::{href, view};
use crate::cx::Cx;
use crate::http::{Failure, Page, Paging, Path, Query, Routes};
use crate::policies::PolicyVersion;
use crate::web::form::sentence;
use crate::web::time::words;
use crate::web::{self, Chip, Column, Empty, Filter, Frame, List, Listing, Note, Picked, Tone};
use crate::{directory, identity, policies};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new().page(Verb::GetCatalog, Method::GET, "/catalogs/{id}", show)
}

/// The headings of what is in it.
pub(crate) const ENTRY_COLUMNS: &[Column] = &[
    Column::by("Entitlement", "name"),
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
    let filter = EntryFilter {
        q: asked.words().to_owned(),
        under: super::super::http::under(asked.value("policy"))?,
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        return csv(cx, &catalog, filter).await;
    }
    let page = entries(&cx, id, &filter, &asked.paging(ROWS)).await?;
    let closed = match catalog.rules.terms {
        Some(_) => 0,
        None => count_closed(&cx, id).await?,
    };
    let (held, counts) = count_matched(&cx, id).await?;
    let may_change = cx.authorize(Verb::UpdateCatalog, Relation::Others).is_ok();
    let path = href(id);
    let groups = identity::group_items(&cx, &Picked::of(&catalog.audience)).await?;
    let default = catalog.rules.terms;
    let ruled = under(&cx, &page, default).await?;
    let empty = Empty::new(
        "key",
        "Nothing in it yet",
        "Put entitlements into it, under the policy they are asked for.",
    );
    let empty = if may_change {
        empty.leading_to(format!("{path}/add"), "Add entitlements")
    } else {
        empty
    };
    let list = List::new(&path, &asked, ENTRY_COLUMNS, empty)
        .search("Names of permission sets, accounts and groups")
        .filter(Filter::choice(
            "policy",
            "Asked for under",
            "Any policy or none",
            choices(&cx, filter.under).await?,
        ))
        .sorted(&sort)
        .answered(&page);
    let rows = page.items.into_iter();
    let rows = rows.map(|entry| entry_row(&ruled, default, &path, entry, may_change));
    let view = view::ShowCatalog {
        list,
        rows: rows.collect(),
        closed: closed_words(closed, filter.under),
        audience_when: (catalog.rules.audience_when.as_ref()).map(ToString::to_string),
        terms: terms(&cx, &catalog).await?,
        rank: catalog.rules.rank,
        rules: rule_rows(&catalog, &counts, &path),
        held,
        unseen: (catalog.audience.is_empty() && catalog.rules.audience_when.is_none())
            .then(|| Note::warning("Nobody sees this catalog: choose the groups it is for, or write a condition over people.")),
        groups: groups
            .into_iter()
            .map(|group| view::GroupLine {
                href: format!("/people/groups/{}", group.id),
                name: group.title,
                members: group.faint,
            })
            .collect(),
        entitlements: catalog.entitlements,
        may_change,
        name: catalog.name,
        description: catalog.description,
        path,
    };
    Ok(web::page(&frame, &view.name, &view))
}

/// Its conditions over entitlements, each with how much it is true of.
fn rule_rows(catalog: &Catalog, counts: &[usize], path: &str) -> Vec<view::RuleRow> {
    let rules = catalog.rules.contents.iter().enumerate();
    rules
        .map(|(at, rule)| view::RuleRow {
            name: rule.name.clone(),
            when: rule.when.to_string(),
            count: counts.get(at).copied().unwrap_or_default(),
            href: format!("{path}/contents?rule={at}"),
        })
        .collect()
}

/// How what has no policy of its own is asked for.
async fn terms(cx: &Cx, of: &Catalog) -> Result<Option<(String, String, String)>, Failure> {
    let Some(terms) = of.rules.terms else {
        return Ok(None);
    };
    let policy = policies::current(&mut cx.read().await?, terms.policy).await?;
    let more = terms
        .max_duration
        .map(|max| format!(", for at most {}", words(max)));
    let mut more = more.unwrap_or_default();
    let lasts = |it: &PolicyVersion| it.body.may_last_until_revoked();
    if terms.until_revoked && policy.as_ref().is_some_and(lasts) {
        more.push_str(", or until revoked");
    }
    Ok(policy.map(|policy| (format!("/policies/{}", terms.policy), policy.name, more)))
}

/// What the list can be narrowed to: what has no policy, and each policy by name, for who may
/// see policies.
async fn choices(cx: &Cx, asked: Option<Under>) -> Result<Vec<(String, String)>, Failure> {
    let mut choices = vec![("none".to_owned(), "No policy".to_owned())];
    if cx.authorize(Verb::ListPolicies, Relation::None).is_ok() {
        let all = policies::all(cx).await?.into_iter();
        choices.extend(all.map(|policy| (policy.id.to_string(), policy.name)));
    } else if let Some(Under::Policy(id)) = asked {
        choices.push((id.to_string(), id.to_string()));
    }
    Ok(choices)
}

/// That some of it cannot be asked for, unless that is what is shown.
fn closed_words(closed: i64, shown: Option<Under>) -> Option<String> {
    match closed {
        _ if shown == Some(Under::None) => None,
        0 => None,
        1 => Some("1 has no policy, so nobody can ask for it yet.".to_owned()),
        n => Some(format!(
            "{n} have no policy, so nobody can ask for them yet."
        )),
    }
}

/// The policies these are asked for under, as they stand.
async fn under(
    cx: &Cx,
    page: &Page<Entry>,
    default: Option<DefaultTerms>,
) -> Result<BTreeMap<PolicyId, PolicyVersion>, Failure> {
    let controls = page.items.iter();
    let controls = controls.filter_map(|entry| entry.access_control.as_ref());
    let asked = controls.map(|control| control.policy);
    let asked = asked.chain(default.map(|terms| terms.policy));
    Ok(policies::currents(&mut cx.read().await?, asked).await?)
}

async fn csv(cx: Cx, of: &Catalog, filter: EntryFilter) -> Result<Response, Failure> {
    let head = [
        "Entitlement",
        "Where",
        "State",
        "Asked for under",
        "At most",
        "Id",
    ];
    let (id, default) = (of.id, of.rules.terms);
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = entries(&cx, id, &filter, &paging).await?;
            let ruled = under(&cx, &page, default).await?;
            Ok(page.map(|entry| {
                let state = match &entry.entitlement {
                    it if it.gone_at.is_some() => "gone from AWS",
                    it if it.owned_by.is_some() => "not offered",
                    _ => "in AWS",
                };
                let id = entry.entitlement.id.to_string();
                let row = entry_row(&ruled, default, "", entry, false);
                let policy = row.policy.map(|(_, name)| name).unwrap_or_default();
                vec![
                    row.name,
                    row.place,
                    state.to_owned(),
                    policy,
                    row.at_most,
                    id,
                ]
            }))
        }
    };
    web::csv("catalog", &head, fetch).await
}

fn entry_row(
    policies: &BTreeMap<PolicyId, PolicyVersion>,
    default: Option<DefaultTerms>,
    path: &str,
    entry: Entry,
    may_change: bool,
) -> view::EntryRow {
    let it = entry.entitlement;
    let mut policy = None;
    let mut at_most = String::new();
    let own = entry.access_control.as_ref();
    let own = own.map(|it| (it.policy, it.max_duration, it.until_revoked));
    let said = own.or(default.map(|it| (it.policy, it.max_duration, it.until_revoked)));
    if let Some((id, max_duration, until_revoked)) = said
        && let Some(version) = policies.get(&id)
    {
        let longest = version.body.longest();
        policy = Some((
            format!("/policies/{id}"),
            match own {
                Some(_) => version.name.clone(),
                None => format!("{} (by the catalog)", version.name),
            },
        ));
        at_most = match max_duration {
            Some(own) if own < longest => {
                format!("{} (the policy: {})", words(own), words(longest))
            }
            _ => words(longest),
        };
        if until_revoked && version.body.may_last_until_revoked() {
            at_most.push_str(", or until revoked");
        }
    }
    view::EntryRow {
        key: format!("remove-{}", it.id),
        change: may_change.then(|| format!("{path}/entitlements/{}", it.id)),
        remove: may_change.then(|| format!("{path}/entitlements/{}/remove", it.id)),
        place: directory::place(&it),
        why_not: why_not(&it),
        name: it.name,
        policy,
        at_most,
    }
}

/// Why nobody is offered it, whatever its policy says.
fn why_not(it: &directory::Entitlement) -> Option<(Chip, String)> {
    if it.gone_at.is_some() {
        let chip = Chip::new(Tone::Idle, "cloud-x", "Gone from AWS");
        return Some((chip, String::new()));
    }
    let owner = it.owned_by.as_deref()?;
    let why = sentence(&directory::owned_words(&it.name, owner));
    Some((Chip::new(Tone::Soon, "ban", "Not offered"), why))
}
