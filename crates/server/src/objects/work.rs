//! One claimed object, worked on until there is nothing to do for now.
//!
//! Each turn is a transaction that plans and writes down; then at most one call to AWS (a reading
//! is several), with no transaction open; then a transaction that writes down what it said. A
//! worker that dies anywhere leaves rows from which the next one goes on.

mod key;
mod person;

use stint_domain::ObjectId;
use stint_domain::binding::{Claim, Lost};
use stint_domain::managed::Answer;

use super::Error;
use crate::cx::App;

/// More turns in one claim than any sensible history needs.
const MOST_TURNS: usize = 200;

/// Works on an IAM user.
pub(super) async fn user(app: &App, id: ObjectId, claim: Claim) -> Result<(), Error> {
    person::Worker::new(app, id, claim).work().await
}

/// Works on a rotation.
pub(super) async fn rotation(app: &App, id: ObjectId, claim: Claim) -> Result<(), Error> {
    key::Worker::new(app, id, claim).work().await
}

fn lost(id: ObjectId, lost: Lost) {
    tracing::info!(object.id = %id, why = %lost, "claim.lost");
}

/// The connector's words in the rules' words. What AWS names as missing is said with the
/// statement that allows it.
fn understood(answer: stint_aws::Answer) -> Answer {
    match answer {
        stint_aws::Answer::Succeeded { .. } | stint_aws::Answer::Accepted { .. } => {
            Answer::Succeeded
        }
        stint_aws::Answer::NotFound => Answer::NotFound,
        // Perhaps by a call of ours whose answer was lost: the next reading tells whose it is.
        stint_aws::Answer::AlreadyThere => Answer::Refused {
            permanent: false,
            why: "there is an IAM user of that name already".to_owned(),
        },
        stint_aws::Answer::Refused {
            code,
            message,
            permanent,
        } => Answer::Refused {
            permanent,
            why: explained(&code, &message),
        },
        stint_aws::Answer::Unknown { why } => Answer::Unknown { why },
    }
}

fn explained(code: &str, message: &str) -> String {
    match stint_aws::Missing::of(message) {
        Some(missing) => format!(
            "{missing} is not allowed to Stint. Add this statement to the IAM policy of the connection's \
             credential: {}. AWS said: {code}: {message}",
            missing.statement()
        ),
        None => format!("{code}: {message}"),
    }
}

/// A failed reading in words.
fn unread(error: &stint_aws::AwsError) -> String {
    match stint_aws::Missing::of(&error.message) {
        Some(_) => explained(&error.code, &error.message),
        None => crate::http::failure_chain(error).to_string(),
    }
}
