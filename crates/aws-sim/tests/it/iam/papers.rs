//! Policies: inline, managed, in versions, as boundaries; and what the account tells of all.

use super::*;
use aws_sdk_iam::types::{EntityType, PolicyScopeType, ReportStateType};

fn allows(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
    )
}

/// A user with a key of its own.
async fn keyed_user(rig: &Rig, iam: &Client, name: &str) -> Client {
    made_user(iam, name).await;
    let made = iam
        .create_access_key()
        .user_name(name)
        .send()
        .await
        .unwrap();
    let key = made.access_key().unwrap();
    let keys = keyed(key.access_key_id(), key.secret_access_key(), None);
    rig.clients(keys, true).iam
}

both!(
    what_a_user_may_comes_from_everywhere_it_can,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let account = rig.facts.management_account.clone();
        let own = keyed_user(&rig, &iam, "emil").await;
        let may = || async { own.list_users().send().await.is_ok() };
        assert!(!may().await);
        // Inline, then attached, then by a group.
        iam.put_user_policy()
            .user_name("emil")
            .policy_name("p")
            .policy_document(allows("iam:ListUsers"))
            .send()
            .await
            .unwrap();
        assert!(may().await);
        iam.delete_user_policy()
            .user_name("emil")
            .policy_name("p")
            .send()
            .await
            .unwrap();
        assert!(!may().await);
        let made = iam
            .create_policy()
            .policy_name("Reader")
            .policy_document(allows("iam:ListUsers"))
            .send()
            .await
            .unwrap();
        let arn = made.policy().unwrap().arn().unwrap().to_owned();
        assert_eq!(arn, format!("arn:aws:iam::{account}:policy/Reader"));
        iam.attach_user_policy()
            .user_name("emil")
            .policy_arn(&arn)
            .send()
            .await
            .unwrap();
        assert!(may().await);
        // Another version in force counts at once.
        iam.create_policy_version()
            .policy_arn(&arn)
            .policy_document(allows("iam:ListRoles"))
            .set_as_default(true)
            .send()
            .await
            .unwrap();
        assert!(!may().await);
        iam.set_default_policy_version()
            .policy_arn(&arn)
            .version_id("v1")
            .send()
            .await
            .unwrap();
        assert!(may().await);
        // A boundary takes away and gives nothing.
        iam.put_user_permissions_boundary()
            .user_name("emil")
            .permissions_boundary("arn:aws:iam::aws:policy/IAMUserChangePassword")
            .send()
            .await
            .unwrap();
        assert!(!may().await);
        let told = iam.get_user().user_name("emil").send().await.unwrap();
        let boundary = told.user().unwrap().permissions_boundary().unwrap().clone();
        assert_eq!(
            boundary.permissions_boundary_arn(),
            Some("arn:aws:iam::aws:policy/IAMUserChangePassword")
        );
        iam.delete_user_permissions_boundary()
            .user_name("emil")
            .send()
            .await
            .unwrap();
        assert!(may().await);
        iam.detach_user_policy()
            .user_name("emil")
            .policy_arn(&arn)
            .send()
            .await
            .unwrap();
        assert!(!may().await);
        made_group(&iam, "Readers").await;
        iam.attach_group_policy()
            .group_name("Readers")
            .policy_arn("arn:aws:iam::aws:policy/IAMReadOnlyAccess")
            .send()
            .await
            .unwrap();
        iam.add_user_to_group()
            .group_name("Readers")
            .user_name("emil")
            .send()
            .await
            .unwrap();
        assert!(may().await);
        // A deny anywhere decides.
        iam.put_group_policy()
            .group_name("Readers")
            .policy_name("no")
            .policy_document(allows("iam:ListUsers").replace("Allow", "Deny"))
            .send()
            .await
            .unwrap();
        assert!(!may().await);
        assert_eq!(
            refusal(iam.delete_group().group_name("Readers").send().await).2,
            "Cannot delete entity, must remove users from group first."
        );
    }
);

