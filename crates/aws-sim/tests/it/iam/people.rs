//! Users and groups themselves.

use super::*;
use aws_sdk_iam::types::Tag;

both!(
    users_and_groups_page_by_a_hundred_unless_told,
    peopled(),
    |rig| {
        let iam = rig.connector_user().iam;
        // Those asked for, the administrator and the connector's own.
        let users = iam.list_users().into_paginator().items().send();
        let users: Vec<_> = users.collect::<Result<_, _>>().await.unwrap();
        let ids: BTreeSet<_> = users.iter().map(|user| user.user_id()).collect();
        assert_eq!((users.len(), ids.len()), (232, 232));
        assert_eq!(rig.calls_of("iam:ListUsers"), 3);
        let groups = iam
            .list_groups()
            .max_items(50)
            .into_paginator()
            .items()
            .send();
        let groups: Vec<_> = groups.collect::<Result<_, _>>().await.unwrap();
        let names: BTreeSet<_> = groups
            .iter()
            .map(|group| group.group_name().to_lowercase())
            .collect();
        assert_eq!((groups.len(), names.len()), (120, 120));
        assert_eq!(rig.calls_of("iam:ListGroups"), 3);
        let page = iam.list_users().max_items(1_000).send().await.unwrap();
        assert_eq!(
            (page.users().len(), page.is_truncated(), page.marker()),
            (232, false, None)
        );
        let (status, code, _) = refusal(iam.list_users().max_items(1_001).send().await);
        assert_eq!((status, code.as_str()), (400, "ValidationError"));
        for user in &users {
            assert!(user.user_id().starts_with("AIDA") && user.user_id().len() == 21);
            let account = &rig.facts.management_account;
            assert_eq!(
                user.arn(),
                format!(
                    "arn:aws:iam::{account}:user{}{}",
                    user.path(),
                    user.user_name()
                )
            );
        }
        let people = iam
            .list_users()
            .path_prefix("/people/")
            .max_items(1_000)
            .send()
            .await
            .unwrap();
        assert_eq!(people.users().len(), 184);
        assert!(people.users().iter().all(|user| user.path() == "/people/"));
    }
);

both!(a_marker_is_good_for_its_own_list_only, peopled(), |rig| {
    let iam = rig.connector_user().iam;
    let page = iam.list_users().send().await.unwrap();
    let marker = page.marker().unwrap();
    // The same again is the same page again; another list does not know it.
    let two = iam.list_users().marker(marker).send().await.unwrap();
    let again = iam.list_users().marker(marker).send().await.unwrap();
    assert_eq!(two.users(), again.users());
    assert_ne!(two.users()[0], page.users()[0]);
    for other in [
        refusal(iam.list_groups().marker(marker).send().await),
        refusal(
            iam.list_users()
                .path_prefix("/people/")
                .marker(marker)
                .send()
                .await,
        ),
        refusal(iam.list_users().marker("abc").send().await),
    ] {
        assert_eq!((other.0, other.1.as_str()), (400, "ValidationError"));
    }
});

both!(names_are_the_same_whatever_their_case, small(), |rig| {
    let iam = rig.admin().iam;
    let made = iam
        .create_user()
        .user_name("Emil")
        .path("/people/")
        .send()
        .await
        .unwrap();
    let emil = made.user().unwrap().clone();
    assert_eq!(
        emil.arn(),
        format!(
            "arn:aws:iam::{}:user/people/Emil",
            rig.facts.management_account
        )
    );
    // Another path does not make another user.
    assert_eq!(
        refusal(iam.create_user().user_name("eMIL").send().await),
        (
            409,
            text("EntityAlreadyExists"),
            text("User with name eMIL already exists.")
        )
    );
    let found = iam.get_user().user_name("EMIL").send().await.unwrap();
    assert_eq!(found.user().unwrap().user_id(), emil.user_id());
    made_group(&iam, "Developers").await;
    assert_eq!(
        refusal(
            iam.create_group()
                .group_name("developers")
                .path("/x/")
                .send()
                .await
        ),
        (
            409,
            text("EntityAlreadyExists"),
            text("Group with name developers already exists.")
        )
    );
    // A group may be called like a user.
    made_group(&iam, "emil").await;
});

