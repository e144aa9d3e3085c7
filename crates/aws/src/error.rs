//! What AWS said when it did not do as asked, classified here and nowhere else.
//!
//! [`classify`] turns any failure of any SDK call into an [`AwsError`]; the table of codes
//! is [`kind_of`] (AWS reference §1.0, §1.1–1.4, §2, §4). Nothing outside this crate looks
//! at a code to decide anything: it looks at [`ErrorKind`].

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde::Deserialize;
use stint_domain::Span;

/// What a failure means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// We could not become the role, or have no credentials at all. Says nothing about the
    /// thing asked for, and least of all that it is gone.
    Credentials,
    /// AWS knows who asks and does not allow it.
    Denied,
    /// Too many calls; the same call may be made later.
    Throttled,
    /// The thing named does not exist.
    NotFound,
    /// Another change is under way, or the thing exists already.
    Conflict,
    /// AWS does not understand, or forbids, what was asked; asking again changes nothing.
    Invalid,
    /// A quota of the customer's account is used up.
    Quota,
    /// No answer: connection lost, timed out, or unreadable. The call may have taken effect.
    Unreachable,
    /// AWS failed by its own account (HTTP 5xx). The call may have taken effect.
    Internal,
    /// The credentials used have run out.
    Expired,
    /// The time of the signature is too far from AWS's: a sleeping worker or a wrong clock.
    ClockSkew,
    /// Held back by ourselves: the call never left.
    Unsent,
    /// A refusal this table does not know. It took no effect.
    Other,
}

/// A call to AWS that failed.
#[derive(Debug, Clone)]
pub struct AwsError {
    /// What it means.
    pub kind: ErrorKind,
    /// AWS's own code (`AccessDeniedException`), or ours in lower case where no answer came.
    pub code: String,
    /// AWS's own words.
    pub message: String,
    /// `service:Operation`, as AWS's policies name it.
    pub operation: &'static str,
    /// AWS's id of the failed call, where there was an answer.
    pub request_id: Option<String>,
    more: Option<Box<More>>,
}

/// What few failures carry.
#[derive(Debug, Clone, Default)]
struct More {
    reason: Option<String>,
    resource: Option<String>,
    retry_after: Option<Span>,
    cause: Option<AwsError>,
    member: Option<String>,
}

impl AwsError {
    /// An error of our own making: nothing was sent, or what came could not be used.
    pub(crate) fn ours(
        kind: ErrorKind,
        operation: &'static str,
        code: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: message.into(),
            operation,
            request_id: None,
            more: None,
        }
    }

    /// The same, with AWS's id of the call it is about.
    pub(crate) fn about(self, request_id: Option<String>) -> Self {
        Self { request_id, ..self }
    }

    /// The same, as an identity store words it.
    #[cfg(test)]
    pub(crate) fn with(self, reason: Option<&str>, resource: Option<&str>) -> Self {
        let more = More {
            reason: reason.map(str::to_owned),
            resource: resource.map(str::to_owned),
            ..More::default()
        };
        Self {
            more: Some(Box::new(more)),
            ..self
        }
    }

    /// `Reason` of an identity store's answer (AWS reference §1.0).
    pub fn reason(&self) -> Option<&str> {
        self.more.as_ref()?.reason.as_deref()
    }

    /// `ResourceType` of an identity store's `ResourceNotFoundException`.
    pub fn resource(&self) -> Option<&str> {
        self.more.as_ref()?.resource.as_deref()
    }

    /// How long AWS asks to wait.
    pub fn retry_after(&self) -> Option<Span> {
        self.more.as_ref()?.retry_after
    }

    /// For [`ErrorKind::Credentials`]: what becoming the role itself met.
    pub fn cause(&self) -> Option<&AwsError> {
        self.more.as_ref()?.cause.as_ref()
    }

    /// An answer in which AWS left out what it promises to send: the read failed.
    pub(crate) fn unreadable(operation: &'static str, what: &str) -> Self {
        Self::ours(
            ErrorKind::Unreachable,
            operation,
            "unreadable_answer",
            format!("the answer lacks {what}"),
        )
    }

    /// This failure, met while becoming the role: it says nothing about the resource.
    pub(crate) fn while_signing_in(self, operation: &'static str) -> Self {
        if self.kind == ErrorKind::Credentials {
            return self;
        }
        Self {
            kind: ErrorKind::Credentials,
            code: self.code.clone(),
            message: self.message.clone(),
            operation,
            request_id: self.request_id.clone(),
            more: Some(Box::new(More {
                cause: Some(self),
                ..More::default()
            })),
        }
    }

    /// This failure, met while entering a member account: that account's own, and no other's.
    pub(crate) fn of_member(self, account: &str) -> Self {
        let mut error = self.while_signing_in("sts:AssumeRole");
        let more = error.more.get_or_insert_default();
        more.member = Some(account.to_owned());
        error
    }

    /// The member account that did not let Stint in, where that is what happened.
    pub fn member(&self) -> Option<&str> {
        self.more.as_ref()?.member.as_deref()
    }

    /// Whether the credentials of the whole estate fail: nothing can be read with them, anywhere.
    pub fn ends_everything(&self) -> bool {
        let ours = matches!(
            self.kind,
            ErrorKind::Credentials | ErrorKind::Expired | ErrorKind::ClockSkew | ErrorKind::Unsent
        );
        ours && self.member().is_none()
    }

    /// Whether a write that met this may nevertheless have happened.
    pub fn may_have_happened(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::Internal)
    }

    /// Whether the same read may be tried again at once: it says nothing about the next.
    pub fn passing(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Throttled | ErrorKind::Unreachable | ErrorKind::Internal
        )
    }

    /// Whether fresh credentials may mend it.
    pub(crate) fn wants_fresh_credentials(&self) -> bool {
        matches!(self.kind, ErrorKind::Expired | ErrorKind::Credentials) && self.cause().is_none()
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with {}", self.operation, self.code)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (AWS request {id})")?;
        }
        Ok(())
    }
}