both!(
    managed_policies_have_five_versions_and_their_own_conflicts,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let make = || {
            let make = iam.create_policy().policy_name("Reader").path("/own/");
            make.description("reads")
                .policy_document(allows("iam:List*"))
                .send()
        };
        let made = make().await.unwrap();
        let arn = made.policy().unwrap().arn().unwrap().to_owned();
        assert_eq!(
            refusal(make().await),
            (
                409,
                text("EntityAlreadyExists"),
                text("A policy called Reader already exists. Duplicate names are not allowed.")
            )
        );
        let version = || {
            let make = iam.create_policy_version().policy_arn(&arn);
            make.policy_document(allows("iam:Get*")).send()
        };
        for _ in 0..4 {
            version().await.unwrap();
        }
        let (status, wrong, words) = refusal(version().await);
        assert_eq!((status, wrong.as_str()), (409, "LimitExceeded"));
        assert!(
            words.starts_with("A managed policy can have up to 5 versions."),
            "{words}"
        );
        let listed = iam
            .list_policy_versions()
            .policy_arn(&arn)
            .max_items(2)
            .send()
            .await
            .unwrap();
        let ids: Vec<_> = listed
            .versions()
            .iter()
            .filter_map(|known| known.version_id())
            .collect();
        assert_eq!((ids, listed.is_truncated()), (vec!["v5", "v4"], true));
        let delete = |id: &str| {
            iam.delete_policy_version()
                .policy_arn(&arn)
                .version_id(id)
                .send()
        };
        assert_eq!(
            refusal(delete("v1").await),
            (
                409,
                text("DeleteConflict"),
                text("Cannot delete the default version of a policy.")
            )
        );
        let gone = || iam.delete_policy().policy_arn(&arn).send();
        assert!(
            refusal(gone().await)
                .2
                .starts_with("This policy has more than one version.")
        );
        for id in ["v2", "v3", "v4", "v5"] {
            delete(id).await.unwrap();
        }
        // Numbers never come back.
        let next = version().await.unwrap();
        assert_eq!(next.policy_version().unwrap().version_id(), Some("v6"));
        delete("v6").await.unwrap();
        made_user(&iam, "emil").await;
        iam.attach_user_policy()
            .user_name("emil")
            .policy_arn(&arn)
            .send()
            .await
            .unwrap();
        assert_eq!(
            refusal(gone().await),
            (
                409,
                text("DeleteConflict"),
                text("Cannot delete a policy attached to entities.")
            )
        );
        let told = iam.get_policy().policy_arn(&arn).send().await.unwrap();
        let told = told.policy().unwrap().clone();
        assert_eq!(
            (told.attachment_count(), told.description()),
            (Some(1), Some("reads"))
        );
        let bearers = iam
            .list_entities_for_policy()
            .policy_arn(&arn)
            .entity_filter(EntityType::User)
            .send()
            .await
            .unwrap();
        assert_eq!(bearers.policy_users()[0].user_name(), Some("emil"));
        let local = iam
            .list_policies()
            .scope(PolicyScopeType::Local)
            .send()
            .await
            .unwrap();
        assert_eq!(local.policies().len(), 1);
        let of_aws = iam
            .list_policies()
            .scope(PolicyScopeType::Aws)
            .send()
            .await
            .unwrap();
        assert!(
            of_aws
                .policies()
                .iter()
                .all(|known| known.arn().unwrap().starts_with("arn:aws:iam::aws:policy/"))
        );
        // AWS's own cannot be changed, and one of another account is not seen.
        let theirs = iam
            .delete_policy()
            .policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess");
        assert_eq!(code(theirs.send().await), "AccessDenied");
        let other = iam
            .get_policy()
            .policy_arn("arn:aws:iam::111122223333:policy/Reader");
        assert_eq!(code(other.send().await), "NoSuchEntity");
        iam.detach_user_policy()
            .user_name("emil")
            .policy_arn(&arn)
            .send()
            .await
            .unwrap();
        gone().await.unwrap();
        assert_eq!(code(gone().await), "NoSuchEntity");
    }
);

