//! Catalogs and offers over HTTP.

use std::collections::BTreeSet;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, catalog as wire};
use stint_domain::condition::Condition;
use stint_domain::policy::Route;
use stint_domain::rights::Verb;
use stint_domain::{CatalogId, EntitlementId, GroupId, PolicyId, Span, UserId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    AccessControl, Catalog, Change, ContentRule, DefaultTerms, Entry, EntryFilter, Filter,
    NewCatalog, Offer, RANK, Rules, Terms, Under,
};
use crate::cx::Cx;
use crate::directory::Entitlement;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Kind, Pages, Paging, Path, Query, Routes,
    versioned,
};
use crate::policies::parsed;

mod conditions;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(conditions::routes())
        .api(Verb::ListCatalogs, routes!(list))
        .api(Verb::CreateCatalog, routes!(create))
        .api(Verb::GetCatalog, routes!(get))
        .api(Verb::UpdateCatalog, routes!(update))
        .api(Verb::GetCatalog, routes!(entries))
        .api(Verb::UpdateCatalog, routes!(add))
        .api(Verb::GetPolicy, routes!(under_policy))
        .api(Verb::UpdateCatalog, routes!(remove))
        .api(Verb::GetAccessControl, routes!(access_control))
        .api(Verb::SetAccessControl, routes!(set_access_control))
        .api(Verb::ListOffers, routes!(offers))
        .api(Verb::GetOffer, routes!(offer))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Search {
    /// Words that must all be in the name.
    #[serde(default)]
    q: String,
    /// What this user (`usr_…`) may ask for: somebody for whom the caller may ask.
    #[param(value_type = Option<String>)]
    beneficiary: Option<UserId>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ForWhom {
    /// For this user (`usr_…`): somebody for whom the caller may ask.
    #[param(value_type = Option<String>)]
    beneficiary: Option<UserId>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Narrowed {
    /// Words in the name, in their order.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// `name` (the usual), `-name`, `created` or `-created`.
    sort: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Contents {
    /// Words in the name, in their order.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// What is asked for under this policy (`pol_…`), or what has none (`none`).
    policy: Option<String>,
    /// `name` (the usual) or `-name`.
    sort: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Used {
    /// Words in the name, in their order.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// `name` (the usual) or `-name`.
    sort: Option<String>,
}

/// Lists catalogs.
#[utoipa::path(
    get,
    path = "/api/v1/catalogs",
    tag = "catalogs",
    params(
        Narrowed,
        Pages,
    ),
    responses((status = 200, body = Page<wire::Catalog>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Narrowed>,
    paging: Paging,
) -> Result<Json<Page<wire::Catalog>>, Failure> {
    let filter = Filter {
        q: asked.q,
        sort: asked.sort,
    };
    let page = super::list(&cx, &filter, &paging).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(catalog).collect(),
        next: page.next,
    }))
}

/// Creates a catalog: who sees it, and what it holds by conditions. Its list is empty.
#[utoipa::path(
    post,
    path = "/api/v1/catalogs",
    tag = "catalogs",
    params(IdempotencyKey),
    request_body = wire::NewCatalog,
    responses((status = 201, body = wire::Catalog), (status = "4XX", body = Problem))
)]
async fn create(cx: Cx, body: Idempotent<wire::NewCatalog>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = NewCatalog {
            name: input.name,
            description: input.description,
            audience: audience(&input.audience)?,
            rules: Rules {
                contents: input.contents.into_iter().map(content_rule).collect(),
                audience_when: input.audience_when.as_deref().and_then(when),
                terms: input
                    .default_terms
                    .as_ref()
                    .map(default_terms)
                    .transpose()?
                    .flatten(),
                rank: input.rank.unwrap_or(RANK),
            },
        };
        let made = super::create(&cx, new).await?;
        Ok(answer(StatusCode::CREATED, made))
    })
    .await
}

/// One catalog.
#[utoipa::path(
    get,
    path = "/api/v1/catalogs/{id}",
    tag = "catalogs",
    params(("id" = String, Path, description = "`cat_…`")),
    responses((status = 200, body = wire::Catalog), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<CatalogId>) -> Result<Response, Failure> {
    Ok(answer(StatusCode::OK, super::get(&cx, id).await?))
}

