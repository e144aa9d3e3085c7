//! Applications and connections over the API: wire types begin and end here.

use axum::response::Response;
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use stint_api::{Page, Problem, Secret, connections as wire};
use stint_domain::rights::Verb;
use stint_domain::{ApplicationId, ConnectionId, UserId};
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    Action, Application, ApplicationChange, ApplicationFilter, Check, Connection, ConnectionChange,
    Error, Filter, NewApplication, NewConnection, NewCredential, Owner, People, ScopeChange,
    TestReport,
};
use crate::cx::Cx;
use crate::http::{
    Failure, IdempotencyKey, Idempotent, IfMatch, Json, Pages, Paging, Path, Query, Routes,
    versioned,
};

/// Every address of the room.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::ListApplications, routes!(list_applications))
        .api(Verb::CreateApplication, routes!(create_application))
        .api(Verb::GetApplication, routes!(get_application))
        .api(Verb::UpdateApplication, routes!(update_application))
        .api(Verb::ListConnections, routes!(list))
        .api(Verb::CreateConnection, routes!(create))
        .api(Verb::GetConnection, routes!(get))
        .api(Verb::UpdateConnection, routes!(update))
        .api(Verb::GetConnection, routes!(setup))
        .api(Verb::UpdateConnection, routes!(set_members))
        .api(Verb::GetConnection, routes!(member_setup))
        .api(Verb::TestConnection, routes!(test))
        .merge(super::feeds::routes())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Words in the name, in their order.
    q: Option<String>,
    /// `name` (when absent) or `created`; with a minus before it from its other end.
    sort: Option<String>,
}

/// Which connections.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Narrowed {
    /// Only those of this application (`app_…`).
    #[param(value_type = Option<String>)]
    application: Option<ApplicationId>,
    /// Only those that are `not_connected`, `syncing`, `connected` or `failing`, and in service;
    /// or those that are `draining`.
    status: Option<String>,
}

fn owner(owner: Owner) -> wire::Owner {
    wire::Owner {
        user_id: owner.user.to_string(),
        name: owner.name,
    }
}

fn application(of: Application) -> wire::Application {
    wire::Application {
        id: of.id.to_string(),
        name: of.name,
        description: of.description,
        owners: of.owners.into_iter().map(owner).collect(),
        created_at: of.created_at.to_string(),
        version: of.version,
    }
}

fn connection(of: Connection) -> wire::Connection {
    wire::Connection {
        id: of.id.to_string(),
        application_id: of.application.to_string(),
        name: of.name,
        credential: of.credential.as_str().to_owned(),
        role_arn: of.credential.role_arn().map(str::to_owned),
        account_id: of.credential.account(),
        access_key_id: of.credential.key().map(|key| key.id.clone()),
        access_key_set_at: of.credential.key().map(|key| key.set_at.to_string()),
        external_id: of.external_id,
        region: of.region,
        iam: of.iam,
        scope: wire::ConnectionScope {
            faster: of.scope.faster,
            management_account: of.scope.management_account,
            account_tags: of.scope.account_tags,
            iam_user_path: of.scope.iam_user_path,
            iam_user_prefix: of.scope.iam_user_prefix,
            iam_groups: of.scope.iam_groups,
            iam_user_life: of.scope.iam_user_life,
            iam_user_boundary: of.scope.iam_user_boundary,
            key_rotation: of.scope.key_rotation,
            kms_key: of.scope.kms_key,
        },
        member_accounts: of.members.map(|it| wire::MemberAccounts {
            on: it.on,
            role: it.role,
            external_id: it.external_id,
        }),
        status: of.status.to_string(),
        status_detail: of.status_detail,
        instance_arn: of.instance_arn,
        identity_store_id: of.identity_store_id,
        management_account: of.management_account,
        last_test: of.last_test.map(report),
        draining_since: of.draining.as_ref().map(|it| it.since.to_string()),
        draining_reason: of.draining.map(|it| it.reason),
        removed_at: of.removed_at.map(|at| at.to_string()),
        last_sync_at: of.last_sync_at.map(|at| at.to_string()),
        owners: of.owners.into_iter().map(owner).collect(),
        answers: None,
        created_at: of.created_at.to_string(),
        version: of.version,
    }
}

