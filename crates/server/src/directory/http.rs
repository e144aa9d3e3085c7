//! The directory over the API: wire types begin and end here.

mod facts;
mod freshness;

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use stint_api::{Page, Problem, directory as wire};
use stint_domain::entitlement::EntitlementKey;
use stint_domain::rights::Verb;
use stint_domain::sync::plan::Choice;
use stint_domain::{ConnectionId, EntitlementId, LinkId, PrincipalId, SyncId, Time, UserId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    Assignment, Entitlement, Error, Filter, Holding, Link, LinkFilter, Principal, SyncRun,
};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Pages, Paging, Path, Query, Routes,
    versioned,
};

/// Every address of the room.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::SyncConnection, routes!(sync))
        .api(Verb::ListSyncs, routes!(sync_runs))
        .api(Verb::ListSyncs, routes!(sync_run))
        .merge(freshness::routes())
        .api(Verb::ListAssignments, routes!(endings))
        .api(Verb::DecideSync, routes!(accept))
        .api(Verb::DecideSync, routes!(set_aside))
        .api(Verb::ListPrincipals, routes!(principals))
        .api(Verb::ListAssignments, routes!(inherited))
        .api(Verb::ListEntitlements, routes!(entitlements))
        .api(Verb::ListEntitlements, routes!(permission_sets))
        .api(Verb::ListAssignments, routes!(assignments))
        .api(Verb::ListAssignments, routes!(history))
        .merge(facts::routes())
        .api(Verb::ListLinks, routes!(links))
        .api(Verb::ProposeLink, routes!(propose))
        .api(Verb::ConfirmLink, routes!(confirm))
        .api(Verb::RemoveLink, routes!(reject))
}

/// Which things of an estate.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Of {
    /// `con_…`
    #[param(value_type = String)]
    connection: ConnectionId,
    /// Words in the name, in their order.
    #[serde(default)]
    #[param(required = false)]
    q: String,
}

/// Which assignments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Words in the names of who holds it or of what is held, in their order.
    q: Option<String>,
    /// Only of this connection (`con_…`).
    #[param(value_type = Option<String>)]
    connection: Option<ConnectionId>,
    /// Only of principals confirmed to be this user's (`usr_…`).
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// Only of this principal (`prn_…`).
    #[param(value_type = Option<String>)]
    principal: Option<PrincipalId>,
    /// Only of this entitlement (`ent_…`).
    #[param(value_type = Option<String>)]
    entitlement: Option<EntitlementId>,
    /// Only of entitlements on this account (twelve digits).
    account: Option<String>,
    /// Only of entitlements of this kind: `account_assignment`, `group_membership` or
    /// `iam_group_membership`.
    kind: Option<String>,
    /// `own` (when absent): what principals hold themselves. `group`: what they hold through
    /// Identity Center groups. `any`: both. What is held through groups is listed where a
    /// user, a principal, an entitlement or an account is named.
    through: Option<String>,
    /// As it stood then (RFC 3339); as last seen when absent. What may have begun or ended
    /// around that moment is listed too, with `certain` false.
    #[param(value_type = Option<String>)]
    as_of: Option<Time>,
    /// `who` (when absent), `what` or `since`; with a minus before it from its other end.
    sort: Option<String>,
}

/// Which syncs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfState {
    /// Only `running`, `held`, `ending`, `complete`, `set_aside` or `failed` ones.
    state: Option<String>,
}

/// Which pair.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OfPair {
    /// `prn_…`
    #[param(value_type = String)]
    principal: PrincipalId,
    /// `ent_…`
    #[param(value_type = String)]
    entitlement: EntitlementId,
}

/// Which links.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Linked {
    /// Words in the principal's names and address, in their order.
    q: Option<String>,
    /// Only `proposed`, `confirmed` or `rejected` ones.
    state: Option<String>,
    /// Only of this user (`usr_…`).
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// Only of this connection (`con_…`).
    #[param(value_type = Option<String>)]
    connection: Option<ConnectionId>,
    /// `created` (when absent) or `principal`; with a minus before it from its other end.
    sort: Option<String>,
}

