//! The organization's tree, and the policies on it.

use aws_sdk_organizations::types::{ChildType, PolicyType};

use crate::rig::{Rig, both, code, credentials, refusal, small};

async fn root(rig: &Rig) -> String {
    let roots = rig.admin().organizations.list_roots().send().await.unwrap();
    roots.roots()[0].id().unwrap().to_owned()
}

both!(every_account_is_found_by_walking_the_tree, small(), |rig| {
    let org = rig.admin().organizations;
    let root = root(&rig).await;
    let units = org.list_organizational_units_for_parent().parent_id(&root);
    let units = units.into_paginator().send();
    let units: Vec<_> = units.collect::<Result<_, _>>().await.unwrap();
    let units: Vec<_> = units
        .iter()
        .flat_map(|page| page.organizational_units())
        .collect();
    assert!(units.len() >= 2, "{units:?}");
    let mut found = Vec::new();
    let parents = units.iter().map(|unit| unit.id().unwrap().to_owned());
    for parent in parents.chain([root.clone()]) {
        let inside = org
            .list_accounts_for_parent()
            .parent_id(&parent)
            .max_results(2);
        let inside = inside.into_paginator().send();
        let inside: Vec<_> = inside.collect::<Result<_, _>>().await.unwrap();
        let inside: Vec<_> = inside.iter().flat_map(|page| page.accounts()).collect();
        let children = org
            .list_children()
            .parent_id(&parent)
            .child_type(ChildType::Account);
        let children = children.send().await.unwrap();
        assert_eq!(children.children().len(), inside.len());
        for account in inside {
            let id = account.id().unwrap().to_owned();
            let up = org.list_parents().child_id(&id).send().await.unwrap();
            assert_eq!(up.parents()[0].id(), Some(parent.as_str()));
            // The path says the same.
            let path = &account.paths()[0];
            assert!(path.ends_with(&format!("{parent}/{id}/")), "{path}");
            found.push(id);
        }
    }
    let all = org.list_accounts().into_paginator().send();
    let all: Vec<_> = all.collect::<Result<_, _>>().await.unwrap();
    let all = all.iter().flat_map(|page| page.accounts());
    let mut all: Vec<_> = all
        .map(|account| account.id().unwrap().to_owned())
        .collect();
    all.sort();
    found.sort();
    assert_eq!(found, all);
    assert_eq!(
        code(org.list_parents().child_id("111122223333").send().await),
        "ChildNotFoundException"
    );
});

both!(units_are_made_five_deep_and_deleted_empty, small(), |rig| {
    let org = rig.admin().organizations;
    let root = root(&rig).await;
    let make = |parent: &str, name: &str| {
        org.create_organizational_unit()
            .parent_id(parent)
            .name(name)
            .send()
    };
    let mut chain = vec![root.clone()];
    for depth in 1..=5 {
        let made = make(chain.last().unwrap(), &format!("level {depth}"))
            .await
            .unwrap();
        let made = made.organizational_unit().unwrap();
        assert_eq!(made.path().unwrap().matches("/ou-").count(), depth);
        chain.push(made.id().unwrap().to_owned());
    }
    let (status, wrong, _) = refusal(make(&chain[5], "level 6").await);
    assert_eq!(
        (status, wrong.as_str()),
        (400, "ConstraintViolationException")
    );
    assert_eq!(
        code(make(&root, "level 1").await),
        "DuplicateOrganizationalUnitException"
    );
    let account = rig.account("prod-payments");
    let up = org.list_parents().child_id(&account).send().await.unwrap();
    let home = up.parents()[0].id().unwrap().to_owned();
    let go = |from: &str, to: &str| {
        let go = org.move_account().account_id(&account);
        go.source_parent_id(from).destination_parent_id(to).send()
    };
    assert_eq!(
        code(go(&root, &chain[5]).await),
        "SourceParentNotFoundException"
    );
    go(&home, &chain[5]).await.unwrap();
    assert_eq!(
        code(go(&home, &chain[5]).await),
        "DuplicateAccountException"
    );
    let told = org
        .describe_account()
        .account_id(&account)
        .send()
        .await
        .unwrap();
    assert_eq!(
        told.account().unwrap().paths()[0].matches("/ou-").count(),
        5
    );
    let delete = |id: &str| {
        org.delete_organizational_unit()
            .organizational_unit_id(id)
            .send()
    };
    assert_eq!(
        code(delete(&chain[5]).await),
        "OrganizationalUnitNotEmptyException"
    );
    assert_eq!(
        code(delete(&chain[4]).await),
        "OrganizationalUnitNotEmptyException"
    );
    go(&chain[5], &home).await.unwrap();
    let rename = org
        .update_organizational_unit()
        .organizational_unit_id(&chain[5])
        .name("last");
    rename.send().await.unwrap();
    for id in chain[1..].iter().rev() {
        delete(id).await.unwrap();
    }
    let gone = org
        .describe_organizational_unit()
        .organizational_unit_id(&chain[1]);
    assert_eq!(
        code(gone.send().await),
        "OrganizationalUnitNotFoundException"
    );
});

