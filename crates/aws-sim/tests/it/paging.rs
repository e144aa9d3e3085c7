//! Every list over more than one page, with as many calls as there are pages.

use std::collections::BTreeSet;

use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::PrincipalType;
use stint_aws_sim::{EstateSpec, Party};

use crate::rig::{Rig, both, code, refusal, small};

fn many() -> EstateSpec {
    EstateSpec {
        seed: 3,
        accounts: 45,
        permission_sets: 230,
        users: 250,
        groups: 210,
        memberships: 1_000,
        assignments: 1_000,
        iam_users: 0,
        iam_groups: 0,
        iam_roles: 0,
        iam_memberships: 0,
    }
}

/// Everything in one account: 120 permission sets, all held by each of 130 principals.
fn dense() -> EstateSpec {
    EstateSpec {
        seed: 4,
        accounts: 2,
        permission_sets: 120,
        users: 130,
        groups: 0,
        memberships: 0,
        assignments: 120 * 130,
        ..small()
    }
}

/// One permission set in 130 accounts; 130 users in 130 groups.
fn wide() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 131,
        permission_sets: 1,
        users: 130,
        groups: 130,
        memberships: 130 * 130,
        assignments: 130 * 260,
        ..small()
    }
}

fn pages(rig: &Rig, operation: &str, expected: usize) {
    assert_eq!(rig.calls_of(operation), expected, "{operation}");
}

async fn count<T, E: std::fmt::Debug>(
    rows: aws_smithy_async::future::pagination_stream::PaginationStream<Result<T, E>>,
) -> usize {
    let rows: Vec<T> = rows.try_collect().await.unwrap();
    rows.len()
}

/// All of the texts are there once.
fn distinct(texts: impl IntoIterator<Item = String>, expected: usize) {
    let all: Vec<String> = texts.into_iter().collect();
    assert_eq!(all.len(), expected);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), expected);
}