fn text(at: Option<Time>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn planned(of: &Choice, cx: &Cx) -> wire::PlannedListing {
    wire::PlannedListing {
        question: of.question.as_str().to_owned(),
        listing: of.chosen.map(|it| it.listing.as_str().to_owned()),
        options: (of.options.iter())
            .map(|it| wire::ListingOption {
                listing: it.listing.as_str().to_owned(),
                action: it.listing.action().to_owned(),
                calls: it.calls,
                refused: it.denied,
            })
            .collect(),
        missing: of.missing().map(|(it, calls)| wire::MissingAction {
            action: it.listing.action().to_owned(),
            calls,
            minutes: super::minutes(cx, it.listing, calls),
        }),
    }
}

fn run(of: SyncRun, cx: &Cx) -> wire::SyncRun {
    wire::SyncRun {
        plan: (of.plan.choices.iter()).map(|it| planned(it, cx)).collect(),
        id: of.id.to_string(),
        connection_id: of.connection.to_string(),
        state: of.state,
        phase: of.phase,
        done: of.done,
        expected: of.expected,
        calls: of.calls,
        seen: of.seen,
        appeared: of.appeared,
        ended: of.ended,
        unread: of.unread,
        digest: of.digest,
        error: of.error,
        started_at: of.started_at.to_string(),
        moved_at: text(Some(of.moved_at).filter(|at| *at >= of.started_at)),
        finished_at: text(of.finished_at),
    }
}

fn permission_set(of: super::PermissionSet) -> wire::PermissionSet {
    let (policies, read_at) = of.policies.unzip();
    wire::PermissionSet {
        arn: of.arn,
        name: of.name,
        description: of.description,
        session_duration: of.session_duration,
        policies: policies.map(|it| wire::SetPolicies {
            managed: it.managed,
            customer: it.customer,
            inline: it.inline,
            boundary: it.boundary,
        }),
        policies_read_at: text(read_at),
        gone_at: text(of.gone_at),
    }
}

fn principal(of: Principal) -> wire::Principal {
    wire::Principal {
        id: of.id.to_string(),
        connection_id: of.connection.to_string(),
        kind: of.kind.as_str().to_owned(),
        aws_id: of.aws_id,
        name: of.name,
        display_name: of.display_name,
        email: of.email,
        active: of.active,
        gone_at: text(of.gone_at),
    }
}

fn entitlement(of: Entitlement) -> wire::Entitlement {
    let kind = of.key.kind().to_owned();
    let (account, permission_set, group) = match of.key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => (Some(account), Some(permission_set), None),
        EntitlementKey::GroupMembership { group } => (None, None, Some(group)),
        EntitlementKey::IamGroupMembership { account, group } => (Some(account), None, Some(group)),
    };
    wire::Entitlement {
        id: of.id.to_string(),
        connection_id: of.connection.to_string(),
        kind,
        account,
        permission_set,
        group,
        name: of.name,
        owned_by: of.owned_by,
        gone_at: text(of.gone_at),
    }
}

fn holding(of: Holding, at: Option<Time>) -> wire::Assignment {
    let certain = at.map(|at| of.assignment.certain(at));
    let through = of.through.map(|(id, name)| wire::Through {
        principal_id: id.to_string(),
        name,
    });
    wire::Assignment {
        through,
        user_id: of.user.map(|id| id.to_string()),
        certain,
        ..assignment(of.assignment)
    }
}

fn assignment(of: Assignment) -> wire::Assignment {
    wire::Assignment {
        through: None,
        user_id: None,
        certain: None,
        id: of.id.to_string(),
        principal: principal(of.principal),
        entitlement: entitlement(of.entitlement),
        absent_before: text(of.absent_before),
        first_seen: of.first_seen.to_string(),
        last_seen: of.last_seen.to_string(),
        ended_at: text(of.ended_at),
    }
}

fn link(of: Link) -> wire::Link {
    wire::Link {
        id: of.id.to_string(),
        user_id: of.user.to_string(),
        principal_id: of.principal.to_string(),
        connection_id: of.connection.to_string(),
        state: of.state,
        primary: of.primary,
        why: of.why,
        proposed_by: of.proposed_by.map(|id| id.to_string()),
        proposed_at: of.proposed_at.to_string(),
        decided_by: of.decided_by.map(|id| id.to_string()),
        decided_at: text(of.decided_at),
        version: of.version,
    }
}

fn answer<T, W>(page: Page<T>, wire: impl Fn(T) -> W) -> Json<Page<W>> {
    Json(Page {
        items: page.items.into_iter().map(wire).collect(),
        next: page.next,
    })
}

/// Starts a sync of a connection, or answers with the one under way. Look at its progress
/// among the runs.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{id}/sync",
    tag = "directory",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 202, body = wire::SyncRun), (status = "4XX", body = Problem))
)]
async fn sync(
    cx: Cx,
    Path(id): Path<ConnectionId>,
) -> Result<(StatusCode, Json<wire::SyncRun>), Failure> {
    let started = super::start_sync(&cx, id).await?;
    Ok((StatusCode::ACCEPTED, Json(run(started, &cx))))
}

/// Lists the syncs of a connection, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/sync-runs",
    tag = "directory",
    params(("id" = String, Path, description = "`con_…`"), OfState, Pages),
    responses((status = 200, body = Page<wire::SyncRun>), (status = "4XX", body = Problem))
)]
async fn sync_runs(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<OfState>,
    paging: Paging,
) -> Result<Json<Page<wire::SyncRun>>, Failure> {
    let found = super::sync_runs(&cx, id, asked.state.as_deref(), &paging).await?;
    Ok(answer(found, |it| run(it, &cx)))
}