/// Changes what a catalog is called, who sees it, what it holds by conditions, and how that is asked for.
#[utoipa::path(
    patch,
    path = "/api/v1/catalogs/{id}",
    tag = "catalogs",
    params(
        ("id" = String, Path, description = "`cat_…`"),
        IfMatch,
    ),
    request_body = wire::CatalogChange,
    responses((status = 200, body = wire::Catalog), (status = "4XX", body = Problem))
)]
async fn update(
    cx: Cx,
    Path(id): Path<CatalogId>,
    seen: IfMatch,
    Json(input): Json<wire::CatalogChange>,
) -> Result<Response, Failure> {
    let change = Change {
        name: input.name,
        description: input.description,
        audience: input.audience.as_deref().map(audience).transpose()?,
        contents: (input.contents).map(|all| all.into_iter().map(content_rule).collect()),
        audience_when: input.audience_when.as_deref().map(when),
        terms: input
            .default_terms
            .as_ref()
            .map(default_terms)
            .transpose()?,
        rank: input.rank,
    };
    let changed = super::update(&cx, id, change, seen.version()).await?;
    Ok(answer(StatusCode::OK, changed))
}

/// Lists the entitlements of a catalog, with how each may be asked for.
#[utoipa::path(
    get,
    path = "/api/v1/catalogs/{id}/entitlements",
    tag = "catalogs",
    params(
        ("id" = String, Path, description = "`cat_…`"),
        Contents,
        Pages,
    ),
    responses((status = 200, body = Page<wire::CatalogEntry>), (status = "4XX", body = Problem))
)]
async fn entries(
    cx: Cx,
    Path(id): Path<CatalogId>,
    Query(asked): Query<Contents>,
    paging: Paging,
) -> Result<Json<Page<wire::CatalogEntry>>, Failure> {
    let filter = EntryFilter {
        q: asked.q,
        under: under(asked.policy.as_deref())?,
        sort: asked.sort,
    };
    let page = super::entries(&cx, id, &filter, &paging).await?;
    Ok(Json(page.map(entry)))
}

/// Lists the entitlements that are asked for under a policy.
#[utoipa::path(
    get,
    path = "/api/v1/policies/{id}/entitlements",
    tag = "policies",
    params(
        ("id" = String, Path, description = "`pol_…`"),
        Used,
        Pages,
    ),
    responses((status = 200, body = Page<wire::CatalogEntry>), (status = "4XX", body = Problem))
)]
async fn under_policy(
    cx: Cx,
    Path(id): Path<PolicyId>,
    Query(asked): Query<Used>,
    paging: Paging,
) -> Result<Json<Page<wire::CatalogEntry>>, Failure> {
    let filter = EntryFilter {
        q: asked.q,
        under: None,
        sort: asked.sort,
    };
    let page = super::under_policy(&cx, id, &filter, &paging).await?;
    Ok(Json(page.map(entry)))
}

/// How something is asked for, as a query names it: a policy, or `none`.
pub(super) fn under(asked: Option<&str>) -> Result<Option<Under>, Failure> {
    match asked.map(str::trim).filter(|word| !word.is_empty()) {
        None => Ok(None),
        Some("none") => Ok(Some(Under::None)),
        Some(id) => id.parse().map(Under::Policy).map(Some).map_err(|_| {
            let words = "`policy` is the id of a policy (`pol_…`), or `none`.";
            Failure::new(Kind::Invalid, "invalid_filter", words)
        }),
    }
}

/// Puts entitlements into a catalog; those in it already stay.
#[utoipa::path(
    post,
    path = "/api/v1/catalogs/{id}/entitlements",
    tag = "catalogs",
    params(("id" = String, Path, description = "`cat_…`")),
    request_body = wire::AddEntitlements,
    responses((status = 200, body = wire::Catalog), (status = "4XX", body = Problem))
)]
async fn add(
    cx: Cx,
    Path(id): Path<CatalogId>,
    Json(input): Json<wire::AddEntitlements>,
) -> Result<Response, Failure> {
    let ids = (input.entitlements.iter())
        .map(|id| parsed("entitlements", id))
        .collect::<Result<Vec<EntitlementId>, Failure>>()?;
    let terms = match &input.access_control {
        Some(under) => Some(Terms {
            policy: parsed("access_control.policy", &under.policy)?,
            max_duration: under.max_duration_seconds.map(Span::seconds),
            until_revoked: under.until_revoked,
            emergency: emergency_policy(
                "access_control.emergency_policy",
                under.emergency_policy.as_deref(),
            )?,
            replace: under.replace,
        }),
        None => None,
    };
    super::add_under(&cx, id, &ids, terms).await?;
    Ok(answer(StatusCode::OK, super::get(&cx, id).await?))
}

