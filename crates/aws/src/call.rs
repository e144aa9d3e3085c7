//! One call: through the door, out, and back with its answer classified.

use std::future::Future;

use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use tracing::debug;

use crate::base::CallerIdentity;
use crate::error::{AwsError, ErrorKind, classify};
use crate::governor::{Ask, Governor, Lane, Permit};

/// How often a read is made in all before its failure counts.
const READS: u32 = 4;
/// The same of a read that AWS only takes too often, by whoever waits: a sync goes on, slowly.
const THROTTLED: u32 = 8;
const THROTTLED_SYNC: u32 = 60;

/// How often the same read failed, and whether it is made again.
#[derive(Default)]
pub(crate) struct Tries {
    failed: u32,
    throttled: u32,
}

impl Tries {
    /// Notes a failure. Answers the how many-eth it is, if the read is made again.
    pub(crate) fn again(&mut self, error: &AwsError, lane: Lane) -> Option<u32> {
        if error.kind == ErrorKind::Throttled {
            self.throttled += 1;
            let most = match lane {
                Lane::Sync => THROTTLED_SYNC,
                Lane::Revoke | Lane::Provision | Lane::Interactive => THROTTLED,
            };
            return (self.throttled < most).then_some(self.throttled);
        }
        self.failed += 1;
        (error.passing() && self.failed < READS).then_some(self.failed)
    }
}

/// Makes one call as soon as the governor lets it, at once with a permit that was got before.
/// The permit comes back with the answer, for a write whose slot must outlive the call; after
/// a failure the slot is free.
pub(crate) async fn once<T, E, F, Fut>(
    governor: &Governor,
    ask: Ask<'_>,
    permit: Option<Permit>,
    operation: &'static str,
    send: F,
) -> Result<(T, Permit), AwsError>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    T: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let permit = match permit {
        Some(permit) => permit,
        None => governor.admit(ask).await.map_err(|held| {
            let code = match held {
                crate::Held::AccountBusy => "account_busy",
                crate::Held::WritesOutstanding => "writes_outstanding",
            };
            AwsError::ours(ErrorKind::Unsent, operation, code, held.to_string())
        })?,
    };
    // The SDK's futures are large.
    match Box::pin(send()).await {
        Ok(answer) => {
            debug!(
                aws.operation = operation,
                aws.request.id = answer.request_id(),
                lane = ask.lane.as_str(),
                "called"
            );
            Ok((answer, permit))
        }
        Err(error) => {
            let error = classify(operation, &error);
            debug!(
                aws.operation = operation,
                aws.request.id = error.request_id,
                aws.code = error.code,
                lane = ask.lane.as_str(),
                "call failed"
            );
            if error.kind == ErrorKind::Throttled {
                permit.throttled(error.retry_after());
            }
            permit.ended().await;
            Err(error)
        }
    }
}

/// Makes a call that changes nothing, again while the failure may pass.
pub(crate) async fn repeated<T, E, F, Fut>(
    governor: &Governor,
    ask: Ask<'_>,
    operation: &'static str,
    send: F,
) -> Result<T, AwsError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    T: RequestId,
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut tries = Tries::default();
    loop {
        match once(governor, ask, None, operation, &send).await {
            Ok((answer, _)) => return Ok(answer),
            Err(error) => match tries.again(&error, ask.lane) {
                Some(tries) => governor.back_off(tries).await,
                None => return Err(error),
            },
        }
    }
}

/// What `GetCallerIdentity` said.
pub(crate) fn caller(answer: &GetCallerIdentityOutput) -> Result<CallerIdentity, AwsError> {
    let field = |value: Option<&str>, what| {
        value
            .map(str::to_owned)
            .ok_or_else(|| AwsError::unreadable("sts:GetCallerIdentity", what))
    };
    Ok(CallerIdentity {
        account: field(answer.account(), "Account")?,
        arn: field(answer.arn(), "Arn")?,
        user_id: field(answer.user_id(), "UserId")?,
        request_id: answer.request_id().map(str::to_owned),
    })
}
