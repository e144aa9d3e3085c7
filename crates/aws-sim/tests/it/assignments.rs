//! The life of an account assignment.

use aws_sdk_ssoadmin::operation::create_account_assignment::{
    CreateAccountAssignmentError, CreateAccountAssignmentOutput,
};
use aws_sdk_ssoadmin::operation::delete_account_assignment::DeleteAccountAssignmentOutput;
use aws_sdk_ssoadmin::types::{
    AccountAssignmentOperationStatus, OperationStatusFilter, PrincipalType, StatusValues,
    TargetType,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use stint_aws_sim::{AbsentDelete, AccountState, Effect, Fault, OverLimit, Settle};

use crate::rig::{Clients, Rig, SECOND, both, code, refusal, small};

/// One triple, and what can be done with it.
pub(crate) struct Triple {
    pub(crate) sso: aws_sdk_ssoadmin::Client,
    pub(crate) instance: String,
    pub(crate) account: String,
    pub(crate) set: String,
    pub(crate) kind: PrincipalType,
    pub(crate) principal: String,
}

type Created =
    Result<CreateAccountAssignmentOutput, SdkError<CreateAccountAssignmentError, HttpResponse>>;
type Deleted = Result<
    DeleteAccountAssignmentOutput,
    SdkError<
        aws_sdk_ssoadmin::operation::delete_account_assignment::DeleteAccountAssignmentError,
        HttpResponse,
    >,
>;

impl Triple {
    /// Ana, prod-admin, prod-payments.
    pub(crate) fn of(rig: &Rig, clients: &Clients) -> Triple {
        Triple {
            sso: clients.sso.clone(),
            instance: rig.facts.instance_arn.clone(),
            account: rig.account("prod-payments"),
            set: rig.set("prod-admin"),
            kind: PrincipalType::User,
            principal: rig.ana(),
        }
    }

    pub(crate) async fn create(&self) -> Created {
        self.sso
            .create_account_assignment()
            .instance_arn(&self.instance)
            .target_id(&self.account)
            .target_type(TargetType::AwsAccount)
            .permission_set_arn(&self.set)
            .principal_type(self.kind.clone())
            .principal_id(&self.principal)
            .send()
            .await
    }

    pub(crate) async fn delete(&self) -> Deleted {
        self.sso
            .delete_account_assignment()
            .instance_arn(&self.instance)
            .target_id(&self.account)
            .target_type(TargetType::AwsAccount)
            .permission_set_arn(&self.set)
            .principal_type(self.kind.clone())
            .principal_id(&self.principal)
            .send()
            .await
    }

    pub(crate) async fn creation(&self, request_id: &str) -> AccountAssignmentOperationStatus {
        let polled = self
            .sso
            .describe_account_assignment_creation_status()
            .instance_arn(&self.instance)
            .account_assignment_creation_request_id(request_id)
            .send()
            .await
            .unwrap();
        polled.account_assignment_creation_status.unwrap()
    }

    pub(crate) async fn deletion(&self, request_id: &str) -> AccountAssignmentOperationStatus {
        let polled = self
            .sso
            .describe_account_assignment_deletion_status()
            .instance_arn(&self.instance)
            .account_assignment_deletion_request_id(request_id)
            .send()
            .await
            .unwrap();
        polled.account_assignment_deletion_status.unwrap()
    }

    pub(crate) async fn is_there(&self) -> bool {
        let listed = self
            .sso
            .list_account_assignments()
            .instance_arn(&self.instance)
            .account_id(&self.account)
            .permission_set_arn(&self.set)
            .send()
            .await
            .unwrap();
        listed.account_assignments().iter().any(|row| {
            row.principal_id() == Some(self.principal.as_str())
                && row.principal_type() == Some(&self.kind)
        })
    }
}

pub(crate) fn accepted(created: Created) -> String {
    let status = created.unwrap().account_assignment_creation_status.unwrap();
    assert_eq!(status.status(), Some(&StatusValues::InProgress));
    status.request_id.unwrap()
}

pub(crate) fn accepted_delete(deleted: Deleted) -> String {
    let status = deleted.unwrap().account_assignment_deletion_status.unwrap();
    assert_eq!(status.status(), Some(&StatusValues::InProgress));
    status.request_id.unwrap()
}

fn is_conflict(created: Created) -> bool {
    created
        .unwrap_err()
        .as_service_error()
        .unwrap()
        .is_conflict_exception()
}

both!(
    in_progress_for_two_polls_then_there_then_gone,
    small(),
    |rig| {
        let triple = Triple::of(&rig, &rig.connector().await);
        let request = accepted(triple.create().await);
        assert!(!triple.is_there().await);
        for _ in 0..2 {
            assert_eq!(
                triple.creation(&request).await.status(),
                Some(&StatusValues::InProgress)
            );
            assert!(!triple.is_there().await);
        }
        let done = triple.creation(&request).await;
        assert_eq!(done.status(), Some(&StatusValues::Succeeded));
        assert_eq!(done.target_id(), Some(triple.account.as_str()));
        assert_eq!(done.principal_id(), Some(triple.principal.as_str()));
        assert_eq!(done.failure_reason(), None);
        assert!(done.created_date().is_some());
        assert!(triple.is_there().await);

        let request = accepted_delete(triple.delete().await);
        assert!(triple.is_there().await);
        triple.deletion(&request).await;
        triple.deletion(&request).await;
        assert_eq!(
            triple.deletion(&request).await.status(),
            Some(&StatusValues::Succeeded)
        );
        assert!(!triple.is_there().await);
        // A request id is good for its own kind only.
        let wrong = triple
            .sso
            .describe_account_assignment_creation_status()
            .instance_arn(&triple.instance)
            .account_assignment_creation_request_id(&request)
            .send()
            .await;
        assert_eq!(code(wrong), "ResourceNotFoundException");
    }
);

both!(time_ends_a_write_nobody_polls, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    let request = accepted(triple.create().await);
    rig.clock.advance(3 * SECOND - 1);
    assert!(!triple.is_there().await);
    rig.clock.advance(1);
    assert!(triple.is_there().await);
    assert_eq!(
        triple.creation(&request).await.status(),
        Some(&StatusValues::Succeeded)
    );
});