/// Takes an entitlement out of a catalog. Requests and grants that exist are not touched.
#[utoipa::path(
    delete,
    path = "/api/v1/catalogs/{id}/entitlements/{entitlement}",
    tag = "catalogs",
    params(
        ("id" = String, Path, description = "`cat_…`"),
        ("entitlement" = String, Path, description = "`ent_…`"),
    ),
    responses((status = 204), (status = "4XX", body = Problem))
)]
async fn remove(
    cx: Cx,
    Path((id, entitlement)): Path<(CatalogId, EntitlementId)>,
) -> Result<StatusCode, Failure> {
    super::remove(&cx, id, entitlement).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How an entitlement may be asked for; 404 where it cannot.
#[utoipa::path(
    get,
    path = "/api/v1/entitlements/{id}/access-control",
    tag = "catalogs",
    params(("id" = String, Path, description = "`ent_…`")),
    responses((status = 200, body = wire::AccessControl), (status = "4XX", body = Problem))
)]
async fn access_control(cx: Cx, Path(id): Path<EntitlementId>) -> Result<Response, Failure> {
    match super::access_control(&cx, id).await? {
        Some(it) => Ok(versioned(it.version, Json(control(&it)))),
        None => Err(Failure::not_found()),
    }
}

/// Sets how an entitlement may be asked for.
#[utoipa::path(
    put,
    path = "/api/v1/entitlements/{id}/access-control",
    tag = "catalogs",
    params(
        ("id" = String, Path, description = "`ent_…`"),
        ("If-Match" = Option<String>, Header, description = "The ETag as last seen; \"0\" for none yet."),
    ),
    request_body = wire::SetAccessControl,
    responses((status = 200, body = wire::AccessControl), (status = "4XX", body = Problem))
)]
async fn set_access_control(
    cx: Cx,
    Path(id): Path<EntitlementId>,
    seen: IfMatch,
    Json(input): Json<wire::SetAccessControl>,
) -> Result<Response, Failure> {
    let terms = Terms {
        policy: parsed("policy", &input.policy)?,
        max_duration: input.max_duration_seconds.map(Span::seconds),
        until_revoked: input.until_revoked,
        emergency: emergency_policy("emergency_policy", input.emergency_policy.as_deref())?,
        replace: true,
    };
    let it = super::set_terms(&cx, id, terms, seen.version()).await?;
    Ok(versioned(it.version, Json(control(&it))))
}

/// Lists what one may ask for, by name.
#[utoipa::path(
    get,
    path = "/api/v1/offers",
    tag = "requests",
    params(Search, Pages),
    responses((status = 200, body = wire::OfferPage), (status = "4XX", body = Problem))
)]
async fn offers(
    cx: Cx,
    Query(asked): Query<Search>,
    paging: Paging,
) -> Result<Json<wire::OfferPage>, Failure> {
    let found = super::offers_for(&cx, asked.beneficiary, &asked.q, &paging).await?;
    Ok(Json(wire::OfferPage {
        items: found.page.items.iter().map(shown).collect(),
        next: found.page.next,
        total: i64::try_from(found.total).unwrap_or(i64::MAX),
    }))
}

/// One thing one may ask for.
#[utoipa::path(
    get,
    path = "/api/v1/offers/{id}",
    tag = "requests",
    params(("id" = String, Path, description = "`ent_…`"), ForWhom),
    responses((status = 200, body = wire::Offer), (status = "4XX", body = Problem))
)]
async fn offer(
    cx: Cx,
    Path(id): Path<EntitlementId>,
    Query(asked): Query<ForWhom>,
) -> Result<Json<wire::Offer>, Failure> {
    let found = super::offer_for(&cx, asked.beneficiary, id).await?;
    Ok(Json(shown(&found)))
}