both!(policies_have_limits, small(), |rig| {
    let iam = rig.admin().iam;
    made_user(&iam, "emil").await;
    let put = |name: &str, document: String| {
        let put = iam.put_user_policy().user_name("emil").policy_name(name);
        put.policy_document(document).send()
    };
    let (status, wrong, _) = refusal(put("p", text("{")).await);
    assert_eq!((status, wrong.as_str()), (400, "MalformedPolicyDocument"));
    let long = |n: usize| allows(&format!("iam:{}", "x".repeat(n)));
    put("a", long(1_000)).await.unwrap();
    // Blanks do not count.
    put("a", long(1_000) + &" ".repeat(3_000)).await.unwrap();
    assert_eq!(
        refusal(put("b", long(1_000)).await),
        (
            409,
            text("LimitExceeded"),
            text("Maximum policy size of 2048 bytes exceeded for user emil")
        )
    );
    put("b", long(700)).await.unwrap();
    let listed = iam
        .list_user_policies()
        .user_name("emil")
        .max_items(1)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (listed.policy_names(), listed.is_truncated()),
        (&[text("a")][..], true)
    );
    let read = iam
        .get_user_policy()
        .user_name("emil")
        .policy_name("b")
        .send()
        .await
        .unwrap();
    assert!(
        read.policy_document()
            .starts_with("%7B%22Version%22%3A%222012-10-17%22")
    );
    let missing = iam
        .get_user_policy()
        .user_name("emil")
        .policy_name("c")
        .send()
        .await;
    assert_eq!(
        refusal(missing),
        (
            404,
            text("NoSuchEntity"),
            text("The user policy with name c cannot be found.")
        )
    );
    for n in 0..11 {
        let made = iam
            .create_policy()
            .policy_name(format!("P{n}"))
            .policy_document(allows("iam:Get*"));
        let made = made.send().await.unwrap();
        let arn = made.policy().unwrap().arn().unwrap();
        let attached = iam
            .attach_user_policy()
            .user_name("emil")
            .policy_arn(arn)
            .send()
            .await;
        if n < 10 {
            attached.unwrap();
        } else {
            assert_eq!(
                refusal(attached),
                (
                    409,
                    text("LimitExceeded"),
                    text("Cannot exceed quota for PoliciesPerUser: 10")
                )
            );
        }
    }
    let nothing = iam
        .attach_user_policy()
        .user_name("emil")
        .policy_arn("arn:aws:iam::aws:policy/Nothing");
    assert_eq!(
        refusal(nothing.send().await),
        (
            404,
            text("NoSuchEntity"),
            text("Policy arn:aws:iam::aws:policy/Nothing does not exist or is not attachable.")
        )
    );
});

both!(
    the_details_of_an_account_come_in_pages_and_filtered,
    peopled(),
    |rig| {
        let iam = rig.admin().iam;
        let pages = iam
            .get_account_authorization_details()
            .max_items(1_000)
            .into_paginator()
            .send();
        let pages: Vec<_> = pages.collect::<Result<_, _>>().await.unwrap();
        assert!(
            pages.len() > 1,
            "an effective page is smaller than asked for"
        );
        let users: BTreeSet<_> = pages
            .iter()
            .flat_map(|page| page.user_detail_list())
            .map(|user| user.user_id().unwrap())
            .collect();
        let groups = pages
            .iter()
            .flat_map(|page| page.group_detail_list())
            .count();
        let roles = pages
            .iter()
            .flat_map(|page| page.role_detail_list())
            .count();
        assert_eq!((users.len(), groups, roles), (232, 120, 1));
        let memberships: usize = pages
            .iter()
            .flat_map(|page| page.user_detail_list())
            .map(|user| user.group_list().len())
            .sum();
        assert_eq!(memberships, 700);
        let only = iam
            .get_account_authorization_details()
            .filter(EntityType::Role)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (only.user_detail_list().len(), only.role_detail_list().len()),
            (0, 1)
        );
        assert_eq!(
            only.role_detail_list()[0].role_name(),
            Some("StintConnector")
        );
        let summary = iam.get_account_summary().send().await.unwrap();
        let summary = summary.summary_map().unwrap().clone();
        let count = |name: &str| {
            let found = summary.iter().find(|(key, _)| key.as_str() == name);
            found.map(|(_, count)| *count)
        };
        assert_eq!((count("Users"), count("Groups")), (Some(232), Some(120)));
    }
);