both!(a_write_may_end_within_its_call, small(), |rig| {
    rig.sim.knobs(|knobs| {
        knobs.settle = Settle {
            polls: 0,
            micros: 3 * SECOND,
        }
    });
    let triple = Triple::of(&rig, &rig.connector().await);
    let created = triple.create().await.unwrap();
    let status = created.account_assignment_creation_status().unwrap();
    assert_eq!(status.status(), Some(&StatusValues::Succeeded));
    assert!(triple.is_there().await);
});

both!(a_pair_takes_one_write_at_a_time, small(), |rig| {
    let ana = Triple::of(&rig, &rig.connector().await);
    let bo = Triple {
        principal: rig.facts.bo.clone().unwrap().user_id,
        ..Triple::of(&rig, &rig.connector().await)
    };
    let request = accepted(ana.create().await);
    // Another principal of the same account and permission set waits, whoever asks.
    assert!(is_conflict(bo.create().await));
    assert!(is_conflict(Triple::of(&rig, &rig.admin()).create().await));
    let refused = ana.delete().await;
    assert!(
        refused
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_conflict_exception()
    );
    // Another permission set does not.
    let other = Triple {
        set: rig.set("data-read"),
        ..Triple::of(&rig, &rig.connector().await)
    };
    accepted(other.create().await);
    for _ in 0..3 {
        ana.creation(&request).await;
    }
    accepted(bo.create().await);
});

both!(ten_writes_may_be_under_way, small(), |rig| {
    let connector = rig.connector().await;
    let sets: Vec<String> = [
        "data-read",
        "prod-admin",
        "ReadOnlyAccess",
        "logs-read",
        "prod-deploy",
        "billing-read",
    ]
    .map(|name| rig.set(name))
    .to_vec();
    let triple = |n: usize| Triple {
        set: sets[n % 6].clone(),
        account: rig.account(if n < 6 { "prod-payments" } else { "staging-eu" }),
        ..Triple::of(&rig, &connector)
    };
    for n in 0..10 {
        accepted(triple(n).create().await);
    }
    assert_eq!(code(triple(10).create().await), "ThrottlingException");
    rig.sim
        .knobs(|knobs| knobs.over_outstanding = OverLimit::Conflict);
    assert_eq!(code(triple(10).delete().await), "ConflictException");
    rig.clock.advance(3 * SECOND);
    accepted(triple(10).create().await);
});

