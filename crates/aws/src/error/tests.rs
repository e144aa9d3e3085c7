#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::ErrorMetadata;

use super::*;

/// Every code the AWS reference names for the services we call, with its HTTP status.
const TABLE: &[(&str, u16, ErrorKind)] = &[
    (
        "AWSOrganizationsNotInUseException",
        400,
        ErrorKind::NotFound,
    ),
    ("AccessDenied", 403, ErrorKind::Denied),
    ("AccessDeniedException", 400, ErrorKind::Denied),
    ("AccountNotFoundException", 400, ErrorKind::NotFound),
    ("BandwidthLimitExceeded", 400, ErrorKind::Throttled),
    ("ConcurrentModification", 409, ErrorKind::Conflict),
    ("ConcurrentModificationException", 400, ErrorKind::Conflict),
    ("ConflictException", 400, ErrorKind::Conflict),
    ("ConstraintViolationException", 400, ErrorKind::Invalid),
    ("DeleteConflict", 409, ErrorKind::Conflict),
    ("EC2ThrottledException", 400, ErrorKind::Throttled),
    ("EntityAlreadyExists", 409, ErrorKind::Conflict),
    ("EntityTemporarilyUnmodifiable", 409, ErrorKind::Conflict),
    ("ExpiredToken", 403, ErrorKind::Expired),
    ("ExpiredTokenException", 400, ErrorKind::Expired),
    ("InternalServerException", 500, ErrorKind::Internal),
    ("InvalidAction", 400, ErrorKind::Invalid),
    ("InvalidClientTokenId", 403, ErrorKind::Credentials),
    ("InvalidInput", 400, ErrorKind::Invalid),
    ("InvalidInputException", 400, ErrorKind::Invalid),
    ("LimitExceeded", 409, ErrorKind::Quota),
    ("LimitExceededException", 400, ErrorKind::Throttled),
    ("MalformedPolicyDocument", 400, ErrorKind::Invalid),
    ("MissingParameter", 400, ErrorKind::Invalid),
    ("NoSuchEntity", 404, ErrorKind::NotFound),
    ("PackedPolicyTooLarge", 400, ErrorKind::Invalid),
    ("PolicyEvaluation", 500, ErrorKind::Internal),
    ("PolicyNotAttachable", 400, ErrorKind::Invalid),
    ("PriorRequestNotComplete", 400, ErrorKind::Throttled),
    (
        "ProvisionedThroughputExceededException",
        400,
        ErrorKind::Throttled,
    ),
    ("RegionDisabledException", 403, ErrorKind::Invalid),
    ("RequestLimitExceeded", 400, ErrorKind::Throttled),
    ("RequestThrottled", 400, ErrorKind::Throttled),
    ("RequestThrottledException", 400, ErrorKind::Throttled),
    ("RequestTimeout", 400, ErrorKind::Internal),
    ("RequestTimeoutException", 400, ErrorKind::Internal),
    ("ResourceNotFoundException", 400, ErrorKind::NotFound),
    ("ServiceException", 500, ErrorKind::Internal),
    ("ServiceFailure", 500, ErrorKind::Internal),
    ("ServiceQuotaExceededException", 400, ErrorKind::Quota),
    ("SlowDown", 503, ErrorKind::Throttled),
    ("ThrottledException", 400, ErrorKind::Throttled),
    ("Throttling", 400, ErrorKind::Throttled),
    ("ThrottlingException", 400, ErrorKind::Throttled),
    ("TooManyRequestsException", 400, ErrorKind::Throttled),
    ("TransactionInProgressException", 400, ErrorKind::Throttled),
    ("UnmodifiableEntity", 400, ErrorKind::Invalid),
    ("UnrecognizedClientException", 400, ErrorKind::Credentials),
    ("ValidationError", 400, ErrorKind::Invalid),
    ("ValidationException", 400, ErrorKind::Invalid),
    // Never seen before: the status decides, and a 4xx certainly had no effect.
    ("SomethingNew", 400, ErrorKind::Other),
    ("SomethingNew", 429, ErrorKind::Throttled),
    ("SomethingNew", 503, ErrorKind::Internal),
];