both!(
    a_policy_over_an_account_denies_what_its_own_allow,
    small(),
    |rig| {
        let admin = rig.admin();
        let org = &admin.organizations;
        let root = root(&rig).await;
        let member = rig.facts.member_role_arn.clone().unwrap();
        let account = member.split(':').nth(4).unwrap().to_owned();
        let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        rig.sim.put_role_permissions(&member, everything).unwrap();
        let assumed = rig
            .host()
            .sts
            .assume_role()
            .role_arn(&member)
            .role_session_name("me")
            .external_id(&rig.facts.connector_external_id)
            .send()
            .await
            .unwrap();
        let session = rig.clients(credentials(&assumed), true);
        session.iam.list_users().send().await.unwrap();
        let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:List*","Resource":"*"}}"#;
        let make = |name: &str, content: &str| {
            let make = org.create_policy().name(name).description("d");
            make.r#type(PolicyType::ServiceControlPolicy)
                .content(content)
                .send()
        };
        let made = make("no lists", deny).await.unwrap();
        let id = made
            .policy()
            .unwrap()
            .policy_summary()
            .unwrap()
            .id()
            .unwrap()
            .to_owned();
        assert_eq!(
            code(make("no lists", deny).await),
            "DuplicatePolicyException"
        );
        assert_eq!(
            code(make("bad", "{").await),
            "MalformedPolicyDocumentException"
        );
        let long = format!("{deny}{}", " ".repeat(5_200));
        assert_eq!(
            code(make("long", &long).await),
            "ConstraintViolationException"
        );
        let attach = |target: &str| org.attach_policy().policy_id(&id).target_id(target).send();
        let detach = |policy: &str, target: &str| {
            org.detach_policy()
                .policy_id(policy)
                .target_id(target)
                .send()
        };
        for target in [root.as_str(), account.as_str()] {
            attach(target).await.unwrap();
            assert_eq!(
                code(attach(target).await),
                "DuplicatePolicyAttachmentException"
            );
            assert_eq!(code(session.iam.list_users().send().await), "AccessDenied");
            // Not over the management account (AWS reference §7).
            admin.iam.list_users().send().await.unwrap();
            detach(&id, target).await.unwrap();
            session.iam.list_users().send().await.unwrap();
            assert_eq!(
                code(detach(&id, target).await),
                "PolicyNotAttachedException"
            );
        }
        // Every level must allow, and none is left without a policy.
        assert_eq!(
            code(detach("p-FullAWSAccess", &account).await),
            "ConstraintViolationException"
        );
        attach(&account).await.unwrap();
        detach("p-FullAWSAccess", &account).await.unwrap();
        let only = org.list_policies_for_target().target_id(&account);
        let only = only
            .filter(PolicyType::ServiceControlPolicy)
            .send()
            .await
            .unwrap();
        assert_eq!(only.policies().len(), 1);
        let update = org
            .update_policy()
            .policy_id(&id)
            .content(deny.replace("Deny", "Allow"));
        update.send().await.unwrap();
        session.iam.list_users().send().await.unwrap();
        assert_eq!(
            code(session.iam.get_account_summary().send().await),
            "AccessDenied"
        );
        assert_eq!(
            code(org.delete_policy().policy_id(&id).send().await),
            "PolicyInUseException"
        );
        let targets = org
            .list_targets_for_policy()
            .policy_id(&id)
            .send()
            .await
            .unwrap();
        assert_eq!(targets.targets()[0].target_id(), Some(account.as_str()));
        let full = org
            .attach_policy()
            .policy_id("p-FullAWSAccess")
            .target_id(&account);
        full.send().await.unwrap();
        detach(&id, &account).await.unwrap();
        org.delete_policy().policy_id(&id).send().await.unwrap();
        assert_eq!(
            code(org.describe_policy().policy_id(&id).send().await),
            "PolicyNotFoundException"
        );
        let theirs = org
            .update_policy()
            .policy_id("p-FullAWSAccess")
            .name("Mine");
        assert_eq!(code(theirs.send().await), "AccessDeniedException");
    }
);

both!(what_is_in_a_unit_is_judged_on_that_unit, small(), |rig| {
    let admin = rig.admin();
    let root = root(&rig).await;
    let units = admin
        .organizations
        .list_organizational_units_for_parent()
        .parent_id(&root);
    let units = units.send().await.unwrap();
    let unit = &units.organizational_units()[0];
    let (id, arn) = (unit.id().unwrap(), unit.arn().unwrap());
    admin
        .iam
        .create_user()
        .user_name("tree")
        .send()
        .await
        .unwrap();
    let may = serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": arn,
        "Action": ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"]}]});
    let put = admin
        .iam
        .put_user_policy()
        .user_name("tree")
        .policy_name("p");
    put.policy_document(may.to_string()).send().await.unwrap();
    let key = admin
        .iam
        .create_access_key()
        .user_name("tree")
        .send()
        .await
        .unwrap();
    let key = key.access_key().unwrap().clone();
    let keys = crate::rig::keyed(key.access_key_id(), key.secret_access_key(), None);
    let tree = rig.clients(keys, true).organizations;
    let inside = tree.list_accounts_for_parent().parent_id(id).send().await;
    assert!(inside.is_ok(), "{inside:?}");
    let below = tree.list_organizational_units_for_parent().parent_id(id);
    assert!(below.send().await.is_ok());
    let above = tree
        .list_accounts_for_parent()
        .parent_id(&root)
        .send()
        .await;
    assert_eq!(code(above), "AccessDeniedException");
});