both!(creating_twice_leaves_one_row, small(), |rig| {
    rig.sim.knobs(|knobs| knobs.settle.polls = 0);
    let triple = Triple::of(&rig, &rig.connector().await);
    let before = rig.sim.assignments().len();
    for _ in 0..2 {
        let created = triple.create().await.unwrap();
        let status = created.account_assignment_creation_status().unwrap();
        assert_eq!(status.status(), Some(&StatusValues::Succeeded));
    }
    assert_eq!(rig.sim.assignments().len(), before + 1);
});

both!(
    deleting_what_is_not_there_fails_later_or_at_once,
    small(),
    |rig| {
        let triple = Triple::of(&rig, &rig.connector().await);
        let request = accepted_delete(triple.delete().await);
        rig.clock.advance(3 * SECOND);
        let failed = triple.deletion(&request).await;
        assert_eq!(failed.status(), Some(&StatusValues::Failed));
        assert_eq!(
            failed.failure_reason(),
            Some("Received a 404 status error: Assignment not found.")
        );
        rig.sim
            .knobs(|knobs| knobs.absent_delete = AbsentDelete::NotFound);
        let refused = triple.delete().await.unwrap_err();
        assert!(
            refused
                .as_service_error()
                .unwrap()
                .is_resource_not_found_exception()
        );
    }
);

both!(what_a_write_names_must_exist, small(), |rig| {
    let connector = rig.connector().await;
    let good = || Triple::of(&rig, &connector);
    let set = format!(
        "{}{}",
        &good().set[..good().set.len() - 16],
        "0123456789abcdef"
    );
    for (triple, expected) in [
        (
            Triple {
                account: "000000000001".to_owned(),
                ..good()
            },
            "ResourceNotFoundException",
        ),
        (Triple { set, ..good() }, "ResourceNotFoundException"),
        (
            Triple {
                account: "12".to_owned(),
                ..good()
            },
            "ValidationException",
        ),
        (
            Triple {
                principal: "ana".to_owned(),
                ..good()
            },
            "ValidationException",
        ),
        (
            Triple {
                kind: PrincipalType::from("ROLE"),
                ..good()
            },
            "ValidationException",
        ),
        (
            Triple {
                instance: "arn:aws:sso:::instance/ssoins-0123456789abcdef".to_owned(),
                ..good()
            },
            "ResourceNotFoundException",
        ),
    ] {
        assert_eq!(code(triple.create().await), expected);
    }
    // The principal is looked for later.
    let stranger = Triple {
        principal: "00000000-0000-4000-8000-000000000000".to_owned(),
        ..good()
    };
    let request = accepted(stranger.create().await);
    rig.clock.advance(3 * SECOND);
    let failed = stranger.creation(&request).await;
    assert_eq!(
        failed.failure_reason(),
        Some(
            format!(
                "Received a 404 status error: the USER assignee {} was not found in directory {}",
                stranger.principal, rig.facts.identity_store_id
            )
            .as_str()
        )
    );
});

both!(the_assignment_of_a_removed_user_stays, small(), |rig| {
    rig.sim.knobs(|knobs| knobs.settle.polls = 0);
    let triple = Triple::of(&rig, &rig.connector().await);
    triple.create().await.unwrap();
    rig.sim.remove_user(&triple.principal).unwrap();
    assert!(triple.is_there().await);
    let deleted = triple.delete().await.unwrap();
    let status = deleted.account_assignment_deletion_status().unwrap();
    assert_eq!(status.status(), Some(&StatusValues::Failed));
    assert!(
        status
            .failure_reason()
            .unwrap()
            .contains("was not found in directory")
    );
    assert!(triple.is_there().await);
});

