//! Whether a connection works, and what to paste into AWS so that it does.

use serde_json::{Value, json};
use stint_aws::Instance;
use stint_db::{Priority, Query};
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};
use stint_iam_policy::{Own, Weight, trust_policy};

use super::manage::with_owners;
use super::{
    Action, Carrier, Check, Connection, Credential, Error, Outcome, Status, TestReport, estate,
    feeds, store,
};
use crate::cx::Cx;
use crate::http::Fault as _;
use crate::{outbox, sealed};

/// What to do in AWS so that Stint may enter an estate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// As whom this process calls AWS. Absent where it does not matter: by access key.
    pub base_identity: Option<String>,
    /// The account the role, the user or this process belongs in.
    pub account: String,
    /// For a role: names only the base identity, and asks for the External ID.
    pub trust_policy: Option<Value>,
    /// Exactly the actions Stint uses.
    pub permission_policy: Value,
    /// Who carries the permissions.
    pub carrier: Carrier,
}

/// What to paste. Asks AWS as whom Stint calls it. Where it enters by an access key that says
/// nothing, the policy holds for a user of whatever path; else it fails with
/// [`Error::BaseIdentity`] when this machine has no AWS credentials.
pub async fn setup(cx: &Cx, id: ConnectionId) -> Result<Setup, Error> {
    cx.authorize(Verb::GetConnection, Relation::Others)?;
    let found = store::connection(&mut cx.read().await?, id)
        .await?
        .ok_or(Error::NotFound)?;
    let mut features = found.features();
    let feeds = store::feeds::feeds(&mut cx.read().await?, id).await?;
    features.change_events = feeds.queue.map(|queue| queue.arn());
    let base_identity = match &found.credential {
        Credential::AccessKey(_) => {
            if let Own::User { arn, .. } = &mut features.own {
                *arn = user_of(cx, &found).await;
            }
            None
        }
        Credential::Role { .. } | Credential::Host { .. } => {
            let base = cx.app.aws.base_identity().await;
            let base = base.map_err(|error| Error::BaseIdentity(Box::new(error)))?;
            if matches!(found.credential, Credential::Host { .. }) {
                features.own = if base.is_user() {
                    Own::User {
                        arn: Some(base.trusted_arn()),
                        rotates: false,
                    }
                } else {
                    Own::Host(base.trusted_arn())
                };
            }
            Some(base.trusted_arn())
        }
    };
    let trust = base_identity
        .as_deref()
        .filter(|_| found.credential.role_arn().is_some())
        .map(|base| trust_policy(base, &found.external_id).to_json());
    let carrier = match (found.credential.role_arn(), &base_identity) {
        (Some(role), _) => Carrier::new_role(role),
        (None, Some(base)) => Carrier::at(base),
        (None, None) => Carrier::User { name: None },
    };
    Ok(Setup {
        carrier,
        trust_policy: trust,
        permission_policy: features.policy().to_json(),
        account: found.credential.account(),
        base_identity,
    })
}

/// The ARN of the user an access key is of: only AWS knows its path. None where it does not say, and
/// where it is no user of the account the connection is to.
async fn user_of(cx: &Cx, of: &Connection) -> Option<String> {
    let me = estate(&cx.app, of).ok()?.identity().await.ok()?;
    (me.is_user() && me.account == of.credential.account()).then_some(me.arn)
}

/// Tests a connection and keeps what was found. Changes nothing in AWS.
///
/// A first test that passes binds the connection to the Identity Center instance it found.
/// One that later finds another instance, or one another connection manages, has failed.
pub async fn test(cx: &Cx, id: ConnectionId) -> Result<Connection, Error> {
    cx.authorize(Verb::TestConnection, Relation::Others)?;
    run(cx, id).await
}