both!(a_name_that_comes_back_is_somebody_else, small(), |rig| {
    let iam = rig.admin().iam;
    let first = made_user(&iam, "emil").await;
    iam.delete_user().user_name("emil").send().await.unwrap();
    assert_eq!(
        code(iam.get_user().user_name("emil").send().await),
        "NoSuchEntity"
    );
    assert_eq!(
        code(iam.delete_user().user_name("emil").send().await),
        "NoSuchEntity"
    );
    assert_ne!(made_user(&iam, "emil").await.user_id(), first.user_id());
    let first = made_group(&iam, "Developers").await;
    assert!(first.group_id().starts_with("AGPA"));
    iam.delete_group()
        .group_name("Developers")
        .send()
        .await
        .unwrap();
    assert_ne!(
        made_group(&iam, "Developers").await.group_id(),
        first.group_id()
    );
});

both!(nothing_goes_with_a_user_or_a_group, small(), |rig| {
    let iam = rig.admin().iam;
    made_user(&iam, "emil").await;
    made_group(&iam, "Developers").await;
    iam.add_user_to_group()
        .group_name("Developers")
        .user_name("emil")
        .send()
        .await
        .unwrap();
    let key = iam
        .create_access_key()
        .user_name("emil")
        .send()
        .await
        .unwrap();
    let key = key.access_key().unwrap().access_key_id().to_owned();
    let conflict = |what: &str| {
        (
            409,
            text("DeleteConflict"),
            format!("Cannot delete entity, must {what} first."),
        )
    };
    let delete = || iam.delete_user().user_name("emil").send();
    assert_eq!(
        refusal(iam.delete_group().group_name("Developers").send().await),
        conflict("remove users from group")
    );
    assert_eq!(refusal(delete().await), conflict("delete access keys"));
    // An inactive key stands in the way as well.
    iam.update_access_key()
        .user_name("emil")
        .access_key_id(&key)
        .status(aws_sdk_iam::types::StatusType::Inactive)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("delete access keys"));
    iam.delete_access_key()
        .user_name("emil")
        .access_key_id(&key)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(delete().await), conflict("remove users from group"));
    iam.remove_user_from_group()
        .group_name("Developers")
        .user_name("emil")
        .send()
        .await
        .unwrap();
    delete().await.unwrap();
    iam.delete_group()
        .group_name("Developers")
        .send()
        .await
        .unwrap();
});

both!(
    a_renamed_user_keeps_its_id_its_groups_and_its_key,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let emil = made_user(&iam, "emil").await;
        made_user(&iam, "hana").await;
        made_group(&iam, "Developers").await;
        iam.add_user_to_group()
            .group_name("Developers")
            .user_name("emil")
            .send()
            .await
            .unwrap();
        let key = iam
            .create_access_key()
            .user_name("emil")
            .send()
            .await
            .unwrap();
        let key = key.access_key().unwrap().clone();
        let rename = |to: &str| {
            iam.update_user()
                .user_name("emil")
                .new_user_name(to)
                .new_path("/past/")
                .send()
        };
        assert_eq!(code(rename("HANA").await), "EntityAlreadyExists");
        rename("emil.weber").await.unwrap();
        assert_eq!(
            code(iam.get_user().user_name("emil").send().await),
            "NoSuchEntity"
        );
        let now = iam.get_user().user_name("emil.weber").send().await.unwrap();
        let now = now.user().unwrap();
        assert_eq!((now.user_id(), now.path()), (emil.user_id(), "/past/"));
        let members = iam
            .get_group()
            .group_name("developers")
            .send()
            .await
            .unwrap();
        assert_eq!(members.users()[0].user_name(), "emil.weber");
        let credentials = keyed(key.access_key_id(), key.secret_access_key(), None);
        let caller = rig
            .clients(credentials, true)
            .sts
            .get_caller_identity()
            .send()
            .await
            .unwrap();
        assert_eq!(caller.arn(), Some(now.arn()));
        iam.update_group()
            .group_name("Developers")
            .new_group_name("Engineers")
            .send()
            .await
            .unwrap();
        let groups = iam
            .list_groups_for_user()
            .user_name("emil.weber")
            .send()
            .await
            .unwrap();
        assert_eq!(groups.groups()[0].group_name(), "Engineers");
        made_group(&iam, "Operators").await;
        let taken = iam
            .update_group()
            .group_name("Engineers")
            .new_group_name("OPERATORS")
            .send()
            .await;
        assert_eq!(code(taken), "EntityAlreadyExists");
    }
);