both!(
    a_credential_report_takes_its_time_and_lasts_four_hours,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let get = || iam.get_credential_report().send();
        let ask = || async {
            iam.generate_credential_report()
                .send()
                .await
                .unwrap()
                .state()
                .unwrap()
                .clone()
        };
        assert_eq!(refusal(get().await).0, 410);
        assert_eq!(ask().await, ReportStateType::Started);
        assert_eq!(ask().await, ReportStateType::Inprogress);
        let (status, wrong, _) = refusal(get().await);
        assert_eq!((status, wrong.as_str()), (404, "ReportInProgress"));
        rig.clock.advance(10_000_000);
        assert_eq!(ask().await, ReportStateType::Complete);
        let report = get().await.unwrap();
        let csv = String::from_utf8(report.content().unwrap().as_ref().to_vec()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with("user,arn,user_creation_time,password_enabled,"));
        assert!(lines[1].starts_with("<root_account>,"));
        assert!(
            lines.iter().all(|line| line.split(',').count() == 22),
            "{csv}"
        );
        assert!(lines.iter().any(|line| line.starts_with("estate-admin,")));
        // What changed meanwhile is not in it until it is made anew.
        made_user(&iam, "emil").await;
        rig.clock.advance(3 * 3_600 * 1_000_000);
        assert_eq!(ask().await, ReportStateType::Complete);
        let same = get().await.unwrap();
        assert_eq!(same.generated_time(), report.generated_time());
        rig.clock.advance(3_600 * 1_000_000);
        let (status, wrong, _) = refusal(get().await);
        assert_eq!((status, wrong.as_str()), (410, "ReportExpired"));
        assert_eq!(ask().await, ReportStateType::Started);
        rig.clock.advance(10_000_000);
        let new = get().await.unwrap();
        let csv = String::from_utf8(new.content().unwrap().as_ref().to_vec()).unwrap();
        assert!(csv.contains("\nemil,"));
    }
);

both!(who_used_which_service_is_found_out, small(), |rig| {
    let iam = rig.admin().iam;
    let arn = &rig.facts.host.arn;
    let other = iam
        .generate_service_last_accessed_details()
        .arn(arn)
        .send()
        .await;
    // The host is in another account.
    assert_eq!(code(other), "NoSuchEntity");
    rig.connector()
        .await
        .sso
        .list_instances()
        .send()
        .await
        .unwrap();
    let role = &rig.facts.connector_role_arn;
    let job = iam
        .generate_service_last_accessed_details()
        .arn(role)
        .send()
        .await
        .unwrap();
    let job = job.job_id().unwrap().to_owned();
    let ask = || iam.get_service_last_accessed_details().job_id(&job).send();
    assert_eq!(ask().await.unwrap().job_status().as_str(), "IN_PROGRESS");
    rig.clock.advance(10_000_000);
    let told = ask().await.unwrap();
    assert_eq!(told.job_status().as_str(), "COMPLETED");
    let sso = told
        .services_last_accessed()
        .iter()
        .find(|row| row.service_namespace() == "sso");
    assert_eq!(
        sso.unwrap().last_authenticated_entity(),
        Some(role.as_str())
    );
    assert_eq!(sso.unwrap().total_authenticated_entities(), Some(1));
    let iam_row = told
        .services_last_accessed()
        .iter()
        .find(|row| row.service_namespace() == "iam");
    assert!(iam_row.unwrap().last_authenticated().is_none());
});
