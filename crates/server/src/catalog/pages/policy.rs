//! A policy's own page: what it says, where it is used, its versions and what each changed.

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{PolicyId, Span, UserId};

use super::super::{Entry, EntryFilter};
use super::view;
use crate::cx::Cx;
use crate::http::{Failure, Paging, Path, Query, Routes};
use crate::policies::{self, PolicyVersion, rule_words};
use crate::web::time::words;
use crate::web::{self, Column, Copyable, Empty, Frame, List, Listing, When};
use crate::{directory, identity};

/// How many versions a page shows, and how many entitlements stand beside them.
const VERSIONS: i64 = 10;
const USED: i64 = 10;
/// How many rows the whole list of entitlements has.
const ROWS: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::GetPolicy, Method::GET, "/policies/{id}", show)
        .page(
            Verb::GetPolicy,
            Method::GET,
            "/policies/{id}/entitlements",
            used,
        )
}

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<PolicyId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let policy = policies::get(&cx, id).await?;
    let path = format!("/policies/{id}");
    let page = policies::versions(&cx, id, &asked.paging(VERSIONS)).await?;
    // The version before the last one shown is what that one is compared with.
    let before = match (&page.next, page.items.last()) {
        (Some(next), Some(_)) => {
            let paging = Paging::after_cursor(1, Some(next.clone()));
            policies::versions(&cx, id, &paging).await?.items
        }
        _ => Vec::new(),
    };
    let all: Vec<&PolicyVersion> = page.items.iter().chain(&before).collect();
    let mut q = cx.read().await?;
    let bodies = all.iter().map(|version| &version.body);
    let names = rule_words::Names::of(&mut q, bodies).await?;
    let authors: Vec<UserId> = all
        .iter()
        .filter_map(|version| version.created_by)
        .collect();
    let authors = identity::users(&mut q, &authors).await?;
    drop(q);
    let rules = |version: &PolicyVersion| rule_words::rules(&version.body, &names);
    let versions = page.items.iter().enumerate().map(|(at, version)| {
        let author = version.created_by;
        let author = authors.iter().find(|user| Some(user.id) == author);
        view::VersionRow {
            number: version.number,
            by: author.map_or_else(|| "Stint".to_owned(), |user| user.name.clone()),
            written: When::both(version.created_at, cx.now),
            note: version.note.clone(),
            changes: all
                .get(at + 1)
                .map(|before| rule_words::changes(&rules(before), &rules(version))),
            rules: rules(version),
        }
    });
    let versions = versions.collect();
    let found =
        super::super::under_policy(&cx, id, &EntryFilter::default(), &Paging::first(USED)).await?;
    let latest = rule_words::Names::of(&mut cx.read().await?, [&policy.latest.body]).await?;
    let may_change = cx
        .authorize(Verb::NewPolicyVersion, Relation::Others)
        .is_ok();
    let view = view::ShowPolicy {
        id: Copyable::new(id.to_string(), "the policy's id"),
        number: policy.latest.number,
        rules: rule_words::rules(&policy.latest.body, &latest),
        used: found.items.into_iter().map(used_row).collect(),
        count: super::super::count_under_policy(&cx, id).await?,
        unused: unused(),
        catalogs: (super::super::defaulting_to(&cx, id).await?.into_iter())
            .map(|it| (super::href(it.id), it.name))
            .collect(),
        versions,
        pager: asked.pager(&path, page.next.as_deref()),
        may_change,
        try_it: (cx.authorize(Verb::DryRun, Relation::Others).is_ok())
            .then(|| format!("/policies/try?policy={id}")),
        name: policy.name,
        path,
    };
    Ok(web::page(&frame, &view.name, &view))
}

/// The headings of where it is used.
pub(crate) const USED_COLUMNS: &[Column] = &[
    Column::by("Entitlement", "name"),
    Column::plain("Limit of its own"),
];

async fn used(
    cx: Cx,
    frame: Frame,
    Path(id): Path<PolicyId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let policy = policies::get(&cx, id).await?;
    let sort = asked.sort_or("name");
    let filter = EntryFilter {
        q: asked.words().to_owned(),
        under: None,
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = ["Entitlement", "Where", "Limit of its own"];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::super::under_policy(&cx, id, &filter, &paging).await?;
                Ok(page.map(|entry| {
                    let row = used_row(entry);
                    vec![row.name, row.place, row.own]
                }))
            }
        };
        return web::csv("policy", &head, fetch).await;
    }
    let page = super::super::under_policy(&cx, id, &filter, &asked.paging(ROWS)).await?;
    let path = format!("/policies/{id}");
    let place = format!("{path}/entitlements");
    let view = view::Used {
        list: List::new(&place, &asked, USED_COLUMNS, unused())
            .search("Names of permission sets, accounts and groups")
            .sorted(&sort)
            .answered(&page),
        rows: page.items.into_iter().map(used_row).collect(),
        name: policy.name,
        path,
    };
    Ok(web::page(&frame, "Where the policy is used", &view))
}

fn used_row(entry: Entry) -> view::UsedRow {
    let own: Option<Span> = entry
        .access_control
        .and_then(|control| control.max_duration);
    view::UsedRow {
        place: directory::place(&entry.entitlement),
        name: entry.entitlement.name,
        own: own.map(words).unwrap_or_default(),
    }
}

fn unused() -> Empty {
    Empty::new(
        "key",
        "Not used yet",
        "Nothing is asked for under this policy. Choose it for the entitlements of a catalog.",
    )
    .leading_to("/catalogs", "Catalogs")
}
