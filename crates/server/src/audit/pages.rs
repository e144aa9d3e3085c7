//! The page of this room that changes nothing but says much: verifying the chain. The log
//! itself is shown by `overview`, which has the names of what events are about.

use axum::response::Response;
use http::Method;
use stint_domain::rights::Verb;

use super::Error;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Routes};
use crate::web::time::grouped;
use crate::web::{self, Flash};

pub(crate) fn routes() -> Routes {
    Routes::new().page(Verb::VerifyAudit, Method::POST, "/audit/verify", verify)
}

async fn verify(cx: Cx) -> Result<Response, Failure> {
    let flash = match super::verify_as(&cx).await {
        Ok(report) => Flash::done(format!(
            "The chain of {} events is whole. Its head is {}: keep it elsewhere, and the loss of the last events will show too.",
            grouped(report.events),
            super::store::hex(&report.head.hash),
        )),
        Err(broken @ Error::Broken(_)) => Flash::failed(broken.detail()),
        Err(error) => return Err(error.into()),
    };
    Ok(web::go_with("/audit", &flash))
}