both!(accounts_twenty_at_a_time, many(), |rig| {
    let organizations = rig.connector().await.organizations;
    let list = || async {
        let pages = organizations
            .list_accounts()
            .into_paginator()
            .send()
            .try_collect()
            .await;
        let pages: Vec<_> = pages.unwrap();
        pages
            .into_iter()
            .flat_map(|page| page.accounts.unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let accounts = list().await;
    distinct(accounts.into_iter().map(|account| account.id.unwrap()), 45);
    pages(&rig, "organizations:ListAccounts", 3);
    // AWS may put empty pages between: the end is a missing token, nothing else.
    rig.sim.knobs(|knobs| knobs.empty_pages = true);
    let accounts = list().await;
    distinct(accounts.into_iter().map(|account| account.id.unwrap()), 45);
    pages(&rig, "organizations:ListAccounts", 3 + 5);
});

both!(
    directory_and_permission_sets_a_hundred_at_a_time,
    many(),
    |rig| {
        let connector = rig.connector().await;
        let instance = &rig.facts.instance_arn;
        let sets: Vec<_> = connector
            .sso
            .list_permission_sets()
            .instance_arn(instance)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        distinct(sets, 230);
        pages(&rig, "sso:ListPermissionSets", 3);
        let store = &rig.facts.identity_store_id;
        let users = connector
            .store
            .list_users()
            .identity_store_id(store)
            .into_paginator()
            .items()
            .send();
        let users: Vec<_> = users.try_collect().await.unwrap();
        distinct(
            users.iter().map(|user| user.user_name.clone().unwrap()),
            250,
        );
        distinct(users.into_iter().map(|user| user.user_id), 250);
        pages(&rig, "identitystore:ListUsers", 3);
        let groups = connector
            .store
            .list_groups()
            .identity_store_id(store)
            .into_paginator()
            .items()
            .send();
        let groups: Vec<_> = groups.try_collect().await.unwrap();
        distinct(
            groups
                .iter()
                .map(|group| group.display_name.clone().unwrap()),
            210,
        );
        pages(&rig, "identitystore:ListGroups", 3);
        let mut memberships = 0;
        for group in &groups {
            let listed = connector
                .store
                .list_group_memberships()
                .identity_store_id(store)
                .group_id(&group.group_id)
                .into_paginator()
                .items()
                .send();
            memberships += count(listed).await;
        }
        assert_eq!(memberships, 1_000);
    }
);

both!(assignments_of_a_crowded_account, dense(), |rig| {
    let connector = rig.connector().await;
    let account = rig.account("platform-tools");
    let instance = &rig.facts.instance_arn;
    let sets: Vec<_> = connector
        .sso
        .list_permission_sets_provisioned_to_account()
        .instance_arn(instance)
        .account_id(&account)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .unwrap();
    distinct(sets.clone(), 120);
    pages(&rig, "sso:ListPermissionSetsProvisionedToAccount", 2);
    let rows = || {
        connector
            .sso
            .list_account_assignments()
            .instance_arn(instance)
            .account_id(&account)
            .permission_set_arn(&sets[7])
    };
    let found: Vec<_> = rows()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .unwrap();
    assert!(
        found
            .iter()
            .all(|row| row.permission_set_arn() == Some(sets[7].as_str()))
    );
    distinct(found.into_iter().map(|row| row.principal_id.unwrap()), 130);
    pages(&rig, "sso:ListAccountAssignments", 2);
    let held: Vec<_> = connector
        .sso
        .list_account_assignments_for_principal()
        .instance_arn(instance)
        .principal_type(PrincipalType::User)
        .principal_id(rig.ana())
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .unwrap();
    distinct(
        held.into_iter().map(|row| row.permission_set_arn.unwrap()),
        120,
    );
    pages(&rig, "sso:ListAccountAssignmentsForPrincipal", 2);
    // Smaller pages, as asked for.
    let before = rig.calls_of("sso:ListAccountAssignments");
    let by_forty = rows().into_paginator().page_size(40).items().send();
    assert_eq!(count(by_forty).await, 130);
    assert_eq!(rig.calls_of("sso:ListAccountAssignments") - before, 4);
});

both!(
    memberships_and_accounts_from_the_other_side,
    wide(),
    |rig| {
        let connector = rig.connector().await;
        let accounts: Vec<_> = connector
            .sso
            .list_accounts_for_provisioned_permission_set()
            .instance_arn(&rig.facts.instance_arn)
            .permission_set_arn(rig.set("AdministratorAccess"))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        distinct(accounts, 130);
        pages(&rig, "sso:ListAccountsForProvisionedPermissionSet", 2);
        let store = &rig.facts.identity_store_id;
        let members: Vec<_> = connector
            .store
            .list_group_memberships()
            .identity_store_id(store)
            .group_id(rig.sim.group_id("platform").unwrap())
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        distinct(members.into_iter().map(|row| row.membership_id), 130);
        pages(&rig, "identitystore:ListGroupMemberships", 2);
        let groups: Vec<_> = connector
            .store
            .list_group_memberships_for_member()
            .identity_store_id(store)
            .member_id(MemberId::UserId(rig.ana()))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .unwrap();
        distinct(groups.into_iter().map(|row| row.group_id.unwrap()), 130);
        pages(&rig, "identitystore:ListGroupMembershipsForMember", 2);
        // Own rows and those of 130 groups, in 130 accounts each.
        let held = connector
            .sso
            .list_account_assignments_for_principal()
            .instance_arn(&rig.facts.instance_arn)
            .principal_type(PrincipalType::User)
            .principal_id(rig.ana())
            .into_paginator()
            .items()
            .send();
        assert_eq!(count(held).await, 130 * 131);
        pages(&rig, "sso:ListAccountAssignmentsForPrincipal", 171);
    }
);

both!(statuses_a_hundred_at_a_time_newest_first, dense(), |rig| {
    let connector = rig.connector().await;
    rig.sim.knobs(|knobs| knobs.settle.polls = 0);
    let account = rig.account("platform-tools");
    let mut made = Vec::new();
    for n in 0..205 {
        let set = ["data-read", "prod-admin"][n % 2];
        let created = connector
            .sso
            .create_account_assignment()
            .instance_arn(&rig.facts.instance_arn)
            .target_id(&account)
            .target_type(aws_sdk_ssoadmin::types::TargetType::AwsAccount)
            .permission_set_arn(rig.set(set))
            .principal_type(PrincipalType::User)
            .principal_id(rig.ana())
            .send()
            .await
            .unwrap();
        let status = created.account_assignment_creation_status().unwrap();
        made.push(status.request_id().unwrap().to_owned());
    }
    let listed: Vec<_> = connector
        .sso
        .list_account_assignment_creation_status()
        .instance_arn(&rig.facts.instance_arn)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .unwrap();
    let listed: Vec<String> = listed
        .into_iter()
        .map(|row| row.request_id.unwrap())
        .collect();
    made.reverse();
    assert_eq!(listed, made);
    pages(&rig, "sso:ListAccountAssignmentCreationStatus", 3);
});

both!(
    tokens_are_opaque_change_and_belong_to_their_listing,
    many(),
    |rig| {
        let connector = rig.connector().await;
        let store = &rig.facts.identity_store_id;
        let first = connector
            .store
            .list_users()
            .identity_store_id(store)
            .send()
            .await
            .unwrap();
        let again = connector
            .store
            .list_users()
            .identity_store_id(store)
            .send()
            .await
            .unwrap();
        assert_eq!(first.users()[0].user_id(), again.users()[0].user_id());
        let token = first.next_token().unwrap();
        assert_ne!(Some(token), again.next_token());
        // Either goes on at the same place.
        for token in [token, again.next_token().unwrap()] {
            let next = connector
                .store
                .list_users()
                .identity_store_id(store)
                .next_token(token)
                .send()
                .await;
            assert_eq!(
                next.unwrap().users()[0].user_name(),
                {
                    let all = connector
                        .store
                        .list_users()
                        .identity_store_id(store)
                        .into_paginator()
                        .items()
                        .send();
                    let all: Vec<_> = all.try_collect().await.unwrap();
                    all[100].user_name.clone()
                }
                .as_deref()
            );
        }
        let other = connector
            .store
            .list_groups()
            .identity_store_id(store)
            .next_token(token)
            .send()
            .await;
        assert_eq!(code(other), "ValidationException");
        let mut forged = token.to_owned();
        forged.replace_range(20..21, if &token[20..21] == "A" { "B" } else { "A" });
        let refused = connector
            .store
            .list_users()
            .identity_store_id(store)
            .next_token(forged)
            .send()
            .await;
        assert_eq!(code(refused), "ValidationException");
        let refused = connector
            .organizations
            .list_accounts()
            .next_token("x")
            .send()
            .await;
        assert_eq!(code(refused), "InvalidInputException");
        // A filter is part of the listing.
        let principal = |kind: PrincipalType, token: Option<String>| {
            connector
                .sso
                .list_account_assignments_for_principal()
                .instance_arn(&rig.facts.instance_arn)
                .principal_type(kind)
                .principal_id(rig.ana())
                .set_next_token(token)
                .send()
        };
        assert_eq!(
            code(principal(PrincipalType::User, Some(token.to_owned())).await),
            "ValidationException"
        );
    }
);

both!(page_sizes_have_bounds, many(), |rig| {
    let connector = rig.connector().await;
    let refused = connector
        .organizations
        .list_accounts()
        .max_results(21)
        .send()
        .await;
    let (_, code, message) = refusal(refused);
    assert_eq!(code, "InvalidInputException");
    assert_eq!(
        message,
        "1 validation error detected: Value '21' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 20"
    );
    let sets = || {
        connector
            .sso
            .list_permission_sets()
            .instance_arn(&rig.facts.instance_arn)
    };
    assert_eq!(
        crate::rig::code(sets().max_results(101).send().await),
        "ValidationException"
    );
    assert_eq!(
        crate::rig::code(sets().max_results(0).send().await),
        "ValidationException"
    );
    assert_eq!(
        sets()
            .max_results(3)
            .send()
            .await
            .unwrap()
            .permission_sets()
            .len(),
        3
    );
    assert_eq!(rig.sim.calls_by(Party::Stint), rig.sim.calls());
});