fn answered(status: u16, code: &str, message: &str, body: &'static str) -> AwsError {
    let mut raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
    raw.headers_mut()
        .insert("x-amzn-requestid", "11111111-2222-3333-4444-555555555555");
    let said = ErrorMetadata::builder().code(code).message(message).build();
    classify("sso:Something", &SdkError::service_error(said, raw))
}

#[test]
fn every_known_code_has_its_meaning() {
    for &(code, status, kind) in TABLE {
        let error = answered(status, code, "words", "");
        assert_eq!(error.kind, kind, "{code} with HTTP {status}");
        assert_eq!(error.code, code);
        assert_eq!(
            error.request_id.as_deref(),
            Some("11111111-2222-3333-4444-555555555555")
        );
        let unsure = matches!(kind, ErrorKind::Internal);
        assert_eq!(
            error.may_have_happened(),
            unsure,
            "{code} with HTTP {status}"
        );
    }
}

#[test]
fn an_old_signature_is_told_from_a_wrong_secret() {
    for code in ["SignatureDoesNotMatch", "InvalidSignatureException"] {
        let old = answered(
            403,
            code,
            "Signature expired: 20261123T140000Z is now earlier than",
            "",
        );
        assert_eq!(old.kind, ErrorKind::ClockSkew);
        let early = answered(403, code, "Signature not yet current: 20261123T140000Z", "");
        assert_eq!(early.kind, ErrorKind::ClockSkew);
        let wrong = answered(
            403,
            code,
            "The request signature we calculated does not match",
            "",
        );
        assert_eq!(wrong.kind, ErrorKind::Credentials);
    }
}

#[test]
fn what_an_identity_store_adds_is_kept() {
    let body = r#"{"__type":"ResourceNotFoundException","Message":"x","ResourceType":"GROUP_MEMBERSHIP","ResourceId":"y"}"#;
    let error = answered(400, "ResourceNotFoundException", "x", body);
    assert_eq!(error.resource(), Some("GROUP_MEMBERSHIP"));
    let body = r#"{"Reason":"UNIQUENESS_CONSTRAINT_VIOLATION"}"#;
    let error = answered(400, "ConflictException", "x", body);
    assert_eq!(error.reason(), Some("UNIQUENESS_CONSTRAINT_VIOLATION"));
    let error = answered(
        400,
        "ThrottlingException",
        "x",
        r#"{"RetryAfterSeconds":7}"#,
    );
    assert_eq!(error.retry_after(), Some(Span::seconds(7)));
}

#[test]
fn no_answer_may_have_happened_and_what_was_not_sent_did_not() {
    type Failed = SdkError<ErrorMetadata, HttpResponse>;
    let lost: Failed = SdkError::dispatch_failure(ConnectorError::io("connection reset".into()));
    let lost = classify("sso:Something", &lost);
    assert_eq!(
        (lost.kind, lost.may_have_happened()),
        (ErrorKind::Unreachable, true)
    );
    assert!(
        lost.message.contains("connection reset"),
        "{}",
        lost.message
    );

    let late: Failed = SdkError::timeout_error("20 s");
    assert!(classify("sso:Something", &late).may_have_happened());

    let raw = HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from("<html>"));
    let garbled: Failed = SdkError::response_error("not JSON", raw);
    assert!(classify("sso:Something", &garbled).may_have_happened());

    let unsent: Failed = SdkError::construction_failure("no such field");
    let unsent = classify("sso:Something", &unsent);
    assert_eq!(
        (unsent.kind, unsent.may_have_happened()),
        (ErrorKind::Unsent, false)
    );
}

#[test]
fn missing_credentials_are_never_taken_for_a_denied_resource() {
    type Failed = SdkError<ErrorMetadata, HttpResponse>;
    let none = CredentialsError::not_loaded("nothing in the environment");
    let failed: Failed = SdkError::construction_failure(none);
    let error = classify("sso:ListInstances", &failed);
    assert_eq!(
        (error.kind, error.code.as_str()),
        (ErrorKind::Credentials, "no_credentials")
    );

    let denied = answered(
        403,
        "AccessDenied",
        "not authorized to perform sts:AssumeRole",
        "",
    );
    let error = denied.while_signing_in("sts:AssumeRole");
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert_eq!(error.cause().map(|c| c.kind), Some(ErrorKind::Denied));
}
