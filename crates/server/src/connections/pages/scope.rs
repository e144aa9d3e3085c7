//! The page on which is said what of an estate is Stint's business, and the limits.

use axum::response::Response;
use http::{Method, StatusCode};
use serde::Deserialize;
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};

use super::{href, view};
use crate::connections::{self, Connection, ConnectionChange, Error, ScopeChange};
use crate::cx::Cx;
use crate::http::{Failure, Form, Path, Routes};
use crate::web::{self, Flash, Frame, Mistakes};

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(
            Verb::UpdateConnection,
            Method::GET,
            "/connections/{id}/scope",
            page,
        )
        .page(
            Verb::UpdateConnection,
            Method::POST,
            "/connections/{id}/scope",
            change,
        )
}

/// What is switched on, in a line each, as the set-up page has it.
pub(super) fn does(of: &Connection) -> Vec<String> {
    let scope = &of.scope;
    let mut lines = vec!["Reads and changes Identity Center assignments and groups.".to_owned()];
    if scope.faster {
        lines.push("Asks for the reading actions that make a sync cheaper.".to_owned());
    }
    if scope.management_account {
        lines.push("Gives and takes access to the management account itself.".to_owned());
    }
    if scope.account_tags {
        lines.push("Reads the tags of accounts, for conditions that ask about them.".to_owned());
    }
    if of.iam {
        let whom = match (scope.iam_user_path.as_str(), scope.iam_user_prefix.as_str()) {
            ("/", "") => "IAM users".to_owned(),
            (path, "") => format!("IAM users under {path}"),
            ("/", prefix) => format!("IAM users whose names begin with {prefix}"),
            (path, prefix) => format!("IAM users under {path} whose names begin with {prefix}"),
        };
        let into = match scope.iam_groups.len() {
            0 => "any IAM group".to_owned(),
            1 => "one named IAM group".to_owned(),
            n => format!("{n} named IAM groups"),
        };
        lines.push(format!("Puts {whom} into {into} and takes them out."));
    }
    if of.iam && scope.iam_user_life {
        lines.push(match &scope.iam_user_boundary {
            None => "Creates, disables and deletes IAM users.".to_owned(),
            Some(arn) => format!(
                "Creates IAM users with the permissions boundary {arn}, disables and deletes them."
            ),
        });
    }
    if scope.key_rotation && of.credential.key().is_some() {
        lines.push("Replaces the access key by which it enters.".to_owned());
    }
    if scope.kms_key.is_some() {
        lines.push("Uses a KMS key of your own that Identity Center is encrypted with.".to_owned());
    }
    lines
}

#[derive(Debug, Default, Deserialize)]
struct ScopeForm {
    iam: Option<String>,
    faster: Option<String>,
    management_account: Option<String>,
    account_tags: Option<String>,
    #[serde(default)]
    iam_user_path: String,
    #[serde(default)]
    iam_user_prefix: String,
    /// One a line.
    #[serde(default)]
    iam_groups: String,
    iam_user_life: Option<String>,
    #[serde(default)]
    iam_user_boundary: String,
    key_rotation: Option<String>,
    #[serde(default)]
    kms_key: String,
}

impl ScopeForm {
    fn of(connection: &Connection) -> Self {
        let on = |it: bool| it.then(|| "on".to_owned());
        let scope = &connection.scope;
        Self {
            iam: on(connection.iam),
            faster: on(scope.faster),
            management_account: on(scope.management_account),
            account_tags: on(scope.account_tags),
            iam_user_path: scope.iam_user_path.clone(),
            iam_user_prefix: scope.iam_user_prefix.clone(),
            iam_groups: scope.iam_groups.join("\n"),
            iam_user_life: on(scope.iam_user_life),
            iam_user_boundary: scope.iam_user_boundary.clone().unwrap_or_default(),
            key_rotation: on(scope.key_rotation),
            kms_key: scope.kms_key.clone().unwrap_or_default(),
        }
    }

    /// What is not asked on the page of a connection by another credential stays as it is.
    fn change(&self, of: &Connection) -> ConnectionChange {
        ConnectionChange {
            iam: Some(self.iam.is_some()),
            scope: Some(ScopeChange {
                faster: Some(self.faster.is_some()),
                management_account: Some(self.management_account.is_some()),
                account_tags: Some(self.account_tags.is_some()),
                iam_user_path: Some(self.iam_user_path.clone()),
                iam_user_prefix: Some(self.iam_user_prefix.clone()),
                iam_groups: Some(self.iam_groups.lines().map(str::to_owned).collect()),
                iam_user_life: Some(self.iam_user_life.is_some()),
                iam_user_boundary: Some(self.iam_user_boundary.clone()),
                key_rotation: of.credential.key().map(|_| self.key_rotation.is_some()),
                kms_key: Some(self.kms_key.clone()),
            }),
            ..ConnectionChange::default()
        }
    }

    fn shown(self, connection: &Connection, mistakes: Mistakes) -> view::Scope {
        view::Scope {
            href: href(connection.id),
            name: connection.name.clone(),
            account: connection.credential.account(),
            iam: self.iam.is_some(),
            faster: self.faster.is_some(),
            management_account: self.management_account.is_some(),
            account_tags: self.account_tags.is_some(),
            iam_user_path: self.iam_user_path,
            iam_user_prefix: self.iam_user_prefix,
            iam_groups: self.iam_groups,
            iam_user_life: self.iam_user_life.is_some(),
            iam_user_boundary: self.iam_user_boundary,
            key_rotation: (connection.credential.key()).map(|_| self.key_rotation.is_some()),
            kms_key: self.kms_key,
            mistakes,
        }
    }
}

const TITLE: &str = "What Stint does in this account";

async fn page(cx: Cx, frame: Frame, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let found = connections::get(&cx, id).await?;
    let view = ScopeForm::of(&found).shown(&found, Mistakes::none());
    Ok(web::page(&frame, TITLE, &view))
}

async fn change(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Form(form): Form<ScopeForm>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateConnection, Relation::Others)?;
    let before = connections::get(&cx, id).await?;
    let mistakes = match connections::update(&cx, id, form.change(&before), None).await {
        Ok(after) => {
            let flash = if before.iam && !after.iam {
                "Saved. Nobody can ask for IAM groups any more; what was given is still removed on time, so leave the permissions in AWS until then."
            } else {
                "Saved. Replace the permission policy in AWS by the one below, then test."
            };
            return Ok(web::go_with(
                &format!("{}/setup", href(id)),
                &Flash::done(flash),
            ));
        }
        Err(Error::Bad { field, why }) => Mistakes::at(field, why),
        Err(error) => return Err(error.into()),
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(web::page_with(
        status,
        &frame,
        TITLE,
        &form.shown(&before, mistakes),
    ))
}
