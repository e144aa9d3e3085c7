//! For whom one may ask, over HTTP.

use serde::Deserialize;
use stint_api::{Page, Problem, requests as wire};
use stint_domain::UserId;
use stint_domain::rights::Verb;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::catalog;
use crate::cx::Cx;
use crate::http::{Failure, Json, Pages, Paging, Query, Routes};
use crate::policies::parsed;

pub(in super::super) fn routes() -> Routes {
    Routes::new().api(Verb::PreviewRequest, routes!(people))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Words {
    /// Words in name or address, in their order.
    #[serde(default)]
    #[param(required = false)]
    q: String,
}

/// Lists those for whom the caller may ask beside themselves, by name: the people whose manager they
/// are; everybody, for Super Admins.
#[utoipa::path(
    get,
    path = "/api/v1/requests/people",
    tag = "requests",
    params(Words, Pages),
    responses((status = 200, body = Page<wire::Beneficiary>), (status = "4XX", body = Problem))
)]
async fn people(
    cx: Cx,
    Query(asked): Query<Words>,
    paging: Paging,
) -> Result<Json<Page<wire::Beneficiary>>, Failure> {
    let page = catalog::people(&cx, &asked.q, &paging).await?;
    Ok(Json(page.map(|it| wire::Beneficiary {
        id: it.id.to_string(),
        name: it.name,
        email: it.email,
    })))
}

/// Who is named to hold it, if anybody is.
pub(in super::super) fn named(id: Option<&str>) -> Result<Option<UserId>, Failure> {
    id.map(|id| parsed("beneficiary", id)).transpose()
}
