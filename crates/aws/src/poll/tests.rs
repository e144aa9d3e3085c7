#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

/// AWS reference §1.3: the reasons seen in the wild, and what they prove.
#[test]
fn reasons_of_failure_prove_only_what_they_say() {
    let table = [
        // (reason, gone, transient)
        (
            "Received a 404 status error: Assignment not found.",
            true,
            false,
        ),
        (
            "Received a 404 status error: the USER assignee 9067-1 was not found in directory d-1",
            false,
            false,
        ),
        (
            "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for role \
             propagation to complete. IAM Error: User: arn:aws:sts::1:assumed-role/r/s is not authorized to \
             perform: iam:UpdateSAMLProvider",
            false,
            false,
        ),
        (
            "An unexpected internal service exception was encountered",
            false,
            true,
        ),
        (
            "Received a 503 status error: Service Unavailable",
            false,
            true,
        ),
        ("Received a 429 status error: Rate exceeded", false, true),
        ("", false, false),
    ];
    for (reason, gone, transient) in table {
        assert_eq!(
            (says_gone(reason), says_transient(reason)),
            (gone, transient),
            "{reason}"
        );
    }
}