/// The test itself, for whoever was allowed to have it run.
pub(super) async fn run(cx: &Cx, id: ConnectionId) -> Result<Connection, Error> {
    let tested = store::connection(&mut cx.read().await?, id)
        .await?
        .ok_or(Error::NotFound)?;
    if tested.removed_at.is_some() {
        return Err(Error::Removed);
    }
    let (mut queue, mut scim) = (None, None);
    let found = match estate(&cx.app, &tested) {
        Ok(estate) => {
            let hears = store::feeds::feeds(&mut cx.read().await?, id).await?;
            let mut found = estate.test_hearing(hears.queue.as_ref()).await;
            queue = feeds::look(cx, &estate, hears, &mut found.actions).await;
            scim = feeds::scim::look(cx, id).await?;
            found
        }
        Err(Error::Sealed(error)) => unreadable(&error),
        Err(error) => return Err(error),
    };
    let mut report = TestReport {
        passed: found.passed(),
        at: cx.app.clock.now(),
        checks: found
            .checks
            .iter()
            .map(kept)
            .chain(queue)
            .chain(scim)
            .collect(),
        actions: found.actions.iter().map(action).collect(),
    };

    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = store::lock_connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    if before.credential != tested.credential || before.features() != tested.features() {
        // What was tested is no longer what is there.
        return Err(Error::Stale {
            version: before.version,
        });
    }
    if let Some(instance) = &found.instance {
        match other_estate(&mut tx, &before, instance).await? {
            Some(check) => {
                report.passed = false;
                report.checks.push(check);
            }
            None if report.passed && before.instance_arn.is_none() => {
                let account = found.management_account.as_deref();
                let account = account.unwrap_or(&instance.owner_account);
                store::set_instance(&mut tx, id, instance, account)
                    .await
                    .map_err(Error::taken)?;
            }
            None => {}
        }
    }
    store::set_test(&mut tx, id, &report).await?;
    if let Some((status, detail)) = status_after(&before, &report) {
        store::set_status(&mut tx, id, status, detail).await?;
    }
    let after = store::connection(&mut tx, id)
        .await?
        .ok_or(Error::NotFound)?;
    let after = with_owners(&mut tx, after).await?;
    let of = |outcome| -> Vec<&str> {
        let checks = report
            .checks
            .iter()
            .filter(|check| check.outcome == outcome);
        checks.map(|check| check.name.as_str()).collect()
    };
    let facts = json!({
        "passed": report.passed,
        "failed": of(Outcome::Failed),
        "warnings": of(Outcome::Warning),
        "instance_arn": after.instance_arn,
    });
    tx.audit(cx.event("connection.tested", [id.into()], facts));
    let news = json!({ "connection": id, "passed": report.passed });
    outbox::emit(&mut tx, cx, "connection.tested", news).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(after)
}

/// The report of a connection whose secret cannot be opened: nothing was called.
fn unreadable(error: &sealed::Error) -> stint_aws::TestReport {
    let check = stint_aws::Check {
        name: "access_key",
        outcome: stint_aws::Outcome::Failed,
        what: error.to_string(),
        mend: Some(error.detail()),
        request_ids: Vec::new(),
    };
    stint_aws::TestReport {
        checks: vec![check],
        ..stint_aws::TestReport::default()
    }
}

fn kept(check: &stint_aws::Check) -> Check {
    Check {
        name: check.name.to_owned(),
        outcome: match check.outcome {
            stint_aws::Outcome::Ok => Outcome::Ok,
            stint_aws::Outcome::Warning => Outcome::Warning,
            stint_aws::Outcome::Failed => Outcome::Failed,
        },
        what: check.what.clone(),
        mend: check.mend.clone(),
        request_ids: check.request_ids.clone(),
    }
}

fn action(of: &stint_aws::ActionCheck) -> Action {
    let weight = match of.weight {
        Weight::Needed => "needed",
        Weight::Changes => "changes",
        Weight::Faster => "faster",
        Weight::Testing => "testing",
    };
    Action {
        action: of.action.clone(),
        statement: of.statement.clone(),
        purpose: of.purpose.to_owned(),
        weight: weight.to_owned(),
        able: of.able.as_str().to_owned(),
        note: of.note.clone(),
    }
}

/// The failed check when this instance is not the connection's to manage.
async fn other_estate(
    q: &mut impl Query,
    connection: &Connection,
    found: &Instance,
) -> Result<Option<Check>, Error> {
    let failed = |what, mend: &str| Check {
        name: "estate".to_owned(),
        outcome: Outcome::Failed,
        what,
        mend: Some(mend.to_owned()),
        request_ids: found.request_id.iter().cloned().collect(),
    };
    if let Some(bound) = connection
        .instance_arn
        .as_ref()
        .filter(|arn| **arn != found.instance_arn)
    {
        let what = format!(
            "It leads to the Identity Center instance {}, but this connection manages {bound}.",
            found.instance_arn
        );
        let mend = "Give this connection a credential in the estate it manages, and connect the other estate by a connection of its own.";
        return Ok(Some(failed(what, mend)));
    }
    let other = store::same_instance(q, &found.instance_arn, connection.id).await?;
    Ok(other.map(|name| {
        let what = format!(
            "The connection “{name}” manages the Identity Center instance {} already.",
            found.instance_arn
        );
        failed(what, "One estate has one connection: use that one.")
    }))
}

/// What a test means for the status. A sync under way says for itself how it ended.
fn status_after(before: &Connection, report: &TestReport) -> Option<(Status, Option<String>)> {
    match (before.status, report.passed) {
        (Status::Syncing, _) => None,
        (_, false) => {
            let first = report
                .checks
                .iter()
                .find(|check| check.outcome == Outcome::Failed);
            Some((Status::Failing, first.map(|check| check.what.clone())))
        }
        (Status::Failing, true) if before.last_sync_at.is_some() => Some((Status::Connected, None)),
        (Status::Failing, true) => Some((Status::NotConnected, None)),
        (Status::NotConnected | Status::Connected, true) => None,
    }
}
