//! The pages of this room: catalogs, what is in them, and how it may be asked for. A policy's
//! own page says where it is used and is here too.

mod entitlements;
mod form;
pub(crate) mod held;
mod policy;
mod show;
pub(crate) mod view;

pub(crate) use entitlements::choose_entitlement;

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{CatalogId, GroupId};

use super::{Catalog, Filter};
use crate::cx::Cx;
use crate::http::{Failure, Paging, Query, Routes};
use crate::identity::Group;
use crate::web::time::words;
use crate::web::{self, Column, Empty, Frame, List, Listing, When};
use crate::{identity, policies};

/// How many rows a page of a list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    let routes = Routes::new().page(Verb::ListCatalogs, Method::GET, "/catalogs", list);
    routes
        .merge(form::routes())
        .merge(show::routes())
        .merge(held::routes())
        .merge(entitlements::routes())
        .merge(policy::routes())
}

/// The page of a catalog.
fn href(id: CatalogId) -> String {
    format!("/catalogs/{id}")
}

/// The headings of the list.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("Catalog", "name"),
    Column::plain("Who sees it"),
    Column::plain("Entitlements").number(),
    Column::newest("Since", "created"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    cx.authorize(Verb::ListCatalogs, Relation::None)?;
    let sort = asked.sort_or("name");
    let filter = Filter {
        q: asked.words().to_owned(),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = [
            "Catalog",
            "Description",
            "Who sees it",
            "Entitlements",
            "Created",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list(&cx, &filter, &paging).await?;
                let groups = groups(&cx, &page.items).await?;
                Ok(page.map(|it| {
                    let seen_by = audience(&groups, &it);
                    let (count, since) = (it.entitlements.to_string(), it.created_at.to_string());
                    vec![it.name, it.description, seen_by, count, since]
                }))
            }
        };
        return web::csv("catalogs", &head, fetch).await;
    }
    let page = super::list(&cx, &filter, &asked.paging(ROWS)).await?;
    let may_add = cx.authorize(Verb::CreateCatalog, Relation::None).is_ok();
    let empty = Empty::new(
        "books",
        "No catalog yet",
        "A catalog offers entitlements to the groups that see it. What is in no catalog cannot be asked for by anybody.",
    );
    let empty = if may_add {
        empty.leading_to("/catalogs/new", "New catalog")
    } else {
        empty
    };
    let list = List::new("/catalogs", &asked, COLUMNS, empty)
        .search("Name of the catalog")
        .sorted(&sort)
        .answered(&page);
    let groups = groups(&cx, &page.items).await?;
    let mut rows = Vec::with_capacity(page.items.len());
    for catalog in page.items {
        rows.push(view::CatalogRow {
            href: href(catalog.id),
            audience: audience(&groups, &catalog),
            since: When::both(catalog.created_at, cx.now),
            entitlements: catalog.entitlements,
            by_rule: !catalog.rules.contents.is_empty(),
            name: catalog.name,
            description: catalog.description,
        });
    }
    let view = view::Catalogs {
        list,
        rows,
        may_add,
    };
    Ok(web::page(&frame, "Catalogs", &view))
}

/// The groups that see one of these catalogs.
async fn groups(cx: &Cx, catalogs: &[Catalog]) -> Result<BTreeMap<GroupId, Group>, Failure> {
    let all: BTreeSet<GroupId> = (catalogs.iter())
        .flat_map(|it| it.audience.iter().copied())
        .collect();
    Ok(identity::groups_by_id(&mut cx.read().await?, all).await?)
}

/// The names of the groups that see it.
fn audience(groups: &BTreeMap<GroupId, Group>, catalog: &Catalog) -> String {
    let names: Vec<&str> = (catalog.audience.iter())
        .filter_map(|id| groups.get(id).map(|group| group.name.as_str()))
        .collect();
    let by_condition =
        (catalog.rules.audience_when.as_ref()).map(|_| "whoever a condition is true of");
    let all: Vec<&str> = names.into_iter().chain(by_condition).collect();
    all.join(", ")
}

/// Every policy by name, as choices, those for emergencies or the others; `none` is the word for
/// no policy.
async fn policy_choices(
    cx: &Cx,
    none: &str,
    emergency: bool,
) -> Result<Vec<crate::web::fields::Choice>, policies::Error> {
    let mut choices = vec![crate::web::fields::Choice::new("", none)];
    let all = policies::all(cx).await?.into_iter();
    let all = all.filter(|policy| policy.latest.body.emergency.is_some() == emergency);
    choices.extend(all.map(|policy| {
        let longest = words(policy.latest.body.max_duration);
        let word = format!("{} (at most {longest})", policy.name);
        crate::web::fields::Choice::new(policy.id.to_string(), word)
    }));
    Ok(choices)
}
