//! Links between users and principals: proposed, confirmed and rejected ones, as a list.

use std::collections::BTreeMap;

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{LinkId, UserId};

use super::super::{Error, Link, LinkFilter, confirm_link, reject_link};
use super::{ROWS, view};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Paging, Path, Query, Routes};
use crate::web::time::day;
use crate::web::{self, Chip, Column, Copyable, Empty, Filter, Flash, Frame, List, Listing, Tone};
use crate::{connections, identity};

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListLinks, Method::GET, "/people/links", list)
        .page(
            Verb::ConfirmLink,
            Method::POST,
            "/people/links/{id}/confirm",
            confirm,
        )
        .page(
            Verb::RemoveLink,
            Method::POST,
            "/people/links/{id}/reject",
            reject,
        )
}

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("User"),
    Column::by("Principal in AWS", "principal"),
    Column::newest("Proposed", "created"),
    Column::plain("State"),
    Column::quiet("What to do"),
];

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    // Rights before the words: who may not list learns nothing from a better word.
    cx.authorize(Verb::ListLinks, Relation::None)?;
    let state = match asked.show.as_str() {
        "confirmed" => "confirmed",
        "rejected" => "rejected",
        _ => "proposed",
    };
    let sort = asked.sort_or("created");
    let filter = LinkFilter {
        q: asked.words().to_owned(),
        state: Some(state.to_owned()),
        user: None,
        connection: asked.id("connection")?,
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        return csv(cx, filter).await;
    }
    let page = super::super::links(&cx, &filter, &asked.paging(ROWS)).await?;
    let empty = match state {
        "confirmed" => Empty::new(
            "link",
            "No link is confirmed",
            "Confirm a proposed one: without it that person can ask for nothing in AWS.",
        ),
        "rejected" => Empty::new(
            "link",
            "No link was rejected",
            "Rejected and removed links stay here.",
        ),
        _ => Empty::new(
            "checks",
            "No link waits for you",
            "After each sync, a user and a principal with the same e-mail address are proposed here. Others are proposed by hand.",
        ),
    };
    let mut list = List::new("/people/links", &asked, COLUMNS, empty)
        .search("Name or address of the principal");
    let mut estates = Vec::new();
    // Who may not list connections is told no more of their names than the rows say.
    if cx.authorize(Verb::ListConnections, Relation::None).is_ok() {
        let mut q = cx.read().await.map_err(Error::from)?;
        estates = connections::connections(&mut q)
            .await
            .map_err(Error::from)?;
    }
    if estates.len() > 1 {
        let names = estates
            .iter()
            .map(|it| (it.id.to_string(), it.name.clone()));
        list = list.filter(Filter::choice(
            "connection",
            "Connection",
            "All connections",
            names,
        ));
    }
    let view = view::Links {
        may_propose: cx.authorize(Verb::ProposeLink, Relation::None).is_ok(),
        tabs: identity::people_tabs(&cx, "/people/links"),
        shown: shown(state),
        list: list.sorted(&sort).answered(&page),
        rows: link_rows(&cx, page.items).await?,
    };
    Ok(web::page(&frame, "Links", &view))
}

async fn csv(cx: Cx, filter: LinkFilter) -> Result<Response, Failure> {
    let head = [
        "User",
        "E-mail",
        "Principal",
        "Principal id",
        "Connection",
        "Proposed",
        "State",
        "What is known",
    ];
    let fetch = move |paging: Paging| {
        let (cx, filter) = (cx.clone(), filter.clone());
        async move {
            let page = super::super::links(&cx, &filter, &paging).await?;
            let lines = link_rows(&cx, page.items).await?.into_iter().map(|row| {
                let state = row.chip.word().to_owned();
                let id = row.principal_id.text().to_owned();
                vec![
                    row.who,
                    row.email,
                    row.principal,
                    id,
                    row.connection,
                    row.proposed,
                    state,
                    row.line,
                ]
            });
            Ok(stint_api::Page {
                items: lines.collect(),
                next: page.next,
            })
        }
    };
    web::csv("links", &head, fetch).await
}

/// The three states of links, as a second row of tabs.
fn shown(state: &str) -> web::Tabs {
    let tab = |word: &'static str, value: &str| web::Tab {
        href: if value == "proposed" {
            "/people/links".to_owned()
        } else {
            format!("/people/links?show={value}")
        },
        word,
        count: None,
        current: state == value,
    };
    web::Tabs {
        label: "State of the link",
        tabs: vec![
            tab("Proposed", "proposed"),
            tab("Confirmed", "confirmed"),
            tab("Rejected", "rejected"),
        ],
    }
}