both!(
    what_is_no_name_or_path_is_refused_in_awss_words,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let (status, code, message) = refusal(iam.create_user().user_name("a b").send().await);
        assert_eq!((status, code.as_str()), (400, "ValidationError"));
        assert_eq!(
            message,
            "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        );
        let (_, _, message) = refusal(iam.create_user().user_name("x".repeat(65)).send().await);
        assert_eq!(
            message,
            format!(
                "1 validation error detected: Value '{}' at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64",
                "x".repeat(65)
            )
        );
        made_group(&iam, &"g".repeat(128)).await;
        for path in ["people", "/people", "people/", "//"] {
            let (status, code, _) =
                refusal(iam.create_user().user_name("emil").path(path).send().await);
            assert_eq!((status, code.as_str()), (400, "ValidationError"), "{path}");
        }
    }
);

both!(get_user_without_a_name_is_whoever_asks, small(), |rig| {
    let me = rig.connector_user().iam.get_user().send().await.unwrap();
    assert_eq!(me.user().unwrap().arn(), rig.facts.connector_user.arn);
    assert_eq!(me.user().unwrap().user_name(), "stint-connector");
    // A role session is no user.
    assert_eq!(
        refusal(rig.connector().await.iam.get_user().send().await),
        (
            400,
            text("ValidationError"),
            text("Must specify userName when calling with non-User credentials")
        )
    );
});

both!(
    an_account_holds_so_many_and_no_more,
    EstateSpec {
        iam_groups: 300,
        iam_users: 4_998,
        ..small()
    },
    |rig| {
        let iam = rig.admin().iam;
        assert_eq!(
            refusal(iam.create_group().group_name("more").send().await),
            (
                409,
                text("LimitExceeded"),
                text("Cannot exceed quota for GroupsPerAccount: 300")
            )
        );
        assert_eq!(
            refusal(iam.create_user().user_name("more").send().await),
            (
                409,
                text("LimitExceeded"),
                text("Cannot exceed quota for UsersPerAccount: 5000")
            )
        );
        iam.delete_user()
            .user_name("ana.moreno")
            .send()
            .await
            .unwrap();
        made_user(&iam, "more").await;
    }
);

both!(tags_come_with_one_user_and_not_with_lists, small(), |rig| {
    let iam = rig.admin().iam;
    let tag = Tag::builder()
        .key("owner")
        .value("stint & co")
        .build()
        .unwrap();
    let made = iam
        .create_user()
        .user_name("emil")
        .tags(tag.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(made.user().unwrap().tags(), std::slice::from_ref(&tag));
    let one = iam.get_user().user_name("emil").send().await.unwrap();
    assert_eq!(one.user().unwrap().tags(), [tag]);
    let all = iam.list_users().send().await.unwrap();
    assert!(all.users().iter().all(|user| user.tags().is_empty()));
    // Tagging while making is an action of its own.
    let policy = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "iam:CreateUser", "Resource": "*"}}"#;
    rig.sim
        .put_user_permissions(&rig.facts.connector_user.arn, policy)
        .unwrap();
    let stint = rig.connector_user().iam;
    let tag = Tag::builder().key("owner").value("x").build().unwrap();
    let (_, _, message) = refusal(stint.create_user().user_name("hana").tags(tag).send().await);
    assert!(
        message.contains("not authorized to perform: iam:TagUser"),
        "{message}"
    );
    stint.create_user().user_name("hana").send().await.unwrap();
});
