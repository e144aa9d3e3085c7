//! Who is in which group.

use aws_sdk_identitystore::operation::create_group_membership::CreateGroupMembershipError;
use aws_sdk_identitystore::operation::delete_group_membership::DeleteGroupMembershipError;
use aws_sdk_identitystore::types::{ConflictExceptionReason, MemberId, ResourceType};

use crate::rig::{both, code, small};

both!(a_membership_comes_and_goes, small(), |rig| {
    let store = rig.connector().await.store;
    let id = &rig.facts.identity_store_id;
    let group = rig.sim.group_id("platform").unwrap();
    let ana = rig.ana();
    let is_member = || async {
        let asked = store
            .is_member_in_groups()
            .identity_store_id(id)
            .member_id(MemberId::UserId(ana.clone()))
            .group_ids(&group)
            .send()
            .await
            .unwrap();
        asked.results()[0].membership_exists()
    };
    let find = || {
        store
            .get_group_membership_id()
            .identity_store_id(id)
            .group_id(&group)
            .member_id(MemberId::UserId(ana.clone()))
            .send()
    };
    assert!(!is_member().await);
    let absent = find().await.unwrap_err().into_service_error();
    let aws_sdk_identitystore::operation::get_group_membership_id::GetGroupMembershipIdError::ResourceNotFoundException(absent) = absent else {
        panic!("{absent:?}");
    };
    assert_eq!(absent.resource_type(), Some(&ResourceType::GroupMembership));

    let join = || {
        store
            .create_group_membership()
            .identity_store_id(id)
            .group_id(&group)
            .member_id(MemberId::UserId(ana.clone()))
            .send()
    };
    let made = join().await.unwrap();
    assert!(is_member().await);
    assert_eq!(find().await.unwrap().membership_id(), made.membership_id());
    let twice = join().await.unwrap_err().into_service_error();
    let CreateGroupMembershipError::ConflictException(twice) = twice else {
        panic!("{twice:?}")
    };
    assert_eq!(
        twice.reason(),
        Some(&ConflictExceptionReason::UniquenessConstraintViolation)
    );

    let row = store
        .list_group_memberships_for_member()
        .identity_store_id(id)
        .member_id(MemberId::UserId(ana.clone()))
        .send()
        .await
        .unwrap();
    assert_eq!(row.group_memberships().len(), 1);
    assert_eq!(row.group_memberships()[0].group_id(), Some(group.as_str()));

    let leave = || {
        store
            .delete_group_membership()
            .identity_store_id(id)
            .membership_id(made.membership_id())
            .send()
    };
    leave().await.unwrap();
    assert!(!is_member().await);
    let rows = store
        .list_group_memberships_for_member()
        .identity_store_id(id)
        .member_id(MemberId::UserId(ana.clone()))
        .send()
        .await
        .unwrap();
    assert!(rows.group_memberships().is_empty());
    let gone = leave().await.unwrap_err().into_service_error();
    let DeleteGroupMembershipError::ResourceNotFoundException(gone) = gone else {
        panic!("{gone:?}")
    };
    assert_eq!(gone.resource_type(), Some(&ResourceType::GroupMembership));
    assert_eq!(gone.resource_id(), Some(made.membership_id()));

    // A new membership of the same pair has a new id.
    assert_ne!(join().await.unwrap().membership_id(), made.membership_id());
});

both!(both_ends_must_exist, small(), |rig| {
    let store = rig.connector().await.store;
    let id = &rig.facts.identity_store_id;
    let nobody = "0123456789-00000000-0000-4000-8000-000000000000".to_owned();
    let group = rig.sim.group_id("platform").unwrap();
    let join = |group: &str, user: &str| {
        store
            .create_group_membership()
            .identity_store_id(id)
            .group_id(group)
            .member_id(MemberId::UserId(user.to_owned()))
            .send()
    };
    for (group, user, kind) in [
        (&group, &nobody, ResourceType::User),
        (&nobody, &rig.ana(), ResourceType::Group),
    ] {
        let error = join(group, user).await.unwrap_err().into_service_error();
        let CreateGroupMembershipError::ResourceNotFoundException(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.resource_type(), Some(&kind));
    }
    assert_eq!(
        code(join("platform", &rig.ana()).await),
        "ValidationException"
    );
    rig.sim.remove_user(&rig.ana()).unwrap();
    assert_eq!(
        code(join(&group, &rig.ana()).await),
        "ResourceNotFoundException"
    );
});

both!(removing_a_user_empties_its_memberships, small(), |rig| {
    let store = rig.connector().await.store;
    let id = &rig.facts.identity_store_id;
    let group = rig.sim.group_id("platform").unwrap();
    let members = || async {
        let listed = store
            .list_group_memberships()
            .identity_store_id(id)
            .group_id(&group)
            .send()
            .await
            .unwrap();
        listed.group_memberships().to_vec()
    };
    let before = members().await;
    let MemberId::UserId(first) = before[0].member_id().unwrap() else {
        panic!("a user")
    };
    rig.sim.remove_user(first).unwrap();
    assert_eq!(members().await.len(), before.len() - 1);
});

both!(no_two_memberships_have_the_same_id, small(), |rig| {
    let store = rig.admin().store;
    let id = &rig.facts.identity_store_id;
    let mut groups = Vec::new();
    let mut pages = store
        .list_groups()
        .identity_store_id(id)
        .into_paginator()
        .items()
        .send();
    while let Some(group) = pages.next().await {
        groups.push(group.unwrap().group_id().to_owned());
    }
    let mut users = Vec::new();
    let mut pages = store
        .list_users()
        .identity_store_id(id)
        .into_paginator()
        .items()
        .send();
    while let Some(user) = pages.next().await {
        users.push(user.unwrap().user_id().to_owned());
    }
    // Everybody into everything: those that are there already are refused.
    for group in &groups {
        for user in users.iter().take(30) {
            let join = store
                .create_group_membership()
                .identity_store_id(id)
                .group_id(group);
            let _ = join.member_id(MemberId::UserId(user.clone())).send().await;
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut all = 0;
    for group in &groups {
        let list = store
            .list_group_memberships()
            .identity_store_id(id)
            .group_id(group);
        let mut pages = list.into_paginator().items().send();
        while let Some(row) = pages.next().await {
            seen.insert(row.unwrap().membership_id().to_owned());
            all += 1;
        }
    }
    assert_eq!(seen.len(), all);
});