fn answers(of: People) -> wire::ConnectionAnswers {
    wire::ConnectionAnswers {
        application_owners: of.application_owners.into_iter().map(owner).collect(),
        told: of.told.into_iter().map(owner).collect(),
    }
}

fn report(of: TestReport) -> wire::TestReport {
    wire::TestReport {
        passed: of.passed,
        at: of.at.to_string(),
        checks: of.checks.into_iter().map(check).collect(),
        actions: of.actions.into_iter().map(action).collect(),
    }
}

fn action(of: Action) -> wire::ActionCheck {
    wire::ActionCheck {
        action: of.action,
        statement: of.statement,
        purpose: of.purpose,
        weight: of.weight,
        able: of.able,
        note: of.note,
    }
}

fn scope(of: wire::ConnectionScopeChange) -> ScopeChange {
    ScopeChange {
        faster: of.faster,
        management_account: of.management_account,
        account_tags: of.account_tags,
        iam_user_path: of.iam_user_path,
        iam_user_prefix: of.iam_user_prefix,
        iam_groups: of.iam_groups,
        iam_user_life: of.iam_user_life,
        iam_user_boundary: of.iam_user_boundary,
        key_rotation: of.key_rotation,
        kms_key: of.kms_key,
    }
}

fn check(of: Check) -> wire::Check {
    wire::Check {
        name: of.name,
        outcome: of.outcome.as_str().to_owned(),
        what: of.what,
        mend: of.mend,
        request_ids: of.request_ids,
    }
}

fn owners(ids: &[String]) -> Result<Vec<UserId>, Error> {
    let parse = |id: &String| {
        id.parse::<UserId>()
            .map_err(|why| Error::bad("owners", format!("{why}.")))
    };
    let mut ids: Vec<UserId> = ids.iter().map(parse).collect::<Result<_, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The fields of a body that say as whom to enter an estate.
struct Given {
    kind: Option<String>,
    role_arn: Option<String>,
    access_key_id: Option<String>,
    secret: Option<Secret>,
    account_id: Option<String>,
}

impl Given {
    /// The credential they make; none where none of them is there.
    fn read(self) -> Result<Option<NewCredential>, Error> {
        let guess = match (&self.role_arn, &self.access_key_id, &self.secret) {
            (Some(_), _, _) => Some("role"),
            (_, Some(_), _) | (_, _, Some(_)) => Some("access_key"),
            _ if self.account_id.is_some() => Some("host"),
            _ => None,
        };
        let Some(kind) = self.kind.as_deref().or(guess) else {
            return Ok(None);
        };
        let (role, key) = (self.role_arn.is_some(), self.access_key_id.is_some());
        let stray = match kind {
            "role" => key || self.secret.is_some() || self.account_id.is_some(),
            "access_key" => role,
            "host" => role || key || self.secret.is_some(),
            _ => {
                let why = "Write `role`, `access_key` or `host`.";
                return Err(Error::bad("credential", why));
            }
        };
        if stray {
            let why = "Send `role_arn` for a role; `access_key_id`, `secret_access_key` and `account_id` for an access key; `account_id` alone for the credentials of the host.";
            return Err(Error::bad("credential", why));
        }
        Ok(Some(match kind {
            "role" => NewCredential::role(self.role_arn.unwrap_or_default()),
            "access_key" => NewCredential::AccessKey {
                id: self.access_key_id.unwrap_or_default(),
                secret: self
                    .secret
                    .map_or_else(|| String::new().into(), SecretString::from),
                account: self.account_id.unwrap_or_default(),
            },
            _ => NewCredential::Host {
                account: self.account_id.unwrap_or_default(),
            },
        }))
    }
}

/// Lists applications.
#[utoipa::path(
    get,
    path = "/api/v1/applications",
    tag = "connections",
    params(Asked, Pages),
    responses((status = 200, body = Page<wire::Application>), (status = "4XX", body = Problem))
)]
async fn list_applications(
    cx: Cx,
    Query(asked): Query<Asked>,
    paging: Paging,
) -> Result<Json<Page<wire::Application>>, Failure> {
    let filter = ApplicationFilter {
        q: asked.q.unwrap_or_default(),
        sort: asked.sort,
    };
    let page = super::list_applications(&cx, &filter, &paging).await?;
    let items = page.items.into_iter().map(application).collect();
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

/// Creates an application.
#[utoipa::path(
    post,
    path = "/api/v1/applications",
    tag = "connections",
    params(IdempotencyKey),
    request_body = wire::NewApplication,
    responses((status = 201, body = wire::Application), (status = "4XX", body = Problem))
)]
async fn create_application(
    cx: Cx,
    body: Idempotent<wire::NewApplication>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let new = NewApplication {
            name: input.name,
            description: input.description,
            owners: owners(&input.owners)?,
        };
        let made = super::create_application(&cx, new).await?;
        Ok(versioned(
            made.version,
            (StatusCode::CREATED, Json(application(made))),
        ))
    })
    .await
}