fn emergency_policy(field: &str, id: Option<&str>) -> Result<Option<PolicyId>, Failure> {
    id.map(|id| parsed(field, id)).transpose()
}

fn audience(ids: &[String]) -> Result<BTreeSet<GroupId>, Failure> {
    ids.iter().map(|id| parsed("audience", id)).collect()
}

/// A condition, unless nothing is written.
fn when(text: &str) -> Option<Condition> {
    (!text.trim().is_empty()).then(|| Condition::new(text))
}

pub(super) fn content_rule(it: wire::ContentRule) -> ContentRule {
    ContentRule {
        name: it.name.trim().to_owned(),
        when: Condition::new(&it.when),
    }
}

fn default_terms(it: &wire::DefaultTerms) -> Result<Option<DefaultTerms>, Failure> {
    let max_duration = it.max_duration_seconds.map(Span::seconds);
    match &it.policy {
        None if max_duration.is_some() || it.until_revoked => Err(Failure::new(
            Kind::Invalid,
            "invalid_value",
            "default_terms.policy: a limit goes with a policy. Name one, or leave the limit out.",
        )),
        None => Ok(None),
        Some(policy) => Ok(Some(DefaultTerms {
            policy: parsed("default_terms.policy", policy)?,
            max_duration,
            until_revoked: it.until_revoked,
        })),
    }
}

pub(super) fn terms_shown(it: DefaultTerms) -> wire::DefaultTerms {
    wire::DefaultTerms {
        policy: Some(it.policy.to_string()),
        max_duration_seconds: it.max_duration.map(Span::as_seconds),
        until_revoked: it.until_revoked,
    }
}

fn answer(status: StatusCode, it: Catalog) -> Response {
    let version = it.version;
    versioned(version, (status, Json(catalog(it)))).into_response()
}

fn catalog(it: Catalog) -> wire::Catalog {
    wire::Catalog {
        id: it.id.to_string(),
        name: it.name,
        description: it.description,
        audience: it.audience.iter().map(ToString::to_string).collect(),
        audience_when: it.rules.audience_when.map(|when| when.to_string()),
        contents: (it.rules.contents.into_iter())
            .map(|rule| wire::ContentRule {
                name: rule.name,
                when: rule.when.to_string(),
            })
            .collect(),
        default_terms: it.rules.terms.map(terms_shown),
        rank: it.rules.rank,
        entitlements: it.entitlements,
        created_at: it.created_at.to_string(),
        version: it.version,
    }
}

fn entry(it: Entry) -> wire::CatalogEntry {
    wire::CatalogEntry {
        entitlement: named(&it.entitlement),
        access_control: it.access_control.as_ref().map(control),
    }
}

pub(super) fn control(it: &AccessControl) -> wire::AccessControl {
    wire::AccessControl {
        entitlement: it.entitlement.to_string(),
        policy: it.policy.to_string(),
        max_duration_seconds: it.max_duration.map(Span::as_seconds),
        until_revoked: it.until_revoked,
        emergency_policy: it.emergency.map(|id| id.to_string()),
        version: it.version,
    }
}

fn shown(it: &Offer) -> wire::Offer {
    wire::Offer {
        entitlement: named(&it.entitlement),
        policy: it.policy.name.clone(),
        auto_approve: it.policy.body.route == Route::AutoApprove,
        max_duration_seconds: it.max_duration.as_seconds(),
        until_revoked: it.until_revoked,
        reason_required: it.policy.body.reason.required,
        emergency: in_an_emergency(it),
    }
}

/// How it may be asked for in an emergency, on the wire.
pub(crate) fn in_an_emergency(it: &Offer) -> Option<wire::EmergencyOffer> {
    let (policy, longest) = it.emergency.as_ref().zip(it.emergency_max())?;
    Some(wire::EmergencyOffer {
        policy: policy.name.clone(),
        auto_approve: policy.body.route == Route::AutoApprove,
        max_duration_seconds: longest.as_seconds(),
    })
}

/// An entitlement as people call it, on the wire.
pub(crate) fn named(it: &Entitlement) -> wire::EntitlementName {
    wire::EntitlementName {
        id: it.id.to_string(),
        kind: it.key.kind().to_owned(),
        name: it.name.clone(),
        connection: it.connection.to_string(),
    }
}
