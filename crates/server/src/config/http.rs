//! Configuration as code over HTTP. No idempotency key is taken: a plan that was applied is another
//! one afterwards.

use axum::response::{IntoResponse as _, Response};
use http::header;
use stint_api::{Problem, config as wire};
use stint_domain::rights::Verb;
use utoipa_axum::routes;

use super::{Applied, ByHand, Change, Error, File, Mistake, Outcome, Plan, Seen};
use crate::cx::Cx;
use crate::http::{Failure, Json, Routes};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .api(Verb::PlanConfig, routes!(plan))
        .api(Verb::ApplyConfig, routes!(apply))
        .api(Verb::ExportConfig, routes!(export))
}

/// Says what files would change, field by field, or everything that is wrong with them. Nothing is
/// written.
#[utoipa::path(
    post,
    path = "/api/v1/config/plan",
    tag = "configuration",
    request_body = wire::PlanConfig,
    responses((status = 200, body = wire::ConfigPlan), (status = "4XX", body = Problem))
)]
async fn plan(
    cx: Cx,
    Json(input): Json<wire::PlanConfig>,
) -> Result<Json<wire::ConfigPlan>, Failure> {
    let plan = super::plan(&cx, &files(input.files)).await?;
    Ok(Json(shown(plan)))
}

/// Applies exactly the plan that was looked at, one change after the other. Where one fails the rest is
/// left; a second plan shows what is left.
#[utoipa::path(
    post,
    path = "/api/v1/config/apply",
    tag = "configuration",
    request_body = wire::ApplyConfig,
    responses((status = 200, body = wire::AppliedConfig), (status = "4XX", body = Problem))
)]
async fn apply(
    cx: Cx,
    Json(input): Json<wire::ApplyConfig>,
) -> Result<Json<wire::AppliedConfig>, Failure> {
    let wire::ApplyConfig {
        files: given,
        plan: looked_at,
        seen,
        overwrite,
    } = input;
    let seen: Vec<Seen> = (seen.into_iter())
        .map(|it| Seen {
            kind: it.kind,
            name: it.name,
            digest: it.digest,
        })
        .collect();
    let files = files(given);
    // It goes on where whoever asked has gone: else what was done would not be kept as applied, and
    // would look as if it had been done by hand.
    let applying =
        tokio::spawn(async move { super::apply(&cx, &files, &looked_at, &seen, overwrite).await });
    let applied = applying.await.map_err(|_| Error::Stopped)??;
    Ok(Json(done(applied)))
}

/// Everything that can be said in files, as it is now, as one file of YAML.
#[utoipa::path(
    get,
    path = "/api/v1/config/export",
    tag = "configuration",
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/yaml"),
        (status = "4XX", body = Problem)
    )
)]
async fn export(cx: Cx) -> Result<Response, Failure> {
    let text = super::export(&cx).await?;
    Ok(([(header::CONTENT_TYPE, "application/yaml")], text).into_response())
}

fn files(files: Vec<wire::ConfigFile>) -> Vec<File> {
    (files.into_iter())
        .map(|it| File {
            name: it.name,
            text: it.text,
        })
        .collect()
}

fn shown(plan: Plan) -> wire::ConfigPlan {
    wire::ConfigPlan {
        mistakes: plan.mistakes.into_iter().map(mistake).collect(),
        changes: plan.changes.into_iter().map(change).collect(),
        same: u64::try_from(plan.same).unwrap_or(u64::MAX),
        digest: plan.digest,
    }
}

fn mistake(it: Mistake) -> wire::ConfigMistake {
    wire::ConfigMistake {
        file: it.file,
        line: it.line,
        column: it.column,
        problem: it.problem,
    }
}

fn change(it: Change) -> wire::ConfigChange {
    wire::ConfigChange {
        kind: it.kind.as_str().to_owned(),
        name: it.name,
        action: if it.new { "create" } else { "change" }.to_owned(),
        fields: (it.fields.into_iter())
            .map(|it| wire::ConfigField {
                field: it.field,
                before: it.before,
                after: it.after,
            })
            .collect(),
        by_hand: it.by_hand.map(by_hand),
        file: it.file,
        line: it.line,
        digest: it.digest,
    }
}

fn by_hand(it: ByHand) -> wire::ByHand {
    let (changed_at, changed_by) = it.changed.unzip();
    wire::ByHand {
        applied_at: it.applied_at.to_string(),
        applied_by: it.applied_by,
        changed_at: changed_at.map(|at| at.to_string()),
        changed_by: changed_by.flatten(),
    }
}

fn done(it: Applied) -> wire::AppliedConfig {
    wire::AppliedConfig {
        complete: it.is_complete(),
        outcomes: (it.outcomes.into_iter())
            .map(|(change, outcome)| {
                let (word, code, detail) = match outcome {
                    Outcome::Done => ("done", None, None),
                    Outcome::Failed(code, detail) => {
                        ("failed", Some(code.to_owned()), Some(detail))
                    }
                    Outcome::Left => ("left", None, None),
                };
                wire::ConfigOutcome {
                    kind: change.kind.as_str().to_owned(),
                    name: change.name,
                    outcome: word.to_owned(),
                    code,
                    detail,
                }
            })
            .collect(),
    }
}
