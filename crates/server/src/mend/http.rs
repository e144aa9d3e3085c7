//! What mends a refusal, over HTTP. Nothing of what is sent is kept: no idempotency key is taken.

use stint_api::{Problem, mend as wire};
use stint_domain::rights::Verb;
use stint_iam_policy::{DeniedKind, Refused};
use utoipa_axum::routes;

use super::{Match, Mended};
use crate::catalog::named;
use crate::cx::Cx;
use crate::http::{Failure, Json, Routes};

pub(crate) fn routes() -> Routes {
    Routes::new().api(Verb::MendRefusal, routes!(mend))
}

/// Reads what AWS said when it refused something, and lists what the caller may ask for that would let
/// it through. Nothing of it is kept.
#[utoipa::path(
    post,
    path = "/api/v1/mend",
    tag = "requests",
    request_body = wire::PastedRefusal,
    responses((status = 200, body = wire::Mended), (status = "4XX", body = Problem))
)]
async fn mend(
    cx: Cx,
    Json(input): Json<wire::PastedRefusal>,
) -> Result<Json<wire::Mended>, Failure> {
    let found = super::mend(&cx, &input.message, input.account.as_deref()).await?;
    Ok(Json(shown(found)))
}

fn shown(it: Mended) -> wire::Mended {
    let denial = it.denial;
    wire::Mended {
        who: denial.who.as_ref().map(|who| wire::Denied {
            arn: who.arn.clone(),
            permission_set: match &who.kind {
                DeniedKind::PermissionSet { name, .. } => Some(name.clone()),
                DeniedKind::Session { .. } | DeniedKind::User { .. } | DeniedKind::Other => None,
            },
        }),
        because: because(denial.because).to_owned(),
        advice: super::pages::because_words(denial.because).to_owned(),
        action: denial.action,
        resource: denial.resource,
        account: it.account,
        found: it.found.into_iter().map(matched).collect(),
        more: it.more,
    }
}

fn matched(it: Match) -> wire::Mending {
    wire::Mending {
        entitlement: named(&it.entitlement),
        verdict: if it.certain { "allows" } else { "may_allow" }.to_owned(),
        why: it.why,
        through: it.through.as_ref().map(named),
    }
}

const fn because(it: Refused) -> &'static str {
    match it {
        Refused::NotAllowed => "not_allowed",
        Refused::Unsaid => "unsaid",
        Refused::ByResource => "by_resource",
        Refused::DeniedByTheirs => "denied",
        Refused::ByOrganization => "by_organization",
        Refused::ByBoundary => "by_boundary",
        Refused::BySession => "by_session",
        Refused::ByEndpoint => "by_endpoint",
    }
}
