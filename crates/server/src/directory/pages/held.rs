//! A sync that stopped: what it found gone, and what a person says about it.

use axum::response::Response;
use http::Method;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, SyncId};

use super::super::{Assignment, accept_sync, endings_of, set_aside_sync, sync_run};
use super::{ROWS, place, run_chip, view};
use crate::connections;
use crate::cx::Cx;
use crate::http::{Failure, Paging, Path, Query, Routes};
use crate::web::time::grouped;
use crate::web::{self, Column, Empty, Flash, Frame, List, Listing, When};

pub(super) fn routes() -> Routes {
    const PAGE: &str = "/connections/{id}/syncs/{run}";
    Routes::new()
        .page(Verb::ListAssignments, Method::GET, PAGE, show)
        .page(
            Verb::DecideSync,
            Method::POST,
            "/connections/{id}/syncs/{run}/accept",
            accept,
        )
        .page(
            Verb::DecideSync,
            Method::POST,
            "/connections/{id}/syncs/{run}/set-aside",
            set_aside,
        )
}

/// The headings of what it found gone.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("Who"),
    Column::plain("Held"),
    Column::plain("Since"),
    Column::plain("Last seen"),
];

async fn show(
    cx: Cx,
    frame: Frame,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    if asked.csv() {
        let head = ["Who", "AWS id", "Held", "Where", "Since", "Last seen"];
        let fetch = move |paging: Paging| {
            let cx = cx.clone();
            async move {
                let page = endings_of(&cx, id, which, &paging).await?;
                Ok(page.map(|it: Assignment| {
                    vec![
                        it.principal.name,
                        it.principal.aws_id,
                        place(&it.entitlement),
                        it.entitlement.name,
                        it.first_seen.to_string(),
                        it.last_seen.to_string(),
                    ]
                }))
            }
        };
        return web::csv("gone", &head, fetch).await;
    }
    let page = endings_of(&cx, id, which, &asked.paging(ROWS)).await?;
    let run = sync_run(&cx, id, which).await?;
    let found = connections::get(&cx, id).await?;
    let path = format!("/connections/{id}/syncs/{which}");
    let held = run.state == "held" && found.removed_at.is_none();
    let may = held && cx.authorize(Verb::DecideSync, Relation::Others).is_ok();
    let nothing = Empty::new(
        "circle-check",
        "Nothing waits here",
        "What this sync found gone was written down or set aside.",
    );
    let view = view::HeldSync {
        list: List::new(&path, &asked, COLUMNS, nothing).answered(&page),
        rows: page
            .items
            .into_iter()
            .map(|it| view::EndingRow {
                who_href: format!("/explore?principal={}", it.principal.id),
                who: it.principal.name,
                what_href: format!("/explore?entitlement={}", it.entitlement.id),
                place: place(&it.entitlement),
                what: it.entitlement.name,
                since: When::both(it.first_seen, cx.now),
                seen: When::both(it.last_seen, cx.now),
            })
            .collect(),
        chip: run_chip(&run.state),
        began: When::relative(run.started_at, cx.now),
        why: run.error.filter(|_| held),
        count: grouped(run.ended),
        accept: may.then(|| format!("{path}/accept")),
        set_aside: may.then(|| format!("{path}/set-aside")),
        connection: found.name,
        href: format!("/connections/{id}"),
    };
    Ok(web::page(&frame, "What a sync found gone", &view))
}

async fn accept(
    cx: Cx,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
) -> Result<Response, Failure> {
    let done = accept_sync(&cx, id, which).await;
    answer(
        id,
        done,
        "Accepted: it is being written down. Nothing changes in AWS, and what was seen again meanwhile stays.",
    )
}

async fn set_aside(
    cx: Cx,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
) -> Result<Response, Failure> {
    let done = set_aside_sync(&cx, id, which).await;
    answer(
        id,
        done,
        "Set aside. Nothing has ended; the next sync looks again.",
    )
}

/// Back to the connection. That somebody else was quicker is no error of this person's.
fn answer(
    id: ConnectionId,
    done: Result<super::SyncRun, super::Error>,
    words: &str,
) -> Result<Response, Failure> {
    use crate::http::Fault as _;
    let flash = match done {
        Ok(_) => Flash::done(words),
        Err(error @ (super::Error::NotHeld { .. } | super::Error::Running { .. })) => {
            Flash::warning(error.detail())
        }
        Err(error) => return Err(error.into()),
    };
    Ok(web::go_with(&format!("/connections/{id}"), &flash))
}
