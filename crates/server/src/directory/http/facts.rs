//! Accounts, IAM roles and IAM users over the API.

use serde::Deserialize;
use stint_api::{Page, Problem, facts as wire};
use stint_domain::rights::Verb;
use stint_domain::{ConnectionId, Time};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::super::{AccountFacts, FactsFilter, IamUserFacts, KeyFacts, RoleFacts};
use super::answer;
use crate::cx::Cx;
use crate::http::{Failure, Json, Pages, Paging, Query, Routes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListAccounts, routes!(accounts))
        .api(Verb::ListAccounts, routes!(iam_roles))
        .api(Verb::ListAccounts, routes!(iam_users))
}

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Accounts {
    /// Words in the name, number, address, alias or units, in their order.
    q: Option<String>,
    /// Only of this connection (`con_…`).
    #[param(value_type = Option<String>)]
    connection: Option<ConnectionId>,
    /// Only this one (twelve digits).
    account: Option<String>,
    /// Only below this root or unit of the organization (`r-…`, `ou-…`).
    under: Option<String>,
    /// Only those whose IAM was `read`, that `refused`, or that were `not_read`.
    iam: Option<String>,
    /// `name` (when absent); with a minus before it from its other end.
    sort: Option<String>,
}

/// Which roles.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Roles {
    /// Words in the name, the account's number or whom it lets in, in their order.
    q: Option<String>,
    /// Only of this connection (`con_…`).
    #[param(value_type = Option<String>)]
    connection: Option<ConnectionId>,
    /// Only in this account (twelve digits).
    account: Option<String>,
    /// `name` (when absent); with a minus before it from its other end.
    sort: Option<String>,
}

/// Which IAM users.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Users {
    /// Words in the name, in their order.
    q: Option<String>,
    /// Only of this connection (`con_…`).
    #[param(value_type = Option<String>)]
    connection: Option<ConnectionId>,
    /// Only in this account (twelve digits).
    account: Option<String>,
    /// Only those with `password_without_mfa`, `active_keys` or `old_keys` (active for more than
    /// 90 days).
    only: Option<String>,
    /// `name` (when absent); with a minus before it from its other end.
    sort: Option<String>,
}

/// Lists AWS accounts, by name, with where they are and how reading their IAM went.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "directory",
    params(Accounts, Pages),
    responses((status = 200, body = Page<wire::AwsAccount>), (status = "4XX", body = Problem))
)]
async fn accounts(
    cx: Cx,
    Query(asked): Query<Accounts>,
    paging: Paging,
) -> Result<Json<Page<wire::AwsAccount>>, Failure> {
    let filter = FactsFilter {
        q: asked.q.unwrap_or_default(),
        connection: asked.connection,
        account: asked.account,
        under: asked.under,
        only: asked.iam,
        sort: asked.sort,
    };
    let page = super::super::accounts(&cx, &filter, &paging).await?;
    Ok(answer(page, account))
}

/// Lists IAM roles, by name, with who may assume them.
#[utoipa::path(
    get,
    path = "/api/v1/iam-roles",
    tag = "directory",
    params(Roles, Pages),
    responses((status = 200, body = Page<wire::IamRole>), (status = "4XX", body = Problem))
)]
async fn iam_roles(
    cx: Cx,
    Query(asked): Query<Roles>,
    paging: Paging,
) -> Result<Json<Page<wire::IamRole>>, Failure> {
    let filter = FactsFilter {
        q: asked.q.unwrap_or_default(),
        connection: asked.connection,
        account: asked.account,
        sort: asked.sort,
        ..FactsFilter::default()
    };
    let page = super::super::iam_roles(&cx, &filter, &paging).await?;
    Ok(answer(page, role))
}

/// Lists IAM users, by name, with what is known of their credentials.
#[utoipa::path(
    get,
    path = "/api/v1/iam-users",
    tag = "directory",
    params(Users, Pages),
    responses((status = 200, body = Page<wire::IamUser>), (status = "4XX", body = Problem))
)]
async fn iam_users(
    cx: Cx,
    Query(asked): Query<Users>,
    paging: Paging,
) -> Result<Json<Page<wire::IamUser>>, Failure> {
    let filter = FactsFilter {
        q: asked.q.unwrap_or_default(),
        connection: asked.connection,
        account: asked.account,
        only: asked.only,
        sort: asked.sort,
        ..FactsFilter::default()
    };
    let page = super::super::iam_users(&cx, &filter, &paging).await?;
    Ok(answer(page, user))
}

fn text(at: Option<Time>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn account(of: AccountFacts) -> wire::AwsAccount {
    wire::AwsAccount {
        connection_id: of.connection.to_string(),
        id: of.id,
        name: of.name,
        email: of.email,
        state: of.state,
        alias: of.alias,
        path: of.path,
        units: of.units,
        tags: of.tags,
        tags_read_at: text(of.tags_read_at),
        tags_refused_at: text(of.tags_refused_at),
        iam: of.iam,
        own: of.own,
        reason_code: of.code,
        reason: of.why,
        since: text(of.changed_at),
        read_at: text(of.read_at),
        listing: of.listing,
        report_at: text(of.report_at),
        root_mfa: of.root_mfa,
        root_keys: of.root_keys,
        root_signed_in_at: text(of.root_signed_in_at),
    }
}

fn role(of: RoleFacts) -> wire::IamRole {
    wire::IamRole {
        connection_id: of.connection.to_string(),
        aws_id: of.aws_id,
        account: of.account,
        name: of.name,
        path: of.path,
        arn: of.arn,
        description: of.description,
        trusts: of.trust,
        max_session_seconds: of.max_session,
        boundary: of.boundary,
        last_used_at: text(of.used_at),
        last_used_in: of.used_in,
        created_at: of.made_at.to_string(),
        last_seen: of.last_seen.to_string(),
    }
}

fn key(of: KeyFacts) -> wire::AccessKey {
    wire::AccessKey {
        active: of.active,
        rotated_at: of.rotated_at.to_string(),
        used_at: text(of.used_at),
        service: of.service,
        region: of.region,
    }
}

fn user(of: IamUserFacts) -> wire::IamUser {
    wire::IamUser {
        principal_id: of.principal.id.to_string(),
        connection_id: of.principal.connection.to_string(),
        aws_id: of.principal.aws_id,
        account: of.account,
        name: of.principal.name,
        path: of.path,
        user_id: of.user.map(|id| id.to_string()),
        created_at: text(of.made_at),
        signed_in_at: text(of.signed_in_at),
        report_at: text(of.report_at),
        has_password: of.password,
        has_mfa: of.mfa,
        access_keys: of.keys.map(|keys| keys.into_iter().map(key).collect()),
    }
}
