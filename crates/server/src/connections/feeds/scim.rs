//! Whether the SCIM endpoint of a connection answers: one user is asked for, and nothing kept.

use serde_json::Value;
use stint_aws::{Ask, Lane, Service};
use stint_domain::{ConnectionId, Span};

use super::super::{Check, Error, Outcome};
use super::{ScimOnFile, rows, scim_token};
use crate::cx::Cx;
use crate::http::{Fault as _, Outgoing};

/// What AWS's refusal of a token means, and what helps.
pub const TOKEN_REFUSED: &str = "AWS does not take the SCIM token: it has run out, was revoked, or belongs to another \
     endpoint. Make a new one in the Identity Center console and save it here.";
/// What an endpoint that AWS does not know means.
pub const NO_ENDPOINT: &str = "There is no such SCIM endpoint: AWS answered 404.";

/// How long a token of AWS's lives (AWS reference §1.7 [K]).
const LIFE: Span = Span::hours(24 * 365);
/// How long before its end somebody is told.
const SOON: Span = Span::hours(24 * 30);

/// What a test of the connection finds out about its SCIM endpoint, if it has one.
pub(in super::super) async fn look(cx: &Cx, id: ConnectionId) -> Result<Option<Check>, Error> {
    let feeds = rows::feeds(&mut cx.read().await?, id).await?;
    let Some(scim) = feeds.scim else {
        return Ok(None);
    };
    let (outcome, what, mend) = match asked(cx, id, &scim).await {
        Ok(()) => {
            let ends = scim.set_at + LIFE;
            let old = cx.app.clock.now() >= ends - SOON;
            let what = "the SCIM endpoint answers, and takes the token".to_owned();
            if old {
                let mend = format!(
                    "AWS's tokens last a year: this one, set at {}, runs out about {ends}. Make a new one in the \
                     Identity Center console and save it here.",
                    scim.set_at
                );
                (Outcome::Warning, what, Some(mend))
            } else {
                (Outcome::Ok, what, None)
            }
        }
        Err(why) => {
            let mend = "Until it does, who is active stays as it was last known, where the identity store does not \
                        say.";
            (Outcome::Warning, why, Some(mend.to_owned()))
        }
    };
    Ok(Some(Check {
        name: "scim".to_owned(),
        outcome,
        what,
        mend,
        request_ids: Vec::new(),
    }))
}

/// Asks for one user, once; why that failed, in words.
async fn asked(cx: &Cx, id: ConnectionId, scim: &ScimOnFile) -> Result<(), String> {
    let token = scim_token(&cx.app, id, scim).map_err(|error| error.detail())?;
    let simulated = cx.app.aws.is_simulated();
    let out = Outgoing::new(simulated).map_err(|error| error.to_string())?;
    let scope = id.to_string();
    let ask = Ask {
        scope: &scope,
        lane: Lane::Interactive,
        service: Service::Scim,
        account: None,
    };
    let permit = cx.app.aws.governor().admit(ask).await;
    let permit = permit.map_err(|held| held.to_string())?;
    let url = format!("{}Users?count=1", scim.endpoint);
    let answer = out.get(&url, &token).await;
    let answer = answer.map_err(|error| format!("The SCIM endpoint did not answer: {error}."))?;
    match answer.status {
        200 => serde_json::from_slice::<Value>(&answer.body)
            .ok()
            .filter(|told| told.get("Resources").is_some_and(Value::is_array))
            .map(drop)
            .ok_or_else(|| "The SCIM endpoint answered something else than users.".to_owned()),
        401 => Err(TOKEN_REFUSED.to_owned()),
        404 => Err(NO_ENDPOINT.to_owned()),
        429 => {
            permit.throttled(None);
            Err(
                "The SCIM endpoint takes no more calls just now. Test again in a minute."
                    .to_owned(),
            )
        }
        status => Err(format!("The SCIM endpoint answered {status}.")),
    }
}
