//! Who is in which group.

use stint_aws_sim::{Effect, Fault};

use super::*;

async fn members(iam: &Client, group: &str) -> Vec<String> {
    let listed = iam.get_group().group_name(group).send().await.unwrap();
    let users = listed.users().iter();
    users.map(|user| user.user_name().to_owned()).collect()
}

async fn groups(iam: &Client, user: &str) -> Vec<String> {
    let listed = iam.list_groups_for_user().user_name(user).send().await;
    let listed = listed.unwrap();
    let groups = listed.groups().iter();
    groups.map(|group| group.group_name().to_owned()).collect()
}

both!(
    a_membership_comes_and_goes_as_often_as_it_is_asked,
    small(),
    |rig| {
        let admin = rig.admin().iam;
        made_user(&admin, "emil").await;
        made_group(&admin, "Developers").await;
        // As Stint would do it: with its own key, allowed nothing else.
        let iam = rig.connector_user().iam;
        let add = || {
            iam.add_user_to_group()
                .group_name("developers")
                .user_name("EMIL")
                .send()
        };
        let remove = || {
            iam.remove_user_from_group()
                .group_name("Developers")
                .user_name("emil")
                .send()
        };
        for _ in 0..2 {
            add().await.unwrap();
            assert_eq!(members(&iam, "Developers").await, ["emil"]);
            assert_eq!(groups(&admin, "emil").await, ["Developers"]);
        }
        let row = rig.sim.iam_memberships();
        assert_eq!(row.len(), 1);
        assert_eq!(
            (row[0].group.as_str(), row[0].user.as_str()),
            ("Developers", "emil")
        );
        assert_eq!(row[0].account_id, rig.facts.management_account);
        for _ in 0..2 {
            remove().await.unwrap();
            assert!(members(&iam, "Developers").await.is_empty());
            assert!(groups(&admin, "emil").await.is_empty());
        }
    }
);

both!(whoever_is_missing_is_named, small(), |rig| {
    let admin = rig.admin().iam;
    made_user(&admin, "emil").await;
    made_group(&admin, "Developers").await;
    let iam = rig.connector().await.iam;
    let no_user = (
        404,
        text("NoSuchEntity"),
        text("The user with name nobody cannot be found."),
    );
    let no_group = (
        404,
        text("NoSuchEntity"),
        text("The group with name nothing cannot be found."),
    );
    let add = |group: &str, user: &str| {
        iam.add_user_to_group()
            .group_name(group)
            .user_name(user)
            .send()
    };
    let remove = |group: &str, user: &str| {
        iam.remove_user_from_group()
            .group_name(group)
            .user_name(user)
            .send()
    };
    assert_eq!(refusal(add("Developers", "nobody").await), no_user);
    assert_eq!(refusal(remove("Developers", "nobody").await), no_user);
    assert_eq!(refusal(add("nothing", "emil").await), no_group);
    assert_eq!(refusal(remove("nothing", "emil").await), no_group);
    assert_eq!(
        refusal(iam.get_group().group_name("nothing").send().await),
        no_group
    );
    assert_eq!(
        refusal(iam.list_groups_for_user().user_name("nobody").send().await),
        no_user
    );
    assert_eq!(
        refusal(iam.get_user().user_name("nobody").send().await),
        no_user
    );
    // The SDK knows the code by its modelled name.
    let error = add("nothing", "emil")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_no_such_entity_exception());
});

both!(
    an_eleventh_group_is_refused_and_a_tenth_again_is_not,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        made_user(&iam, "emil").await;
        for n in 0..11 {
            made_group(&iam, &format!("g{n}")).await;
        }
        let add = |n: usize| {
            iam.add_user_to_group()
                .group_name(format!("g{n}"))
                .user_name("emil")
                .send()
        };
        for n in 0..10 {
            add(n).await.unwrap();
        }
        assert_eq!(
            refusal(add(10).await),
            (
                409,
                text("LimitExceeded"),
                text("Cannot exceed quota for GroupsPerUser: 10")
            )
        );
        assert_eq!(groups(&iam, "emil").await.len(), 10);
        add(9).await.unwrap();
        iam.remove_user_from_group()
            .group_name("g0")
            .user_name("emil")
            .send()
            .await
            .unwrap();
        add(10).await.unwrap();
        assert_eq!(groups(&iam, "emil").await.len(), 10);
    }
);

