//! The pages of this room: everybody's grants, for administrators; trying again, revoking.

pub(crate) mod view;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::grant::GrantState;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, GrantId, Time};

use super::{Error, Grant, Names, Origin, Remaining, Show};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Page, Paging, Path, Query, Routes};
use crate::web::{self, Chip, Column, Empty, Flash, Frame, List, Listing, Tab, Tabs, When};
use crate::{connections, directory};

pub(crate) use view::Revoke;
pub(crate) use words::{chip, time_left, told};

/// How many rows a page of the list has.
const ROWS: i64 = 50;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .page(Verb::ListGrants, Method::GET, "/grants", list)
        .page(
            Verb::RevokeGrant,
            Method::POST,
            "/grants/{id}/revoke",
            revoke,
        )
        .page(Verb::CutOff, Method::POST, "/grants/{id}/cut-off", cut_off)
        .page(Verb::RetryGrant, Method::POST, "/grants/{id}/retry", retry)
        .page(
            Verb::ProvisionAgain,
            Method::POST,
            "/grants/{id}/provision-again",
            provision_again,
        )
}

/// The views of the list: word in the address, word on the tab, what it lists, and what
/// an empty one means.
const VIEWS: [(&str, Show, &str, &str, &str); 6] = [
    (
        "live",
        Show::Live,
        "Live",
        "Access that is in force, on its way into AWS, or being removed.",
        "Nobody holds access through Stint now",
    ),
    (
        "soon",
        Show::Soon,
        "Ending soon",
        "Access that ends within the hour.",
        "Nothing ends within the hour",
    ),
    (
        "stuck",
        Show::Stuck,
        "Stuck",
        "Access whose time is over and that AWS refuses to remove. Stint keeps trying, slowly; mend what AWS names, then try again at once.",
        "Nothing is stuck",
    ),
    (
        "failed",
        Show::Failed,
        "Failed",
        "Access that was approved and never given, with the reason.",
        "Nothing has failed",
    ),
    (
        "ended",
        Show::Ended,
        "Ended",
        "Access that is over. That nothing of it remains was read back from AWS.",
        "Nothing has ended yet",
    ),
    (
        "emergency",
        Show::Emergency,
        "Emergency",
        "Access that was asked for in an emergency, whatever became of it.",
        "No emergency access was given",
    ),
];

/// The headings.
pub(crate) const COLUMNS: &[Column] = &[
    Column::plain("Access"),
    Column::plain("Who"),
    Column::plain("State"),
    Column::plain("Time"),
    Column::quiet("Actions"),
];

/// Every grant of a view as CSV.
async fn csv(cx: Cx, show: Show, word: &'static str) -> Result<Response, Failure> {
    let head = [
        "User",
        "E-mail",
        "Access",
        "Where",
        "State",
        "Why",
        "Opened",
        "Confirmed",
        "Ends",
        "Ended",
        "Request",
        "Grant",
    ];
    let fetch = move |paging: Paging| {
        let cx = cx.clone();
        async move {
            let page = super::list(&cx, show, &paging).await?;
            let next = page.next.clone();
            let grants = page.items.clone();
            let rows = rows(&cx, page.items).await?;
            let lines = grants.iter().zip(rows).map(|(grant, row)| line(grant, row));
            Ok(Page {
                items: lines.collect(),
                next,
            })
        }
    };
    web::csv(&format!("grants-{word}"), &head, fetch).await
}

fn line(grant: &Grant, row: view::GrantRow) -> Vec<String> {
    let text = |at: Option<Time>| at.map(|at| at.to_string()).unwrap_or_default();
    let Origin::Request(request) = grant.origin;
    vec![
        row.who,
        row.email,
        row.what,
        row.place,
        row.chip.word().to_owned(),
        row.why,
        text(Some(grant.opened_at)),
        text(grant.window.confirmed_at),
        words::ends(grant),
        text(grant.window.ended.as_ref().map(|ended| ended.at)),
        request.to_string(),
        grant.id.to_string(),
    ]
}