impl StdError for AwsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause().map(|c| c as &dyn StdError)
    }
}

/// What a JSON service adds to its error beside code and message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Extras {
    #[serde(rename = "Reason")]
    reason: Option<String>,
    #[serde(rename = "ResourceType")]
    resource: Option<String>,
    #[serde(rename = "RetryAfterSeconds")]
    retry_after: Option<i64>,
}

impl Extras {
    fn more(self) -> Option<Box<More>> {
        let more = More {
            reason: self.reason,
            resource: self.resource,
            retry_after: self.retry_after.map(Span::seconds),
            cause: None,
            member: None,
        };
        let any = more.reason.is_some() || more.resource.is_some() || more.retry_after.is_some();
        any.then(|| Box::new(more))
    }
}

/// Classifies any failed call.
pub(crate) fn classify<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let Some(cause) = find::<CredentialsError>(error) {
        return AwsError::ours(
            ErrorKind::Credentials,
            operation,
            "no_credentials",
            format!("this process has no AWS credentials: {}", chain(cause)),
        );
    }
    let unanswered = |kind, code, message: String| AwsError::ours(kind, operation, code, message);
    match error {
        SdkError::ConstructionFailure(_) => unanswered(ErrorKind::Unsent, "unsent", chain(error)),
        SdkError::TimeoutError(_) => unanswered(ErrorKind::Unreachable, "timed_out", chain(error)),
        SdkError::DispatchFailure(_) => {
            unanswered(ErrorKind::Unreachable, "no_answer", chain(error))
        }
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let extras = answer
                .raw()
                .body()
                .bytes()
                .and_then(|body| serde_json::from_slice::<Extras>(body).ok())
                .unwrap_or_default();
            let code = answer.err().code().unwrap_or_default();
            let message = answer.err().message().unwrap_or_default();
            AwsError {
                kind: kind_of(code, message, status),
                code: if code.is_empty() {
                    format!("http_{status}")
                } else {
                    code.to_owned()
                },
                message: message.to_owned(),
                operation,
                request_id: error.request_id().map(str::to_owned),
                more: extras.more(),
            }
        }
        _ => unanswered(ErrorKind::Unreachable, "unreadable_answer", chain(error))
            .about(error.request_id().map(str::to_owned)),
    }
}

/// The table: code (and, for signatures, words) to meaning.
pub(crate) fn kind_of(code: &str, message: &str, status: u16) -> ErrorKind {
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "AccessDeniedForDependencyException"
        | "NotAuthorized"
        | "UnauthorizedAccess"
        | "OptInRequired" => ErrorKind::Denied,

        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "EC2ThrottledException"
        // Too many messages of a queue are under way: it passes (AWS reference §2).
        | "OverLimit" => ErrorKind::Throttled,

        "ResourceNotFoundException"
        | "NoSuchEntity"
        | "AccountNotFoundException"
        | "TargetNotFoundException"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "AWSOrganizationsNotInUseException" => ErrorKind::NotFound,

        "ConflictException"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "EntityTemporarilyUnmodifiable"
        | "EntityAlreadyExists"
        | "DeleteConflict" => ErrorKind::Conflict,

        "ServiceQuotaExceededException" | "LimitExceeded" => ErrorKind::Quota,

        "ValidationException"
        | "ValidationError"
        | "InvalidInput"
        | "InvalidInputException"
        | "InvalidAction"
        | "InvalidParameterValue"
        | "InvalidAddress"
        | "ReceiptHandleIsInvalid"
        | "InvalidParameterCombination"
        | "InvalidQueryParameter"
        | "MalformedQueryString"
        | "MissingAction"
        | "MissingParameter"
        | "MalformedPolicyDocument"
        | "MalformedPolicyDocumentException"
        | "PackedPolicyTooLarge"
        | "PackedPolicyTooLargeException"
        | "PolicyNotAttachable"
        | "UnmodifiableEntity"
        | "ConstraintViolationException"
        | "UnsupportedAPIEndpointException"
        | "UnknownOperationException"
        | "SerializationException"
        | "RegionDisabledException" => ErrorKind::Invalid,

        "ExpiredToken" | "ExpiredTokenException" => ErrorKind::Expired,

        "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture" => ErrorKind::ClockSkew,
        // One code for a wrong secret and for an old signature; only the words tell.
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "InvalidSignature" => {
            let words = message.to_ascii_lowercase();
            if words.contains("expired") || words.contains("not yet current") {
                ErrorKind::ClockSkew
            } else {
                ErrorKind::Credentials
            }
        }
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => ErrorKind::Credentials,

        "InternalServerException"
        | "InternalFailure"
        | "InternalError"
        | "ServiceException"
        | "ServiceFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "PolicyEvaluation"
        | "RequestTimeout"
        | "RequestTimeoutException" => ErrorKind::Internal,

        _ if status >= 500 => ErrorKind::Internal,
        _ if status == 429 => ErrorKind::Throttled,
        _ => ErrorKind::Other,
    }
}

/// The first error of type `T` among an error's causes.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        next = e.source();
    }
    None
}

/// An error with its causes, in one line. The SDK's own texts carry no credentials.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(e) = next {
        let more = e.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = e.source();
    }
    text
}

#[cfg(test)]
mod tests;