/// One sync of a connection.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/sync-runs/{run}",
    tag = "directory",
    params(
        ("id" = String, Path, description = "`con_…`"),
        ("run" = String, Path, description = "`syn_…`"),
    ),
    responses((status = 200, body = wire::SyncRun), (status = "4XX", body = Problem))
)]
async fn sync_run(
    cx: Cx,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
) -> Result<Json<wire::SyncRun>, Failure> {
    Ok(Json(run(super::sync_run(&cx, id, which).await?, &cx)))
}

/// Lists what a held sync would end: assignments that AWS no longer showed it. Nothing is listed
/// once it was accepted or set aside.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/sync-runs/{run}/endings",
    tag = "directory",
    params(
        ("id" = String, Path, description = "`con_…`"),
        ("run" = String, Path, description = "`syn_…`"),
        Pages,
    ),
    responses((status = 200, body = Page<wire::Assignment>), (status = "4XX", body = Problem))
)]
async fn endings(
    cx: Cx,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
    paging: Paging,
) -> Result<Json<Page<wire::Assignment>>, Failure> {
    let found = super::endings_of(&cx, id, which, &paging).await?;
    Ok(answer(found, assignment))
}

/// Says that what a held sync found gone has ended. It is written down in the background, but for
/// what was seen again meanwhile. Changes nothing in AWS.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{id}/sync-runs/{run}/accept",
    tag = "directory",
    params(
        ("id" = String, Path, description = "`con_…`"),
        ("run" = String, Path, description = "`syn_…`"),
    ),
    responses((status = 200, body = wire::SyncRun), (status = "4XX", body = Problem))
)]
async fn accept(
    cx: Cx,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
) -> Result<Json<wire::SyncRun>, Failure> {
    Ok(Json(run(super::accept_sync(&cx, id, which).await?, &cx)))
}

/// Says that what a held sync found gone is not to be believed. Nothing ends; the next sync looks
/// again.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{id}/sync-runs/{run}/set-aside",
    tag = "directory",
    params(
        ("id" = String, Path, description = "`con_…`"),
        ("run" = String, Path, description = "`syn_…`"),
    ),
    responses((status = 200, body = wire::SyncRun), (status = "4XX", body = Problem))
)]
async fn set_aside(
    cx: Cx,
    Path((id, which)): Path<(ConnectionId, SyncId)>,
) -> Result<Json<wire::SyncRun>, Failure> {
    Ok(Json(run(super::set_aside_sync(&cx, id, which).await?, &cx)))
}

/// Lists the principals of a connection, by name.
#[utoipa::path(
    get,
    path = "/api/v1/principals",
    tag = "directory",
    params(Of, Pages),
    responses((status = 200, body = Page<wire::Principal>), (status = "4XX", body = Problem))
)]
async fn principals(
    cx: Cx,
    Query(of): Query<Of>,
    paging: Paging,
) -> Result<Json<Page<wire::Principal>>, Failure> {
    let page = super::principals(&cx, of.connection, &of.q, &paging).await?;
    Ok(answer(page, principal))
}

/// Lists what a principal holds through its Identity Center groups: each row is a group's
/// own.
#[utoipa::path(
    get,
    path = "/api/v1/principals/{id}/inherited",
    tag = "directory",
    params(("id" = String, Path, description = "`prn_…`"), Pages),
    responses((status = 200, body = Page<wire::Assignment>), (status = "4XX", body = Problem))
)]
async fn inherited(
    cx: Cx,
    Path(id): Path<PrincipalId>,
    paging: Paging,
) -> Result<Json<Page<wire::Assignment>>, Failure> {
    Ok(answer(
        super::inherited(&cx, id, &paging).await?,
        assignment,
    ))
}

/// Lists the entitlements of a connection, by name; also those AWS no longer has.
#[utoipa::path(
    get,
    path = "/api/v1/entitlements",
    tag = "directory",
    params(Of, Pages),
    responses((status = 200, body = Page<wire::Entitlement>), (status = "4XX", body = Problem))
)]
async fn entitlements(
    cx: Cx,
    Query(of): Query<Of>,
    paging: Paging,
) -> Result<Json<Page<wire::Entitlement>>, Failure> {
    let page = super::list_entitlements(&cx, of.connection, &of.q, &paging).await?;
    Ok(answer(page, entitlement))
}