/// Who answers for the connections of what is stuck.
async fn owners(cx: &Cx, grants: &[Grant]) -> Result<BTreeMap<ConnectionId, String>, Failure> {
    let stuck = grants
        .iter()
        .filter(|it| it.status(cx.now) == GrantState::Stuck);
    let ids: BTreeSet<ConnectionId> = stuck.map(|it| it.pair.connection).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let owners = connections::owners(cx, ids).await?;
    let named = owners.into_iter().map(|(id, owners)| {
        let names: Vec<String> = owners.into_iter().map(|owner| owner.name).collect();
        (id, names.join(", "))
    });
    Ok(named.collect())
}

async fn list(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let found = VIEWS.iter().find(|(word, ..)| *word == asked.show);
    let (word, show, _, lead, nothing) = *found.unwrap_or(&VIEWS[0]);
    if asked.csv() {
        return csv(cx, show, word).await;
    }
    let page = super::list(&cx, show, &asked.paging(ROWS)).await?;
    let stuck = super::count_stuck(&mut cx.read().await?, cx.now).await?;
    let stuck = u64::try_from(stuck).unwrap_or(0);
    let nothing = Empty::new(
        if matches!(show, Show::Live | Show::Soon) {
            "clock"
        } else {
            "circle-check"
        },
        nothing,
        lead,
    );
    let list = List::new("/grants", &asked, COLUMNS, nothing).answered(&page);
    let owners = owners(&cx, &page.items).await?;
    let answers: Vec<Option<ConnectionId>> = (page.items.iter())
        .map(|g| (g.status(cx.now) == GrantState::Stuck).then_some(g.pair.connection))
        .collect();
    let mut rows = rows(&cx, page.items).await?;
    for (row, connection) in rows.iter_mut().zip(answers) {
        if let Some(names) = connection.and_then(|id| owners.get(&id)) {
            row.why.push_str(match names.as_str() {
                "" => ". Nobody is named as owner of the connection",
                _ => ". Owners of the connection: ",
            });
            row.why.push_str(names);
        }
    }
    let tab = |(value, _, title, ..): &(&str, Show, &'static str, &str, &str)| Tab {
        href: match *value {
            "live" => "/grants".to_owned(),
            value => format!("/grants?show={value}"),
        },
        word: title,
        count: (*value == "stuck" && stuck > 0).then_some(stuck),
        current: *value == word,
    };
    let view = view::Grants {
        tabs: Tabs {
            label: "Grants",
            tabs: VIEWS.iter().map(tab).collect(),
        },
        lead,
        list,
        rows,
    };
    Ok(web::page(&frame, "Grants", &view))
}

async fn rows(cx: &Cx, found: Vec<Grant>) -> Result<Vec<view::GrantRow>, Error> {
    let mut q = cx.read().await?;
    let names = Names::of(&mut q, &found).await?;
    let may = |verb| cx.authorize(verb, Relation::Others).is_ok();
    let (may_revoke, may_retry) = (may(Verb::RevokeGrant), may(Verb::RetryGrant));
    let may_again = may(Verb::ProvisionAgain);
    let mut rows = Vec::with_capacity(found.len());
    for grant in found {
        let group = names.group(&grant).map(directory::called);
        let principal =
            (names.principal(&grant)).map_or_else(|| "the principal".to_owned(), directory::called);
        let (what, place) = names.entitlement(&grant).map_or_else(
            || (grant.pair.entitlement.to_string(), String::new()),
            |found| (found.name.clone(), directory::place(found)),
        );
        let state = grant.status(cx.now);
        let user = names.user(&grant);
        let Origin::Request(request) = grant.origin;
        rows.push(view::GrantRow {
            key: format!("grant-{}", grant.id),
            href: Some(format!("/requests/{request}")),
            who: user.map_or_else(|| grant.user.to_string(), |user| user.name.clone()),
            email: user.map(|user| user.email.clone()).unwrap_or_default(),
            group,
            chip: chip(&grant, cx.now),
            emergency: grant.emergency.then(Chip::emergency),
            why: words::why(&grant, cx.now),
            left: time_left(&grant, cx.now),
            at: time_left(&grant, cx.now)
                .is_none()
                .then(|| {
                    grant
                        .window
                        .ended
                        .as_ref()
                        .map(|ended| ended.at)
                        .or(grant.end())
                })
                .flatten()
                .map(|at| When::both(at, cx.now)),
            retry: (state == GrantState::Stuck && may_retry)
                .then(|| format!("/grants/{}/retry", grant.id)),
            again: (state == GrantState::Interrupted && may_again)
                .then(|| format!("/grants/{}/provision-again", grant.id)),
            revoke: (grant.is_open() && !grant.window.is_over(cx.now) && may_revoke)
                .then(|| revoke_form(cx, &grant, &what, &principal, "/grants")),
            what,
            place,
        });
    }
    Ok(rows)
}

