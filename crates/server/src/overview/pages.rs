//! The home page: what this person holds, what they asked for, what waits for them.

pub(crate) mod audit_view;
pub(crate) mod explore_view;
mod user;
pub(crate) mod view;

use std::collections::BTreeMap;

use axum::response::Response;
use http::Method;
use stint_domain::RequestId;
use stint_domain::grant::GrantState;
use stint_domain::rights::{Relation, Verb};

use crate::cx::Cx;
use crate::grants::{self, Grant, Origin};
use crate::http::{Failure, Paging, Routes};
use crate::requests::{self, AskOnce, Line};
use crate::web::time::relative;
use crate::web::{self, Empty, Frame, TimeLeft};
use crate::{connections, directory};

/// How many of one's latest requests are looked at, and how many are shown.
const LATEST: i64 = 50;
const SHOWN: usize = 5;
/// Seconds between two looks while something is in motion, and while nothing is.
const MOVING: u32 = 2;
const RESTING: u32 = 30;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::Home, Method::GET, "/", home)
        .page(Verb::ListAudit, Method::GET, "/audit", super::audit::list)
        .page(
            Verb::ListAssignments,
            Method::GET,
            "/explore",
            super::explore::explore,
        )
        .page(
            Verb::ListAssignments,
            Method::GET,
            "/explore/history",
            super::explore::history,
        )
        .merge(user::routes())
}

async fn home(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::Home, Relation::None)?;
    let person = cx.person()?;
    let mine = requests::mine(&cx, &requests::Filter::default(), &Paging::first(LATEST))
        .await?
        .items;
    let grants = grants::mine_now(&cx).await?;
    let inbox = requests::inbox(&cx, &Paging::first(LATEST)).await?.items;
    let of: BTreeMap<RequestId, &Line> = mine.iter().map(|line| (line.request.id, line)).collect();
    let moving = grants.iter().any(|grant| {
        matches!(
            grant.status(cx.now),
            GrantState::Provisioning | GrantState::Ending
        )
    });
    let waiting = mine.iter().any(|line| line.request.state() == "pending");
    let held = held(&cx, &grants, &of).await?;
    let latest = mine.get(..SHOWN.min(mine.len())).unwrap_or_default();
    let view = view::Home {
        first_name: person
            .name
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned(),
        poll: if moving {
            Some(MOVING)
        } else {
            (waiting || !held.is_empty()).then_some(RESTING)
        },
        held,
        nothing_held: Empty::new(
            "clock",
            "You hold no access through Stint",
            "When you need some, search for it above. It ends by itself.",
        ),
        reviews: requests::waiting_reviews(requests::to_close(&cx).await?),
        answers: requests::answers_waiting(requests::waiting_answers(&cx).await?),
        requests: requests::request_rows(&cx, latest, false).await?,
        nothing_asked: Empty::new(
            "key",
            "You have asked for nothing yet",
            "What you ask for shows here.",
        ),
        inbox_count: u64::try_from(inbox.len()).unwrap_or(0),
        inbox: inbox
            .iter()
            .take(SHOWN)
            .map(|line| waiting_row(line, &cx))
            .collect(),
        nothing_waits: Empty::new(
            "checks",
            "Nothing waits for you",
            "Requests you may decide about show here.",
        ),
    };
    Ok(web::page(&frame, "Home", &view))
}

async fn held(
    cx: &Cx,
    grants: &[Grant],
    of: &BTreeMap<RequestId, &Line>,
) -> Result<Vec<view::Held>, Failure> {
    let mut q = cx.read().await?;
    let names = grants::Names::of(&mut q, grants).await?;
    let extensions = requests::extensions(cx, &mut q, grants).await?;
    let estates = grants.iter().map(|grant| grant.pair.connection);
    let estates = connections::connections_by_id(&mut q, estates).await?;
    let mut rows = Vec::with_capacity(grants.len());
    for grant in grants {
        let Some(entitlement) = names.entitlement(grant) else {
            continue;
        };
        let group = names.group(grant).map(directory::called);
        let Origin::Request(request) = grant.origin;
        let reason = of
            .get(&request)
            .map(|line| line.request.reason.as_str())
            .unwrap_or_default();
        let active = grant.status(cx.now) == GrantState::Active;
        let console = (estates.get(&grant.pair.connection))
            .filter(|_| active && group.is_none() && !cx.app.config.demo)
            .and_then(|connection| directory::console(entitlement, connection));
        let open = grant.is_open() && !grant.window.is_over(cx.now);
        rows.push(view::Held {
            key: format!("held-{}", grant.id),
            place: directory::place(entitlement),
            origin: match (&group, reason) {
                (None, "") => String::new(),
                (None, reason) => format!("“{reason}”"),
                (Some(group), "") => format!("for {group}"),
                (Some(group), reason) => format!("for {group} · “{reason}”"),
            },
            href: Some(format!("/requests/{request}")),
            chip: grants::chip(grant, cx.now),
            left: grants::time_left(grant, cx.now).unwrap_or_else(TimeLeft::over),
            console,
            extend: (extensions.possible.contains(&grant.id))
                .then(|| format!("/grants/{}/extend", grant.id)),
            give_back: open.then(|| AskOnce {
                action: format!("/requests/{request}/return"),
                says: format!(
                    "Stint takes {} away from {} in AWS now. Sessions that are open already last until their own end.",
                    entitlement.name,
                    group.as_deref().unwrap_or("you")
                ),
            }),
            what: entitlement.name.clone(),
        });
    }
    Ok(rows)
}

fn waiting_row(line: &Line, cx: &Cx) -> view::Waiting {
    let (who, what) = (&line.requester.name, &line.entitlement.name);
    view::Waiting {
        href: format!("/requests/{}", line.request.id),
        what: match &line.group {
            Some(group) => format!("{who} asks for {what} for the {}", directory::called(group)),
            None => format!("{who} asks for {what}"),
        },
        line: format!(
            "{}, {}",
            line.request.how_long(),
            relative(line.request.submitted_at(), cx.now)
        ),
    }
}