/// Shows an application.
#[utoipa::path(
    get,
    path = "/api/v1/applications/{id}",
    tag = "connections",
    params(("id" = String, Path, description = "`app_…`")),
    responses((status = 200, body = wire::Application), (status = "4XX", body = Problem))
)]
async fn get_application(cx: Cx, Path(id): Path<ApplicationId>) -> Result<Response, Failure> {
    let found = super::get_application(&cx, id).await?;
    Ok(versioned(found.version, Json(application(found))))
}

/// Changes an application's name, description or owners.
#[utoipa::path(
    patch,
    path = "/api/v1/applications/{id}",
    tag = "connections",
    params(("id" = String, Path, description = "`app_…`"), IfMatch, IdempotencyKey),
    request_body = wire::ApplicationChange,
    responses((status = 200, body = wire::Application), (status = "4XX", body = Problem))
)]
async fn update_application(
    cx: Cx,
    Path(id): Path<ApplicationId>,
    seen: IfMatch,
    body: Idempotent<wire::ApplicationChange>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let change = ApplicationChange {
            name: input.name,
            description: input.description,
            owners: input.owners.as_deref().map(owners).transpose()?,
        };
        let changed = super::update_application(&cx, id, change, seen.version()).await?;
        Ok(versioned(changed.version, Json(application(changed))))
    })
    .await
}

/// Lists connections.
#[utoipa::path(
    get,
    path = "/api/v1/connections",
    tag = "connections",
    params(Asked, Pages, Narrowed),
    responses((status = 200, body = Page<wire::Connection>), (status = "4XX", body = Problem))
)]
async fn list(
    cx: Cx,
    Query(asked): Query<Asked>,
    Query(narrowed): Query<Narrowed>,
    paging: Paging,
) -> Result<Json<Page<wire::Connection>>, Failure> {
    let filter = Filter {
        q: asked.q.unwrap_or_default(),
        application: narrowed.application,
        status: narrowed.status,
        sort: asked.sort,
    };
    let page = super::list(&cx, &filter, &paging).await?;
    let items = page.items.into_iter().map(connection).collect();
    Ok(Json(Page {
        items,
        next: page.next,
    }))
}

/// Connects an AWS estate: by an IAM role, with a new External ID; by an access key; or by
/// the credentials of this host.
#[utoipa::path(
    post,
    path = "/api/v1/connections",
    tag = "connections",
    params(IdempotencyKey),
    request_body = wire::NewConnection,
    responses((status = 201, body = wire::Connection), (status = "4XX", body = Problem))
)]
async fn create(cx: Cx, body: Idempotent<wire::NewConnection>) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let id = input.application_id.parse::<ApplicationId>();
        let new = NewConnection {
            application: id.map_err(|why| Error::bad("application_id", format!("{why}.")))?,
            name: input.name,
            credential: Given {
                kind: input.credential.or_else(|| Some("role".to_owned())),
                role_arn: input.role_arn,
                access_key_id: input.access_key_id,
                secret: input.secret_access_key,
                account_id: input.account_id,
            }
            .read()?
            .ok_or_else(|| Error::bad("credential", "Say how to enter the estate."))?,
            region: input.region,
            iam: input.iam,
            owners: owners(&input.owners)?,
        };
        let made = super::create(&cx, new).await?;
        Ok(versioned(
            made.version,
            (StatusCode::CREATED, Json(connection(made))),
        ))
    })
    .await
}