both!(a_suspended_account_conflicts_for_ever, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    rig.sim
        .set_account_state(&triple.account, AccountState::Suspended)
        .unwrap();
    assert!(is_conflict(triple.create().await));
    rig.clock.advance(24 * 3_600 * SECOND);
    let next_day = rig.connector().await;
    assert!(is_conflict(Triple::of(&rig, &next_day).create().await));
});

both!(
    the_management_account_needs_permissions_of_its_own,
    small(),
    |rig| {
        let connector = rig.connector().await;
        let triple = Triple {
            account: rig.facts.management_account.clone(),
            ..Triple::of(&rig, &connector)
        };
        let request = accepted(triple.create().await);
        rig.clock.advance(3 * SECOND);
        let failed = triple.creation(&request).await;
        assert_eq!(failed.status(), Some(&StatusValues::Failed));
        let reason = failed.failure_reason().unwrap();
        assert!(
            reason.starts_with("Received a 403 status error: Access denied by IAM."),
            "{reason}"
        );
        assert!(reason.contains("iam:UpdateSAMLProvider"), "{reason}");
        assert!(!triple.is_there().await);
        let admin = Triple {
            account: rig.facts.management_account.clone(),
            ..Triple::of(&rig, &rig.admin())
        };
        accepted(admin.create().await);
        rig.clock.advance(3 * SECOND);
        assert!(triple.is_there().await);
    }
);

both!(statuses_can_be_filtered, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    let done = accepted(triple.create().await);
    rig.clock.advance(3 * SECOND);
    let open = accepted(triple.create().await);
    let listed = |status: Option<StatusValues>| {
        let filter = status.map(|status| OperationStatusFilter::builder().status(status).build());
        triple
            .sso
            .list_account_assignment_creation_status()
            .instance_arn(&triple.instance)
            .set_filter(filter)
            .send()
    };
    let ids = |output: aws_sdk_ssoadmin::operation::list_account_assignment_creation_status::ListAccountAssignmentCreationStatusOutput| {
        output
            .account_assignments_creation_status()
            .iter()
            .map(|row| row.request_id().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(listed(None).await.unwrap()),
        [open.clone(), done.clone()]
    );
    assert_eq!(
        ids(listed(Some(StatusValues::InProgress)).await.unwrap()),
        [open]
    );
    assert_eq!(
        ids(listed(Some(StatusValues::Succeeded)).await.unwrap()),
        [done]
    );
    assert_eq!(
        ids(listed(Some(StatusValues::Failed)).await.unwrap()),
        [""; 0]
    );
    let deletions = triple
        .sso
        .list_account_assignment_deletion_status()
        .instance_arn(&triple.instance)
        .send()
        .await
        .unwrap();
    assert!(deletions.account_assignments_deletion_status().is_empty());
});

