//! What catalogs hold by condition, over HTTP: what there is now, what conditions would be true of,
//! and why something is in a catalog, or somebody sees it.

use serde::Deserialize;
use stint_api::{Problem, catalog as wire};
use stint_domain::rights::Verb;
use stint_domain::{CatalogId, EntitlementId, UserId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::super::{ContentFilter, Held, Matches, Rules};
use super::{content_rule, control, named, terms_shown, when};
use crate::cx::Cx;
use crate::http::{Failure, Json, Pages, Paging, Path, Query, Routes};
use crate::policies::parsed;

pub(super) fn routes() -> Routes {
    Routes::new()
        .api(Verb::GetCatalog, routes!(contents))
        .api(Verb::CreateCatalog, routes!(check))
        .api(Verb::GetCatalog, routes!(judge))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Narrowed {
    /// Words that must all be in the name.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// Only what the catalog's condition with this number, from 0, is true of.
    rule: Option<usize>,
    /// `name` (the usual) or `-name`.
    sort: Option<String>,
}

/// Lists what a catalog holds now, by its list and by its conditions.
#[utoipa::path(
    get,
    path = "/api/v1/catalogs/{id}/contents",
    tag = "catalogs",
    params(
        ("id" = String, Path, description = "`cat_…`"),
        Narrowed,
        Pages,
    ),
    responses((status = 200, body = wire::CatalogContents), (status = "4XX", body = Problem))
)]
async fn contents(
    cx: Cx,
    Path(id): Path<CatalogId>,
    Query(asked): Query<Narrowed>,
    paging: Paging,
) -> Result<Json<wire::CatalogContents>, Failure> {
    let filter = ContentFilter {
        q: asked.q,
        rule: asked.rule,
        sort: asked.sort,
    };
    let (page, total) = super::super::contents(&cx, id, &filter, &paging).await?;
    Ok(Json(wire::CatalogContents {
        items: page.items.into_iter().map(content).collect(),
        next: page.next,
        total: count(total),
    }))
}

/// Says what conditions would be true of now, and what is wrong with them, without saving them.
#[utoipa::path(
    post,
    path = "/api/v1/catalogs/check",
    tag = "catalogs",
    request_body = wire::CheckCatalog,
    responses((status = 200, body = wire::CheckedCatalog), (status = "4XX", body = Problem))
)]
async fn check(
    cx: Cx,
    Json(input): Json<wire::CheckCatalog>,
) -> Result<Json<wire::CheckedCatalog>, Failure> {
    let rules = Rules {
        contents: input.contents.into_iter().map(content_rule).collect(),
        audience_when: input.audience_when.as_deref().and_then(when),
        ..Rules::default()
    };
    let checked = super::super::check(&cx, &rules).await?;
    Ok(Json(wire::CheckedCatalog {
        faults: (checked.faults.into_iter())
            .map(|fault| wire::CatalogFault {
                field: fault.field,
                code: fault.code.to_owned(),
                detail: fault.message,
            })
            .collect(),
        contents: checked.contents.into_iter().map(matches).collect(),
        audience: checked.audience.map(matches),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct About {
    /// An entitlement (`ent_…`).
    entitlement: Option<String>,
    /// A person (`usr_…`).
    user: Option<String>,
}

/// Says whether an entitlement is in a catalog, and whether a person sees it, and why.
#[utoipa::path(
    get,
    path = "/api/v1/catalogs/{id}/try",
    tag = "catalogs",
    params(("id" = String, Path, description = "`cat_…`"), About),
    responses((status = 200, body = wire::CatalogJudgement), (status = "4XX", body = Problem))
)]
async fn judge(
    cx: Cx,
    Path(id): Path<CatalogId>,
    Query(asked): Query<About>,
) -> Result<Json<wire::CatalogJudgement>, Failure> {
    let named_one = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let entitlement: Option<EntitlementId> = named_one(asked.entitlement)
        .map(|id| parsed("entitlement", &id))
        .transpose()?;
    let user: Option<UserId> = named_one(asked.user)
        .map(|id| parsed("user", &id))
        .transpose()?;
    let found = super::super::judge(&cx, id, entitlement, user).await?;
    let (offered, catalogs) = found.offered.unzip();
    Ok(Json(wire::CatalogJudgement {
        entitlement: found.entitlement.map(|it| wire::JudgedEntitlement {
            entitlement: named(&it.entitlement),
            holds: found.holds,
            listed: it.listed,
            never: found.never,
            rules: (found.rules.into_iter())
                .map(|(name, holds)| wire::JudgedRule { name, holds })
                .collect(),
            access_control: it.access_control.as_ref().map(control),
            default_terms: it.default.map(terms_shown),
        }),
        person: found.person.map(|it| wire::JudgedPerson {
            user: it.user.to_string(),
            name: it.name,
            sees: it.sees,
            groups: it.groups,
            condition: it.condition,
        }),
        offered,
        catalogs: (catalogs.into_iter().flatten())
            .map(|(id, _)| id.to_string())
            .collect(),
    }))
}

fn content(it: Held) -> wire::CatalogContent {
    wire::CatalogContent {
        entitlement: named(&it.entitlement),
        listed: it.listed,
        rules: it.rules,
        access_control: it.access_control.as_ref().map(control),
        default_terms: it.default.map(terms_shown),
    }
}

fn matches(it: Matches<String>) -> wire::Matches {
    wire::Matches {
        count: count(it.count),
        first: it.first,
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