/// Shows a connection, with who answers for it and who is told when it is in trouble.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::Connection), (status = "4XX", body = Problem))
)]
async fn get(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let found = super::get(&cx, id).await?;
    let people = super::people(&cx, &found).await?;
    let shown = wire::Connection {
        answers: Some(answers(people)),
        ..connection(found)
    };
    Ok(versioned(shown.version, Json(shown)))
}

/// Changes a connection's name, credential, owners, whether IAM is its business, and what else is. A new credential is tested at once.
#[utoipa::path(
    patch,
    path = "/api/v1/connections/{id}",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`"), IfMatch, IdempotencyKey),
    request_body = wire::ConnectionChange,
    responses((status = 200, body = wire::Connection), (status = "4XX", body = Problem))
)]
async fn update(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    seen: IfMatch,
    body: Idempotent<wire::ConnectionChange>,
) -> Result<Response, Failure> {
    body.run(cx, async |cx, input| {
        let change = ConnectionChange {
            name: input.name,
            credential: Given {
                kind: input.credential,
                role_arn: input.role_arn,
                access_key_id: input.access_key_id,
                secret: input.secret_access_key,
                account_id: input.account_id,
            }
            .read()?,
            iam: input.iam,
            scope: input.scope.map(scope),
            owners: input.owners.as_deref().map(owners).transpose()?,
        };
        let changed = super::update(&cx, id, change, seen.version()).await?;
        Ok(versioned(changed.version, Json(connection(changed))))
    })
    .await
}

/// Shows what to do in AWS so that Stint may enter the estate.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/setup",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::ConnectionSetup), (status = "4XX", body = Problem))
)]
async fn setup(
    cx: Cx,
    Path(id): Path<ConnectionId>,
) -> Result<Json<wire::ConnectionSetup>, Failure> {
    let setup = super::setup(&cx, id).await?;
    Ok(Json(wire::ConnectionSetup {
        terraform: super::terraform(&setup),
        cloudformation: super::cloudformation(&setup),
        base_identity: setup.base_identity,
        account: setup.account,
        trust_policy: setup.trust_policy,
        permission_policy: setup.permission_policy,
    }))
}

/// Says whether and by which role the IAM of the organization's other accounts is entered.
#[utoipa::path(
    put,
    path = "/api/v1/connections/{id}/member-accounts",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`"), IfMatch),
    request_body = wire::MemberAccountsChange,
    responses((status = 200, body = wire::Connection), (status = "4XX", body = Problem))
)]
async fn set_members(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    seen: IfMatch,
    Json(input): Json<wire::MemberAccountsChange>,
) -> Result<Response, Failure> {
    let role = input.role.as_deref();
    let changed = super::set_members(&cx, id, input.on, role, seen.version()).await?;
    Ok(versioned(changed.version, Json(connection(changed))))
}

/// Shows what to set up in every member account so that Stint may enter it.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{id}/member-accounts/setup",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::MemberSetup), (status = "4XX", body = Problem))
)]
async fn member_setup(
    cx: Cx,
    Path(id): Path<ConnectionId>,
) -> Result<Json<wire::MemberSetup>, Failure> {
    let setup = super::member_setup(&cx, id).await?;
    Ok(Json(wire::MemberSetup {
        trusted: setup.trusted,
        external_id: setup.external_id,
        trust_policy: setup.trust_policy,
        permission_policy: setup.permission_policy,
        entering: setup.entering,
        cloudformation: setup.cloudformation,
        terraform: setup.terraform,
    }))
}

/// Tests a connection. Changes nothing in AWS.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{id}/test",
    tag = "connections",
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, body = wire::Connection), (status = "4XX", body = Problem))
)]
async fn test(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let tested = super::test(&cx, id).await?;
    Ok(versioned(tested.version, Json(connection(tested))))
}