/// Links as rows, with what may be done to each.
pub(crate) async fn link_rows(cx: &Cx, found: Vec<Link>) -> Result<Vec<view::LinkRow>, Error> {
    let mut q = cx.read().await?;
    let mut ids: Vec<UserId> = found.iter().map(|link| link.user).collect();
    ids.extend(
        found
            .iter()
            .filter_map(|link| link.decided_by.or(link.proposed_by)),
    );
    ids.sort_unstable();
    ids.dedup();
    let people = identity::users(&mut q, &ids).await?;
    let people: BTreeMap<UserId, _> = people.into_iter().map(|user| (user.id, user)).collect();
    let estates =
        connections::connections_by_id(&mut q, found.iter().map(|link| link.connection)).await?;
    let principals =
        super::super::principals_by_id(&mut q, found.iter().map(|link| link.principal)).await?;
    let mut rows = Vec::with_capacity(found.len());
    for link in found {
        let principal = principals.get(&link.principal);
        let name = |id: Option<UserId>| {
            id.and_then(|id| people.get(&id))
                .map_or("Stint", |user| user.name.as_str())
        };
        let user = people.get(&link.user);
        let who = user
            .map(|user| user.name.clone())
            .unwrap_or_else(|| link.user.to_string());
        let may = |verb| cx.authorize(verb, Relation::Others).is_ok();
        let decided = link
            .decided_at
            .map(|at| format!("by {}, {}", name(link.decided_by), day(at)));
        let (principal, aws_id) = principal.map_or_else(
            || ("no longer known".to_owned(), String::new()),
            |found| (found.name.clone(), found.aws_id.clone()),
        );
        let estate = (estates.get(&link.connection)).map_or_else(String::new, |it| it.name.clone());
        let remove = (link.state != "rejected" && may(Verb::RemoveLink)).then(|| view::RemoveLink {
            action: format!("/people/links/{}/reject", link.id),
            word: if link.state == "proposed" { "Reject" } else { "Remove" },
            says: format!(
                "{principal} in {estate} is then no longer taken for {who}, who cannot ask for access there until another link is confirmed. Access they hold now stays until it ends or is revoked; nothing changes in AWS."
            ),
        });
        rows.push(view::LinkRow {
            key: format!("link-{}", link.id),
            proposed: day(link.proposed_at),
            email: user.map(|user| user.email.clone()).unwrap_or_default(),
            principal_id: Copyable::new(aws_id, "the principal's id"),
            chip: match link.state.as_str() {
                "confirmed" if link.primary => Chip::new(Tone::Live, "link", "Confirmed"),
                "confirmed" => Chip::new(Tone::Live, "link", "Confirmed, not primary"),
                "rejected" => Chip::new(Tone::Idle, "ban", "Rejected"),
                _ => Chip::new(Tone::Wait, "hourglass", "Proposed"),
            },
            line: decided.unwrap_or_else(|| {
                format!(
                    "{}; by {}, {}",
                    link.why,
                    name(link.proposed_by),
                    day(link.proposed_at)
                )
            }),
            confirm: (link.state == "proposed" && may(Verb::ConfirmLink))
                .then(|| format!("/people/links/{}/confirm", link.id)),
            primary: (link.state == "confirmed" && !link.primary && may(Verb::ConfirmLink))
                .then(|| format!("/people/links/{}/primary", link.id)),
            again: (link.state == "rejected"
                && cx.authorize(Verb::ProposeLink, Relation::None).is_ok())
            .then(|| format!("/people/links/new?user={}", link.user)),
            connection: estate,
            principal,
            remove,
            who,
        });
    }
    Ok(rows)
}

async fn confirm(cx: Cx, Path(id): Path<LinkId>) -> Result<Response, Failure> {
    let done = confirm_link(&cx, id).await;
    said(
        done,
        "Confirmed. Requests of this person are for this principal now.",
    )
}

async fn reject(cx: Cx, Path(id): Path<LinkId>) -> Result<Response, Failure> {
    let done = reject_link(&cx, id).await;
    said(done, "The link is severed. Nothing was changed in AWS.")
}

/// Back to the links, with what was done or why it was not.
pub(super) fn said(done: Result<Link, Error>, words: &str) -> Result<Response, Failure> {
    let flash = match done {
        Ok(_) => Flash::done(words),
        Err(error @ (Error::LinkState { .. } | Error::Taken)) => Flash::failed(error.detail()),
        Err(error) => return Err(error.into()),
    };
    Ok(web::go_with("/people/links", &flash))
}