both!(members_and_groups_come_page_by_page, peopled(), |rig| {
    let iam = rig.connector_user().iam;
    let truth = rig.sim.iam_memberships();
    let of = |group: &str| -> BTreeSet<String> {
        let rows = truth.iter().filter(|row| row.group == group);
        rows.map(|row| row.user.clone()).collect()
    };
    let biggest = of("Administrators");
    assert!(biggest.len() > 7, "{biggest:?}");
    let mut seen = Vec::new();
    let mut marker = None;
    let mut pages = 0;
    loop {
        let page = iam
            .get_group()
            .group_name("Administrators")
            .max_items(3)
            .set_marker(marker)
            .send()
            .await
            .unwrap();
        pages += 1;
        assert_eq!(page.group().unwrap().group_name(), "Administrators");
        seen.extend(page.users().iter().map(|user| user.user_name().to_owned()));
        assert_eq!(page.is_truncated(), page.marker().is_some());
        match page.marker() {
            Some(next) => marker = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(pages, biggest.len().div_ceil(3));
    assert_eq!(seen.len(), biggest.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), biggest);

    // Between two pages somebody leaves, and nobody is skipped or comes twice.
    let page = iam
        .get_group()
        .group_name("Administrators")
        .max_items(3)
        .send()
        .await
        .unwrap();
    let first: Vec<String> = page
        .users()
        .iter()
        .map(|u| u.user_name().to_owned())
        .collect();
    for name in &first {
        iam.remove_user_from_group()
            .group_name("Administrators")
            .user_name(name)
            .send()
            .await
            .unwrap();
    }
    let rest = iam
        .get_group()
        .group_name("Administrators")
        .marker(page.marker().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(rest.users().len(), biggest.len() - 3);
});

both!(lists_lag_and_writes_do_not, small(), |rig| {
    let admin = rig.admin().iam;
    made_user(&admin, "emil").await;
    made_group(&admin, "Developers").await;
    rig.sim
        .knobs(|knobs| knobs.read_lag_micros = 5 * crate::rig::SECOND);
    let iam = rig.connector_user().iam;
    iam.add_user_to_group()
        .group_name("Developers")
        .user_name("emil")
        .send()
        .await
        .unwrap();
    assert!(members(&iam, "Developers").await.is_empty());
    assert!(groups(&admin, "emil").await.is_empty());
    // What a deletion looks at is the truth.
    assert_eq!(
        code(admin.delete_group().group_name("Developers").send().await),
        "DeleteConflict"
    );
    rig.clock.advance(5 * crate::rig::SECOND);
    assert_eq!(members(&iam, "Developers").await, ["emil"]);
});

both!(the_script_works_on_iam_as_on_the_rest, small(), |rig| {
    let admin = rig.admin().iam;
    made_user(&admin, "emil").await;
    made_group(&admin, "Developers").await;
    let iam = rig.connector_user().iam;
    let add = || {
        iam.add_user_to_group()
            .group_name("Developers")
            .user_name("emil")
            .send()
    };
    let remove = || {
        iam.remove_user_from_group()
            .group_name("Developers")
            .user_name("emil")
            .send()
    };
    let adds = || Fault::on("iam:AddUserToGroup").by(Party::Stint).nth(1);
    let there = || rig.sim.iam_memberships().len();
    let faults = rig.sim.faults();

    faults.add(adds(), Effect::Throttle);
    assert_eq!(
        refusal(add().await),
        (400, text("Throttling"), text("Rate exceeded"))
    );
    faults.add(adds(), Effect::refuse("ConcurrentModification"));
    let (status, code, _) = refusal(add().await);
    assert_eq!((status, code.as_str()), (409, "ConcurrentModification"));
    faults.add(adds(), Effect::Broken);
    let (status, code, _) = refusal(add().await);
    assert_eq!((status, code.as_str()), (500, "ServiceFailure"));
    faults.add(adds(), Effect::LoseBefore);
    assert!(add().await.is_err());
    assert_eq!(there(), 0);
    faults.add(adds(), Effect::LoseAfter);
    assert!(add().await.is_err());
    assert_eq!(there(), 1);
    faults.add(
        Fault::on("iam:RemoveUserFromGroup").nth(1),
        Effect::IgnoreDelete,
    );
    remove().await.unwrap();
    assert_eq!(there(), 1);
    remove().await.unwrap();
    assert_eq!(there(), 0);

    let journal = rig.sim.journal();
    let last = journal.last().unwrap();
    assert_eq!(last.operation, "iam:RemoveUserFromGroup");
    assert_eq!(last.input["GroupName"], "Developers");
    assert_eq!(last.input["UserName"], "emil");
    assert_eq!(last.caller_arn, Some(rig.facts.connector_user.arn.clone()));
    assert_eq!(rig.calls_of("iam:AddUserToGroup"), 5);
});

both!(
    who_may_change_a_group_is_judged_by_the_group,
    small(),
    |rig| {
        let admin = rig.admin().iam;
        let user = made_user(&admin, "emil").await;
        let group = made_group(&admin, "Developers").await;
        made_group(&admin, "Operators").await;
        let arn = &rig.facts.connector_user.arn;
        let allow = |resource: &str| {
            let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": ["iam:AddUserToGroup", "iam:GetGroup"], "Resource": resource } });
            rig.sim
                .put_user_permissions(arn, &policy.to_string())
                .unwrap();
        };
        let iam = rig.connector_user().iam;
        let add = |group: &str| {
            iam.add_user_to_group()
                .group_name(group)
                .user_name("emil")
                .send()
        };
        // The user's ARN opens nothing.
        allow(user.arn());
        let denied = |resource: &str| {
            (
                403,
                text("AccessDenied"),
                format!(
                    "User: {arn} is not authorized to perform: iam:AddUserToGroup on resource: {resource} because no identity-based policy allows the iam:AddUserToGroup action"
                ),
            )
        };
        assert_eq!(refusal(add("Developers").await), denied(group.arn()));
        allow(group.arn());
        add("Developers").await.unwrap();
        let account = &rig.facts.management_account;
        assert_eq!(
            refusal(add("Operators").await),
            denied(&format!("arn:aws:iam::{account}:group/Operators"))
        );
        // Whether there is such a group is nobody's business who may not look.
        assert_eq!(
            refusal(add("Secret").await),
            denied(&format!("arn:aws:iam::{account}:group/Secret"))
        );
        let (status, code, message) = refusal(iam.list_users().send().await);
        assert_eq!((status, code.as_str()), (403, "AccessDenied"));
        assert_eq!(
            message,
            format!(
                "User: {arn} is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::{account}:user/ because no identity-based policy allows the iam:ListUsers action"
            )
        );
    }
);

both!(an_account_sees_its_own, peopled(), |rig| {
    // The same role in a member account: nobody lives there but whoever was made there.
    let member = rig.facts.member_role_arn.clone().unwrap();
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": ["iam:ListUsers", "iam:ListGroups", "iam:GetGroup"],
        "Resource": "*" } });
    rig.sim
        .put_role_permissions(&member, &policy.to_string())
        .unwrap();
    let there = rig.session(&member).await.iam;
    assert!(there.list_users().send().await.unwrap().users().is_empty());
    assert!(
        there
            .list_groups()
            .send()
            .await
            .unwrap()
            .groups()
            .is_empty()
    );
    assert_eq!(
        code(there.get_group().group_name("Administrators").send().await),
        "NoSuchEntity"
    );
});