both!(a_users_list_shows_what_its_groups_hold, small(), |rig| {
    rig.sim.knobs(|knobs| knobs.settle.polls = 0);
    let connector = rig.connector().await;
    let group = rig.sim.group_id("platform").unwrap();
    let to_group = Triple {
        kind: PrincipalType::Group,
        principal: group.clone(),
        account: rig.account("prod-data"),
        ..Triple::of(&rig, &connector)
    };
    to_group.create().await.unwrap();
    let joined = connector
        .store
        .create_group_membership()
        .identity_store_id(&rig.facts.identity_store_id)
        .group_id(&group)
        .member_id(aws_sdk_identitystore::types::MemberId::UserId(rig.ana()))
        .send()
        .await
        .unwrap();
    let list = |account: Option<String>| {
        let filter = account.map(|id| {
            aws_sdk_ssoadmin::types::ListAccountAssignmentsFilter::builder()
                .account_id(id)
                .build()
        });
        connector
            .sso
            .list_account_assignments_for_principal()
            .instance_arn(&rig.facts.instance_arn)
            .principal_type(PrincipalType::User)
            .principal_id(rig.ana())
            .set_filter(filter)
            .send()
    };
    let all = list(None).await.unwrap();
    let kinds: Vec<_> = all
        .account_assignments()
        .iter()
        .map(|row| row.principal_type().unwrap().clone())
        .collect();
    assert!(kinds.contains(&PrincipalType::User) && kinds.contains(&PrincipalType::Group));
    let there = list(Some(rig.account("prod-data"))).await.unwrap();
    assert!(
        there
            .account_assignments()
            .iter()
            .all(|row| row.account_id() == Some(rig.account("prod-data").as_str()))
    );
    assert!(
        there
            .account_assignments()
            .iter()
            .any(|row| row.principal_id() == Some(group.as_str()))
    );
    // What is taken from the group is gone from the list, and so is what the user had
    // through a group left.
    to_group.delete().await.unwrap();
    let after = list(None).await.unwrap();
    assert_eq!(
        after.account_assignments().len(),
        all.account_assignments().len() - 1
    );
    to_group.create().await.unwrap();
    connector
        .store
        .delete_group_membership()
        .identity_store_id(&rig.facts.identity_store_id)
        .membership_id(joined.membership_id())
        .send()
        .await
        .unwrap();
    let after = list(None).await.unwrap();
    assert!(
        after
            .account_assignments()
            .iter()
            .all(|row| row.principal_id() != Some(group.as_str()))
    );
    rig.sim.knobs(|knobs| knobs.inherited_rows = false);
    let own = list(None).await.unwrap();
    // Ana's one standing assignment.
    assert_eq!(own.account_assignments().len(), 1);
    assert_eq!(
        own.account_assignments()[0].permission_set_arn(),
        Some(rig.set("ReadOnlyAccess").as_str())
    );
    assert_eq!(
        own.account_assignments()[0].account_id(),
        Some(rig.account("prod-payments").as_str())
    );
});

both!(
    the_first_assignment_provisions_and_the_last_unprovisions,
    small(),
    |rig| {
        rig.sim.knobs(|knobs| knobs.settle.polls = 0);
        let connector = rig.connector().await;
        let triple = Triple {
            account: rig.account("dev-sandbox"),
            ..Triple::of(&rig, &connector)
        };
        for row in rig.sim.assignments() {
            if row.account_id == triple.account && row.permission_set_arn == triple.set {
                let there = Triple {
                    kind: PrincipalType::from(row.principal_type.as_str()),
                    principal: row.principal_id,
                    ..Triple {
                        account: triple.account.clone(),
                        ..Triple::of(&rig, &connector)
                    }
                };
                there.delete().await.unwrap();
            }
        }
        let provisioned = || async {
            let sets = triple
                .sso
                .list_permission_sets_provisioned_to_account()
                .instance_arn(&triple.instance)
                .account_id(&triple.account)
                .send()
                .await
                .unwrap();
            let accounts = triple
                .sso
                .list_accounts_for_provisioned_permission_set()
                .instance_arn(&triple.instance)
                .permission_set_arn(&triple.set)
                .send()
                .await
                .unwrap();
            let in_account = sets.permission_sets().contains(&triple.set);
            assert_eq!(in_account, accounts.account_ids().contains(&triple.account));
            in_account
        };
        assert!(!provisioned().await);
        triple.create().await.unwrap();
        assert!(provisioned().await);
        triple.delete().await.unwrap();
        assert!(!provisioned().await);
    }
);

both!(a_refusal_reads_as_the_sdk_expects, small(), |rig| {
    let triple = Triple::of(&rig, &rig.connector().await);
    for (effect, expected) in [
        (
            Effect::refuse("ServiceQuotaExceededException"),
            (400, "ServiceQuotaExceededException"),
        ),
        (
            Effect::refuse("AccessDeniedException"),
            (400, "AccessDeniedException"),
        ),
        (Effect::Throttle, (400, "ThrottlingException")),
        (Effect::Broken, (500, "InternalServerException")),
    ] {
        rig.sim.faults().clear();
        rig.sim
            .faults()
            .add(Fault::on("sso:CreateAccountAssignment"), effect);
        let (status, code, _) = refusal(triple.create().await);
        assert_eq!((status, code.as_str()), expected);
    }
    assert!(!triple.is_there().await);
});
