#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn met(operation: &'static str, kind: ErrorKind, code: &str) -> AwsError {
    AwsError::ours(kind, operation, code, "words")
}

fn answer(attempt: AttemptKind, error: AwsError) -> Answer {
    refused(attempt, error).answer
}

#[test]
fn a_write_that_met_an_error_is_told_by_its_effect() {
    use AttemptKind::{Create, Delete};
    let permanent = |a: Answer| match a {
        Answer::Refused { permanent, .. } => permanent,
        other => panic!("{other:?}"),
    };
    for kind in [ErrorKind::Denied, ErrorKind::Invalid, ErrorKind::Quota] {
        assert!(permanent(answer(Create, met(CREATE, kind, "X"))));
        assert!(permanent(answer(Delete, met(DELETE, kind, "X"))));
    }
    for kind in [
        ErrorKind::Throttled,
        ErrorKind::Conflict,
        ErrorKind::Expired,
        ErrorKind::ClockSkew,
        ErrorKind::Credentials,
        ErrorKind::Unsent,
        ErrorKind::Other,
    ] {
        assert!(
            !permanent(answer(Create, met(CREATE, kind, "X"))),
            "{kind:?}"
        );
        assert!(
            !permanent(answer(Delete, met(LEAVE, kind, "X"))),
            "{kind:?}"
        );
    }
    for kind in [ErrorKind::Unreachable, ErrorKind::Internal] {
        assert!(matches!(
            answer(Create, met(CREATE, kind, "X")),
            Answer::Unknown { .. }
        ));
        assert!(matches!(
            answer(Delete, met(LEAVE, kind, "X")),
            Answer::Unknown { .. }
        ));
    }
    // Not found: what is not there need not be deleted, and cannot be added to.
    assert_eq!(
        answer(Delete, met(DELETE, ErrorKind::NotFound, "X")),
        Answer::NotFound
    );
    assert!(permanent(answer(
        Create,
        met(CREATE, ErrorKind::NotFound, "X")
    )));
}

#[test]
fn a_conflict_means_there_already_only_for_memberships() {
    let conflict = |operation, reason: Option<&str>| {
        met(operation, ErrorKind::Conflict, "ConflictException").with(reason, None)
    };
    let create = AttemptKind::Create;
    let unique = Some("UNIQUENESS_CONSTRAINT_VIOLATION");
    assert_eq!(answer(create, conflict(JOIN, unique)), Answer::AlreadyThere);
    assert_eq!(answer(create, conflict(JOIN, None)), Answer::AlreadyThere);
    let racing = answer(create, conflict(JOIN, Some("CONCURRENT_MODIFICATION")));
    assert!(matches!(
        racing,
        Answer::Refused {
            permanent: false,
            ..
        }
    ));
    let in_flight = answer(create, conflict(CREATE, None));
    assert!(matches!(
        in_flight,
        Answer::Refused {
            permanent: false,
            ..
        }
    ));
}

#[test]
fn a_missing_identity_store_is_no_missing_membership() {
    let error = met(LEAVE, ErrorKind::NotFound, "ResourceNotFoundException")
        .with(None, Some("IDENTITY_STORE"));
    assert!(matches!(
        answer(AttemptKind::Delete, error),
        Answer::Refused {
            permanent: true,
            ..
        }
    ));
}
