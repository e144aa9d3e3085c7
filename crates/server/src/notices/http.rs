//! Notices over the API.

use serde::Deserialize;
use stint_api::{Page, Problem, notices as wire};
use stint_domain::NoticeId;
use stint_domain::rights::{Relation, Verb};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Error, Filter, Kind, STATES, Shown};
use crate::cx::Cx;
use crate::http::{Failure, Json, Pages, Paging, Path, Query, Routes, chosen};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::MyNotices, routes!(list))
        .api(Verb::MyNotices, routes!(read_all))
        .api(Verb::ReadNotice, routes!(read))
        .api(Verb::MyNotices, routes!(kinds))
        .api(Verb::MyNotices, routes!(set_kind))
}

/// Which notices.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// `new` (neither read nor settled) or `done`.
    state: Option<String>,
    /// Only of this kind, as `GET /api/v1/notices/kinds` lists them.
    kind: Option<String>,
    /// `-when` (when absent: the newest first) or `when`.
    sort: Option<String>,
}

/// Lists the caller's notices: those only about what they may see now.
#[utoipa::path(
    get,
    path = "/api/v1/notices",
    tag = "notices",
    params(Asked, Pages),
    responses((status = 200, body = Page<wire::Notice>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<wire::Notice>>, Failure> {
    cx.authorize(Verb::MyNotices, Relation::Own)
        .map_err(Error::from)?;
    let filter = Filter {
        state: chosen("state", asked.state.as_deref(), STATES).map_err(Error::from)?,
        kind: kind(asked.kind.as_deref()).map_err(Error::from)?,
        sort: asked.sort,
    };
    let page = super::list(&cx, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(shown).collect(),
        next: page.next,
    }))
}

/// The kind of that word; refused where it is none.
pub(super) fn kind(word: Option<&str>) -> Result<Option<Kind>, crate::http::BadCursor> {
    Ok(chosen("kind", word, Kind::WORDS)?.and_then(Kind::parse))
}

/// Marks a notice as read.
#[utoipa::path(
    post,
    path = "/api/v1/notices/{id}/read",
    tag = "notices",
    params(("id" = String, Path, description = "`ntc_…`")),
    responses((status = 204), (status = "4XX", body = Problem))
)]
async fn read(cx: Cx, Path(id): Path<NoticeId>) -> Result<http::StatusCode, Failure> {
    stint_db::retrying(|| super::read(&cx, id)).await?;
    Ok(http::StatusCode::NO_CONTENT)
}

/// Marks all notices as read that are new now.
#[utoipa::path(
    post,
    path = "/api/v1/notices/read",
    tag = "notices",
    responses((status = 200, body = wire::MarkedRead), (status = "4XX", body = Problem))
)]
async fn read_all(cx: Cx) -> Result<Json<wire::MarkedRead>, Failure> {
    let count = stint_db::retrying(|| super::read_all(&cx)).await?;
    Ok(Json(wire::MarkedRead { count }))
}

/// Lists the kinds of notices there are, and which of them the caller gets.
#[utoipa::path(
    get,
    path = "/api/v1/notices/kinds",
    tag = "notices",
    responses((status = 200, body = Vec<wire::NoticeKind>), (status = "4XX", body = Problem))
)]
async fn kinds(cx: Cx) -> Result<Json<Vec<wire::NoticeKind>>, Failure> {
    let all = super::switches(&cx).await?;
    Ok(Json(
        (all.into_iter())
            .map(|(kind, on)| wire::NoticeKind {
                kind: kind.as_str().to_owned(),
                title: kind.title().to_owned(),
                about: kind.about().to_owned(),
                on,
            })
            .collect(),
    ))
}

/// Says whether to get notices of a kind from now on.
#[utoipa::path(
    put,
    path = "/api/v1/notices/kinds",
    tag = "notices",
    request_body = wire::SetNoticeKind,
    responses((status = 204), (status = "4XX", body = Problem))
)]
async fn set_kind(
    cx: Cx,
    Json(set): Json<wire::SetNoticeKind>,
) -> Result<http::StatusCode, Failure> {
    cx.authorize(Verb::MyNotices, Relation::Own)
        .map_err(Error::from)?;
    let kind = Kind::parse(&set.kind).ok_or(Error::UnknownKind(set.kind))?;
    stint_db::retrying(|| super::switch(&cx, kind, set.on)).await?;
    Ok(http::StatusCode::NO_CONTENT)
}

fn shown(it: Shown) -> wire::Notice {
    let notice = it.notice;
    wire::Notice {
        id: notice.id.to_string(),
        kind: notice.kind.as_str().to_owned(),
        title: it.words.title,
        text: it.words.text,
        link: it.words.link,
        extend: it.words.extend.map(|id| id.to_string()),
        thing: notice.thing.to_string(),
        times: notice.times,
        first_at: notice.first_at.to_string(),
        last_at: notice.last_at.to_string(),
        read_at: notice.read_at.map(|at| at.to_string()),
        settled_at: notice.settled_at.map(|at| at.to_string()),
    }
}
