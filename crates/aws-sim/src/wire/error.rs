//! Errors as AWS sends them.

use serde_json::{Map, Value, json};

use super::Service;

/// An error answer: code, words, status, and what else its shape carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) extra: Map<String, Value>,
    /// Modelled errors spell `Message`; those from the door in front of a service, `message`.
    pub(crate) from_the_door: bool,
}

impl ApiError {
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: code.into(),
            message: message.into(),
            extra: Map::new(),
            from_the_door: false,
        }
    }

    fn door(code: &str, message: impl Into<String>) -> Self {
        Self {
            from_the_door: true,
            ..Self::new(code, message)
        }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(member.to_owned(), value.into());
        self
    }

    pub(crate) fn serialization() -> Self {
        Self::door(
            "SerializationException",
            "Start of structure or map found where not expected.",
        )
    }

    pub(crate) fn missing_action() -> Self {
        Self::new(
            "MissingAction",
            "The request must contain the parameter Action.",
        )
    }

    /// The operation is none of the service's, or none the simulator has.
    pub(crate) fn unknown_operation(service: Service, operation: &str, version: &str) -> Self {
        if service.is_query() {
            Self::new(
                "InvalidAction",
                format!("Could not find operation {operation} for version {version}"),
            )
        } else if service == Service::Scim {
            // "This error also occurs if the operation is unsupported" [D].
            Self::new(
                "ValidationException",
                "Request is unparsable, syntactically incorrect, or violates schema.",
            )
        } else {
            Self::door("UnknownOperationException", "")
        }
    }

    pub(crate) fn missing_authentication(service: Service) -> Self {
        if service.is_query() {
            Self::new(
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )
            .status(403)
        } else {
            Self::door(
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            )
            .barred(service)
        }
    }

    /// SQS refuses callers with the status its older protocol has.
    fn barred(self, service: Service) -> Self {
        match service {
            Service::Sqs => self.status(403),
            _ => self,
        }
    }

    pub(crate) fn incomplete_signature(service: Service, message: impl Into<String>) -> Self {
        let code = if service.is_query() {
            "IncompleteSignature"
        } else {
            "IncompleteSignatureException"
        };
        Self::door(code, message)
    }

    /// Anything wrong with the signature itself.
    pub(crate) fn bad_signature(service: Service, message: impl Into<String>) -> Self {
        if service.is_query() {
            Self::new("SignatureDoesNotMatch", message).status(403)
        } else {
            Self::door("InvalidSignatureException", message).barred(service)
        }
    }

    /// The signature is not the one this key's secret gives.
    pub(crate) fn signature_mismatch(service: Service) -> Self {
        Self::bad_signature(
            service,
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        )
    }

    /// A key nobody has, or a session key without its token.
    pub(crate) fn unknown_key(service: Service) -> Self {
        let message = "The security token included in the request is invalid.";
        if service.is_query() {
            Self::new("InvalidClientTokenId", message).status(403)
        } else {
            Self::door("UnrecognizedClientException", message).barred(service)
        }
    }

    pub(crate) fn expired_token(service: Service) -> Self {
        let message = "The security token included in the request is expired";
        if service.is_query() {
            Self::new("ExpiredToken", message).status(403)
        } else {
            Self::door("ExpiredTokenException", message).barred(service)
        }
    }

    /// Whatever the service says when it is asked too much (AWS reference §2), and that it may be
    /// asked again in so many seconds where its shape has a place for that.
    pub(crate) fn throttled(service: Service, seconds: u64) -> Self {
        match service {
            Service::Sts | Service::Iam => Self::new("Throttling", "Rate exceeded"),
            Service::Organizations => Self::new(
                "TooManyRequestsException",
                "AWS Organizations can't complete your request because the rate was exceeded. Try again later.",
            ),
            Service::IdentityStore => {
                Self::new("ThrottlingException", "Rate exceeded").with("RetryAfterSeconds", seconds)
            }
            Service::Sqs => Self::new("RequestThrottled", "Request is throttled."),
            Service::SsoOidc => Self::new("SlowDownException", "Too many requests"),
            Service::Signin => Self::new("BadRequest", "Rate exceeded").status(429),
            Service::Portal => {
                Self::new("TooManyRequestsException", "HTTP 429 Unknown Code").status(429)
            }
            Service::Scim => Self::new(
                "ThrottlingException",
                "Too many requests exceeded the limits.",
            )
            .status(429),
            Service::Sso | Service::Nobody => Self::new("ThrottlingException", "Rate exceeded"),
        }
    }

    /// Organizations has enough calls of this account in hand (AWS reference §2 [R]).
    pub(crate) fn another_in_progress() -> Self {
        Self::new(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in progress. Try again later.",
        )
    }

    /// Nobody is there to serve (AWS documentation, common errors [D]).
    pub(crate) fn unavailable(service: Service) -> Self {
        let message = "Service is unable to handle request.";
        match service {
            Service::Sts | Service::Iam | Service::Sqs => {
                Self::new("ServiceUnavailable", message).status(503)
            }
            _ => Self::door("ServiceUnavailableException", message).status(503),
        }
    }

    /// The service fails.
    pub(crate) fn internal(service: Service) -> Self {
        let (code, message) = match service {
            Service::Sts => (
                "InternalFailure",
                "We encountered an internal error. Please try again.",
            ),
            Service::Iam => (
                "ServiceFailure",
                "The request processing has failed because of an unknown error.",
            ),
            Service::Sqs => (
                "InternalFailure",
                "We encountered an internal error. Please try again.",
            ),
            Service::Organizations => (
                "ServiceException",
                "AWS Organizations can't complete your request because of an internal service error. Try again later.",
            ),
            Service::Scim => (
                "InternalServerException",
                "Service failed to process the request.",
            ),
            Service::Sso
            | Service::IdentityStore
            | Service::SsoOidc
            | Service::Portal
            | Service::Signin
            | Service::Nobody => (
                "InternalServerException",
                "An unexpected internal service exception was encountered",
            ),
        };
        Self::new(code, message).status(500)
    }

    /// AWS says which action was refused and which kind of policy did it, but for
    /// Organizations, which says nothing. Without a reason it reads as if nothing allowed it.
    pub(crate) fn access_denied(
        service: Service,
        caller: &str,
        action: &str,
        resource: &str,
        why: Option<String>,
    ) -> Self {
        let reason = why.unwrap_or_else(|| {
            format!("because no identity-based policy allows the {action} action")
        });
        match service {
            Service::Organizations => {
                Self::new("AccessDeniedException", "You don't have permissions to access this resource.")
            }
            Service::Sts | Service::Iam => Self::new(
                "AccessDenied",
                format!("User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}"),
            )
            .status(403),
            Service::Sqs => Self::new(
                "AccessDeniedException",
                format!("User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}"),
            )
            .status(403),
            Service::Sso
            | Service::IdentityStore
            | Service::SsoOidc
            | Service::Portal
            | Service::Signin
            | Service::Scim
            | Service::Nobody => Self::new(
                "AccessDeniedException",
                format!("User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}"),
            ),
        }
    }

    /// The same without a reason: missing role, wrong External ID, trust and policy all read
    /// alike (AWS reference §4 [K/R]).
    pub(crate) fn may_not_assume(caller: &str, role: &str) -> Self {
        Self::new(
            "AccessDenied",
            format!(
                "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"
            ),
        )
        .status(403)
    }

    pub(crate) fn validation(service: Service, message: impl Into<String>) -> Self {
        let code = match service {
            Service::Sts | Service::Iam => "ValidationError",
            Service::Organizations => "InvalidInputException",
            Service::Sqs => "InvalidParameterValue",
            Service::SsoOidc | Service::Portal | Service::Signin => "InvalidRequestException",
            Service::Sso | Service::IdentityStore | Service::Scim | Service::Nobody => {
                "ValidationException"
            }
        };
        Self::new(code, message)
    }

    /// An error of IAM, with the status its model gives the code (AWS reference §1.0 [M]).
    pub(crate) fn iam(code: &str, message: impl Into<String>) -> Self {
        Self::new(code, message).status(Self::iam_status(code))
    }

    /// An error with the status this service gives the code.
    pub(crate) fn coded(
        service: Service,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let code = code.into();
        let status = Self::status_of(service, &code);
        Self::new(code, message).status(status)
    }

    /// The HTTP status a service gives a code.
    fn status_of(service: Service, code: &str) -> u16 {
        match (service, code) {
            (Service::Sts, _) => 403,
            (Service::Iam, _) => Self::iam_status(code),
            (Service::SsoOidc, "InvalidClientException")
            | (Service::Portal, "UnauthorizedException") => 401,
            (Service::Portal, "ForbiddenException") => 403,
            (
                Service::Sqs,
                "AccessDeniedException"
                | "ExpiredTokenException"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "UnrecognizedClientException",
            ) => 403,
            (Service::Scim, "UnauthorizedException") => 401,
            (Service::Scim, "AccessDeniedException") => 403,
            (Service::Scim, "ConflictException") => 409,
            (Service::Scim, "ThrottlingException") => 429,
            (Service::Portal | Service::Scim, "ResourceNotFoundException") => 404,
            (Service::Portal, "TooManyRequestsException") => 429,
            (_, "InternalServerException") => 500,
            _ => 400,
        }
    }

    /// The HTTP status of a code of IAM.
    pub(crate) fn iam_status(code: &str) -> u16 {
        match code {
            "NoSuchEntity" => 404,
            "EntityAlreadyExists"
            | "DeleteConflict"
            | "LimitExceeded"
            | "ConcurrentModification"
            | "EntityTemporarilyUnmodifiable" => 409,
            "AccessDenied" | "ExpiredToken" | "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
                403
            }
            "ServiceFailure" => 500,
            _ => 400,
        }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new("ConflictException", message)
    }

    /// The code of the older protocol, which SQS still names in a header (AWS documentation).
    fn query_code(&self) -> String {
        let code = match self.code.as_str() {
            "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
            "QueueNameExists" => "QueueAlreadyExists",
            "QueueDeletedRecently"
            | "MessageNotInflight"
            | "EmptyBatchRequest"
            | "TooManyEntriesInBatchRequest"
            | "BatchEntryIdsNotDistinct"
            | "InvalidBatchEntryId"
            | "BatchRequestTooLong"
            | "PurgeQueueInProgress" => {
                return format!("AWS.SimpleQueueService.{}", self.code);
            }
            "AccessDeniedException" => "AccessDenied",
            "UnrecognizedClientException" => "InvalidClientTokenId",
            "InvalidSignatureException" => "SignatureDoesNotMatch",
            "ExpiredTokenException" => "ExpiredToken",
            "IncompleteSignatureException" => "IncompleteSignature",
            "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
            "UnknownOperationException" => "InvalidAction",
            other => other,
        };
        code.to_owned()
    }

    /// `AWS.SimpleQueueService.NonExistentQueue;Sender`
    pub(super) fn query_error(&self) -> String {
        let fault = if self.status >= 500 {
            "Receiver"
        } else {
            "Sender"
        };
        format!("{};{fault}", self.query_code())
    }

    /// The body of awsJson1.0 as SQS writes it.
    pub(super) fn json_of_sqs(&self) -> String {
        let home = if self.from_the_door || self.code == "AccessDeniedException" {
            "com.amazon.coral.service"
        } else {
            "com.amazonaws.sqs"
        };
        json!({ "__type": format!("{home}#{}", self.code), "message": self.message }).to_string()
    }

    /// The awsJson body.
    pub(super) fn json(&self, request_id: &str) -> String {
        let mut body = self.extra.clone();
        body.insert("__type".to_owned(), json!(self.code));
        let spelled = if self.from_the_door {
            "message"
        } else {
            "Message"
        };
        if !self.message.is_empty() {
            body.insert(spelled.to_owned(), json!(self.message));
        }
        if self.extra.contains_key("RequestId") {
            body.insert("RequestId".to_owned(), json!(request_id));
        }
        Value::Object(body).to_string()
    }
}