/// The form that ends a grant; `back` is where it returns to.
pub(crate) fn revoke_form(
    cx: &Cx,
    grant: &Grant,
    what: &str,
    principal: &str,
    back: &str,
) -> view::Revoke {
    let may_cut_off = cx.authorize(Verb::CutOff, Relation::Others).is_ok();
    view::Revoke {
        action: format!("/grants/{}/revoke", grant.id),
        back: back.to_owned(),
        says: format!(
            "Stint takes {what} away from {principal} in AWS now, unless another grant or standing access holds it. Sessions that are open already last until their own end."
        ),
        cut_off: may_cut_off.then(|| format!("/grants/{}/cut-off", grant.id)),
    }
}

#[derive(Debug, Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    back: String,
}

async fn revoke(
    cx: Cx,
    Path(id): Path<GrantId>,
    Form(form): Form<Reason>,
) -> Result<Response, Failure> {
    let done = super::revoke(&cx, id, &form.reason).await;
    let done = done.map(|(_, left)| Flash::done(format!("Revoked. {}", going_on(&left))));
    said(done, &form.back)
}

async fn cut_off(
    cx: Cx,
    Path(id): Path<GrantId>,
    Form(form): Form<Reason>,
) -> Result<Response, Failure> {
    let done = super::cut_off(&cx, id, &form.reason).await;
    let done = done.map(|(_, left)| {
        Flash::done(format!(
            "Every grant of this access was ended. {}",
            going_on(&left)
        ))
    });
    said(done, &form.back)
}

/// Through what the access goes on, or that it is being removed.
fn going_on(left: &Remaining) -> String {
    let mut through = Vec::new();
    match left.grants.len() {
        0 => {}
        1 => through.push("another grant".to_owned()),
        n => through.push(format!("{n} other grants")),
    }
    if left.standing {
        through.push("access that stood before and is left alone".to_owned());
    }
    through.extend(
        left.groups
            .iter()
            .map(|name| format!("the Identity Center group {name}")),
    );
    if through.is_empty() {
        "Stint is taking the access away in AWS now.".to_owned()
    } else {
        format!(
            "The access goes on through {}.",
            through.join(", and through ")
        )
    }
}

async fn retry(cx: Cx, Path(id): Path<GrantId>) -> Result<Response, Failure> {
    let done = super::retry(&cx, id).await;
    said(
        done.map(|_| Flash::done("Stint is trying again now.")),
        "/grants?show=stuck",
    )
}

async fn provision_again(cx: Cx, Path(id): Path<GrantId>) -> Result<Response, Failure> {
    let done = super::provision_again(&cx, id).await;
    said(
        done.map(|_| Flash::done("Stint is putting the access back in AWS now.")),
        "/grants",
    )
}

/// Back to where it was asked, with what was done or why it was not.
fn said(done: Result<Flash, Error>, back: &str) -> Result<Response, Failure> {
    use crate::http::Kind;
    let flash = match done {
        Ok(flash) => flash,
        Err(error) if matches!(error.kind(), Kind::Conflict | Kind::Invalid) => {
            Flash::failed(error.detail())
        }
        Err(error) => return Err(error.into()),
    };
    let back = if back.is_empty() { "/grants" } else { back };
    Ok(web::go_with(back, &flash))
}