/// Lists the permission sets of a connection, by name, with what they allow; also those AWS no longer
/// has.
#[utoipa::path(
    get,
    path = "/api/v1/permission-sets",
    tag = "directory",
    params(Of, Pages),
    responses((status = 200, body = Page<wire::PermissionSet>), (status = "4XX", body = Problem))
)]
async fn permission_sets(
    cx: Cx,
    Query(of): Query<Of>,
    paging: Paging,
) -> Result<Json<Page<wire::PermissionSet>>, Failure> {
    let page = super::permission_sets(&cx, of.connection, &of.q, &paging).await?;
    Ok(answer(page, permission_set))
}

/// Lists who holds what, as last seen or as it stood at a moment. Who may not see everybody's
/// names themselves as `user`.
#[utoipa::path(
    get,
    path = "/api/v1/assignments",
    tag = "directory",
    params(Which, Pages),
    responses((status = 200, body = Page<wire::Assignment>), (status = "4XX", body = Problem))
)]
async fn assignments(
    cx: Cx,
    Query(which): Query<Which>,
    paging: Paging,
) -> Result<Json<Page<wire::Assignment>>, Failure> {
    let through = match which.through.as_deref() {
        None => Some("own".to_owned()),
        Some("any") => None,
        Some(word) => Some(word.to_owned()),
    };
    let filter = Filter {
        q: which.q.unwrap_or_default(),
        connection: which.connection,
        user: which.user,
        principal: which.principal,
        entitlement: which.entitlement,
        account: which.account,
        kind: which.kind,
        through,
        at: which.as_of,
        sort: which.sort,
    };
    let page = super::holdings(&cx, &filter, &paging).await?;
    Ok(answer(page, |row| holding(row, filter.at)))
}

/// Lists every time a principal was seen to hold an entitlement, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/assignments/history",
    tag = "directory",
    params(OfPair),
    responses((status = 200, body = Page<wire::Assignment>), (status = "4XX", body = Problem))
)]
async fn history(
    cx: Cx,
    Query(of): Query<OfPair>,
) -> Result<Json<Page<wire::Assignment>>, Failure> {
    let items = super::history(&cx, of.principal, of.entitlement).await?;
    Ok(answer(Page { items, next: None }, assignment))
}

/// Lists links.
#[utoipa::path(
    get,
    path = "/api/v1/links",
    tag = "directory",
    params(Linked, Pages),
    responses((status = 200, body = Page<wire::Link>), (status = "4XX", body = Problem))
)]
async fn links(
    cx: Cx,
    Query(of): Query<Linked>,
    paging: Paging,
) -> Result<Json<Page<wire::Link>>, Failure> {
    let filter = LinkFilter {
        q: of.q.unwrap_or_default(),
        state: of.state,
        user: of.user,
        connection: of.connection,
        sort: of.sort,
    };
    let page = super::links(&cx, &filter, &paging).await?;
    Ok(answer(page, link))
}

/// Proposes that a principal belongs to a user.
#[utoipa::path(
    post,
    path = "/api/v1/links",
    tag = "directory",
    params(IdempotencyKey),
    request_body = wire::NewLink,
    responses((status = 201, body = wire::Link), (status = "4XX", body = Problem))
)]
async fn propose(cx: Cx, body: Idempotent<wire::NewLink>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let user: UserId = named("user_id", &input.user_id)?;
        let principal: PrincipalId = named("principal_id", &input.principal_id)?;
        let made = super::propose_link(&cx, user, principal).await?;
        Ok(versioned(
            made.version,
            (StatusCode::CREATED, Json(link(made))),
        ))
    })
    .await
}

fn named<T: std::str::FromStr<Err = stint_domain::IdError>>(
    field: &'static str,
    text: &str,
) -> Result<T, Error> {
    text.parse().map_err(|source| Error::Id { field, source })
}

/// Confirms a link: from now on the principal counts as the user's.
#[utoipa::path(
    post,
    path = "/api/v1/links/{id}/confirm",
    tag = "directory",
    params(("id" = String, Path, description = "`lnk_…`"), IfMatch),
    responses((status = 200, body = wire::Link), (status = "4XX", body = Problem))
)]
async fn confirm(cx: Cx, Path(id): Path<LinkId>, seen: IfMatch) -> Result<Response, Failure> {
    let confirmed = super::confirm_link_at(&cx, id, seen.version()).await?;
    Ok(versioned(confirmed.version, Json(link(confirmed))))
}

/// Rejects a proposed link, or takes a confirmed one back.
#[utoipa::path(
    post,
    path = "/api/v1/links/{id}/reject",
    tag = "directory",
    params(("id" = String, Path, description = "`lnk_…`"), IfMatch),
    responses((status = 200, body = wire::Link), (status = "4XX", body = Problem))
)]
async fn reject(cx: Cx, Path(id): Path<LinkId>, seen: IfMatch) -> Result<Response, Failure> {
    let rejected = super::reject_link_at(&cx, id, seen.version()).await?;
    Ok(versioned(rejected.version, Json(link(rejected))))
}
