//! The form in the demo's banner.

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::rights::Verb;

use super::{Error, To, move_clock};
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Routes};
use crate::identity::DemoCaller;
use crate::web::{self, Flash};

/// Every route of this room.
pub(crate) fn routes() -> Routes {
    Routes::new().page(Verb::DemoClock, Method::POST, "/demo/clock", clock)
}

#[derive(Debug, Deserialize)]
struct Move {
    to: String,
    #[serde(default)]
    back: String,
}

/// Moves the clock, and goes back to where the button was.
async fn clock(cx: Cx, caller: DemoCaller, Form(form): Form<Move>) -> Result<Response, Failure> {
    if !caller.is_local() {
        return Err(Error::NotFound.into());
    }
    let to = match form.to.as_str() {
        "hour" => To::Hour,
        "next_end" => To::NextEnd,
        _ => return Err(Error::BadTarget.into()),
    };
    let back = web::local(&form.back);
    match move_clock(&cx, to).await {
        Ok(now) => Ok(web::go_with(
            back,
            &Flash::done(format!(
                "The clock shows {}. What was due is being done.",
                web::time::exact(now)
            )),
        )),
        Err(error @ Error::NothingEnds) => Ok(web::go_with(back, &Flash::warning(error.detail()))),
        Err(error) => Err(error.into()),
    }
}
