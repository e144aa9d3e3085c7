//! For whom something is asked, where it is for somebody else: choosing them, and saying so.

use axum::response::Response;
use stint_domain::{EntitlementId, UserId};

use super::super::{Error, Preview};
use super::view;
use crate::catalog;
use crate::cx::Cx;
use crate::http::{Failure, Query};
use crate::web::{self, Empty, Fact, Frame, Listing};

/// How many people a page has.
const ROWS: i64 = 50;

/// Where somebody is chosen to ask for: for this thing, or before it is said for what.
pub(super) fn place(what: Option<EntitlementId>) -> String {
    match what {
        Some(id) => format!("/request/people?what={id}"),
        None => "/request/people".to_owned(),
    }
}

/// What is asked for this person: everything they may ask for, or this thing.
pub(super) fn ask_for(what: Option<EntitlementId>, whom: UserId) -> String {
    match what {
        Some(id) => format!("/request/{id}?beneficiary={whom}"),
        None => format!("/request?beneficiary={whom}"),
    }
}

/// Those for whom the caller may ask.
pub(super) async fn people(
    cx: Cx,
    frame: Frame,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let what = asked.id::<EntitlementId>("what")?;
    let page = catalog::people(&cx, asked.words(), &asked.paging(ROWS)).await?;
    let empty = match asked.words() {
        "" => Empty::new(
            "users-group",
            "There is nobody you may ask for",
            "Managers ask for those whose manager they are, Super Admins for everybody. Who is whose manager is said under People.",
        ),
        words => Empty::new(
            "search",
            format!("Nobody found for “{words}”"),
            "Search by name or address. Only those for whom you may ask show here.",
        ),
    };
    let view = view::ForWhom {
        q: asked.words().to_owned(),
        what: what.map(|id| id.to_string()),
        back: what.map_or_else(|| "/request".to_owned(), |id| format!("/request/{id}")),
        pager: asked.pager("/request/people", page.next.as_deref()),
        rows: (page.items.iter())
            .map(|it| view::ForWhomRow {
                href: ask_for(what, it.id),
                name: it.name.clone(),
                email: it.email.clone(),
            })
            .collect(),
        empty,
    };
    Ok(web::page(&frame, "For whom?", &view))
}

/// The person a form is for, as it sends them along.
pub(super) fn named(text: &str) -> Result<Option<UserId>, Error> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::NotFound),
    }
}

/// For whom it is, where that is somebody else.
pub(super) fn whom(found: &Preview) -> Option<view::Whom> {
    let who = found.beneficiary.as_ref()?;
    Some(view::Whom {
        id: who.id.to_string(),
        name: who.name.clone(),
        email: who.email.clone(),
    })
}

/// The same among the facts.
pub(super) fn fact(found: &Preview) -> Option<Fact> {
    let who = found.beneficiary.as_ref()?;
    Some(Fact::new("For", &who.name).faint(&who.email))
}
