//! Access keys: made, used, put out of use, deleted.

use aws_sdk_iam::types::StatusType;

use super::*;

both!(
    a_key_that_was_made_signs_in_until_it_is_put_out_of_use,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let emil = made_user(&iam, "emil").await;
        let made = iam
            .create_access_key()
            .user_name("emil")
            .send()
            .await
            .unwrap();
        let key = made.access_key().unwrap().clone();
        assert!(key.access_key_id().starts_with("AKIA") && key.access_key_id().len() == 20);
        assert_eq!(key.secret_access_key().len(), 40);
        assert_eq!(key.status(), &StatusType::Active);
        let as_emil = rig.clients(
            keyed(key.access_key_id(), key.secret_access_key(), None),
            true,
        );
        let who = || as_emil.sts.get_caller_identity().send();
        let caller = who().await.unwrap();
        assert_eq!(caller.arn(), Some(emil.arn()));
        assert_eq!(caller.user_id(), Some(emil.user_id()));
        assert_eq!(
            caller.account(),
            Some(rig.facts.management_account.as_str())
        );
        // Nobody gave this user anything.
        let (status, denied, _) = refusal(as_emil.iam.list_users().send().await);
        assert_eq!((status, denied.as_str()), (403, "AccessDenied"));
        assert_eq!(
            code(as_emil.sso.list_instances().send().await),
            "AccessDeniedException"
        );

        let set = |status: StatusType| {
            iam.update_access_key()
                .user_name("emil")
                .access_key_id(key.access_key_id())
                .status(status)
                .send()
        };
        set(StatusType::Inactive).await.unwrap();
        let invalid = text("The security token included in the request is invalid.");
        assert_eq!(
            refusal(who().await),
            (403, text("InvalidClientTokenId"), invalid.clone())
        );
        assert_eq!(
            refusal(as_emil.sso.list_instances().send().await),
            (400, text("UnrecognizedClientException"), invalid)
        );
        let listed = iam
            .list_access_keys()
            .user_name("emil")
            .send()
            .await
            .unwrap();
        let listed = &listed.access_key_metadata()[0];
        assert_eq!(listed.access_key_id(), Some(key.access_key_id()));
        assert_eq!(listed.status(), Some(&StatusType::Inactive));
        set(StatusType::Active).await.unwrap();
        who().await.unwrap();
        iam.delete_access_key()
            .user_name("emil")
            .access_key_id(key.access_key_id())
            .send()
            .await
            .unwrap();
        assert_eq!(code(who().await), "InvalidClientTokenId");
        assert_eq!(code(set(StatusType::Active).await), "NoSuchEntity");
        // A deleted key is nobody's.
        assert_eq!(rig.sim.calls_by(Party::User), 6);
    }
);

both!(two_keys_and_no_more, small(), |rig| {
    let iam = rig.admin().iam;
    made_user(&iam, "emil").await;
    let make = || iam.create_access_key().user_name("emil").send();
    make().await.unwrap();
    make().await.unwrap();
    assert_eq!(
        refusal(make().await),
        (
            409,
            text("LimitExceeded"),
            text("Cannot exceed quota for AccessKeysPerUser: 2")
        )
    );
    let page = iam
        .list_access_keys()
        .user_name("emil")
        .max_items(1)
        .send()
        .await
        .unwrap();
    assert!(page.is_truncated());
    let rest = iam
        .list_access_keys()
        .user_name("emil")
        .marker(page.marker().unwrap())
        .send();
    let rest = rest.await.unwrap();
    assert_ne!(
        page.access_key_metadata()[0].access_key_id(),
        rest.access_key_metadata()[0].access_key_id()
    );
});

both!(a_key_belongs_to_one_user, small(), |rig| {
    let iam = rig.admin().iam;
    made_user(&iam, "emil").await;
    made_user(&iam, "hana").await;
    let made = iam
        .create_access_key()
        .user_name("emil")
        .send()
        .await
        .unwrap();
    let id = made.access_key().unwrap().access_key_id().to_owned();
    assert_eq!(
        refusal(
            iam.delete_access_key()
                .user_name("hana")
                .access_key_id(&id)
                .send()
                .await
        ),
        (
            404,
            text("NoSuchEntity"),
            format!("The Access Key with id {id} cannot be found.")
        )
    );
    // Without a name: the caller's own.
    let own = iam.list_access_keys().send().await.unwrap();
    assert_eq!(
        own.access_key_metadata()[0].access_key_id(),
        Some(rig.facts.admin.access_key_id.as_str())
    );
    let expired = iam
        .update_access_key()
        .user_name("emil")
        .access_key_id(&id)
        .status(StatusType::Expired);
    assert_eq!(code(expired.send().await), "InvalidInput");
});

both!(what_a_key_was_used_for_last_is_known, small(), |rig| {
    let iam = rig.admin().iam;
    made_user(&iam, "emil").await;
    let made = iam
        .create_access_key()
        .user_name("emil")
        .send()
        .await
        .unwrap();
    let key = made.access_key().unwrap().clone();
    let last = || {
        iam.get_access_key_last_used()
            .access_key_id(key.access_key_id())
            .send()
    };
    let never = last().await.unwrap();
    let never_used = never.access_key_last_used().unwrap();
    assert_eq!(never.user_name(), Some("emil"));
    assert_eq!(
        (never_used.service_name(), never_used.region()),
        ("N/A", "N/A")
    );
    assert!(never_used.last_used_date().is_none());
    let as_emil = rig.clients(
        keyed(key.access_key_id(), key.secret_access_key(), None),
        true,
    );
    as_emil.sts.get_caller_identity().send().await.unwrap();
    let used = last().await.unwrap();
    let used = used.access_key_last_used().unwrap();
    assert_eq!(
        (used.service_name(), used.region()),
        ("sts", "eu-central-1")
    );
    assert_eq!(
        used.last_used_date().unwrap().secs(),
        crate::rig::START / 1_000_000
    );
    let unknown = iam
        .get_access_key_last_used()
        .access_key_id("AKIANOBODYNOBODYNOBO");
    assert_eq!(code(unknown.send().await), "NoSuchEntity");
});

both!(
    the_connectors_key_may_do_what_stint_asks_for_and_nothing_else,
    small(),
    |rig| {
        let stint = rig.connector_user();
        let who = stint.sts.get_caller_identity().send().await.unwrap();
        assert_eq!(who.arn(), Some(rig.facts.connector_user.arn.as_str()));
        assert_eq!(who.account(), Some(rig.facts.management_account.as_str()));
        stint.organizations.list_accounts().send().await.unwrap();
        stint.sso.list_instances().send().await.unwrap();
        let store = stint
            .store
            .list_users()
            .identity_store_id(&rig.facts.identity_store_id);
        store.send().await.unwrap();
        stint.iam.list_users().send().await.unwrap();
        stint.iam.list_groups().send().await.unwrap();
        for refused in [
            code(
                stint
                    .iam
                    .create_access_key()
                    .user_name("estate-admin")
                    .send()
                    .await,
            ),
            code(
                stint
                    .iam
                    .create_login_profile()
                    .user_name("estate-admin")
                    .password("Not-Its-Business-1")
                    .send()
                    .await,
            ),
            code(
                stint
                    .iam
                    .attach_user_policy()
                    .user_name("stint-connector")
                    .policy_arn("arn:aws:iam::aws:policy/AdministratorAccess")
                    .send()
                    .await,
            ),
            code(stint.iam.create_group().group_name("x").send().await),
        ] {
            assert_eq!(refused, "AccessDenied");
        }
        assert_eq!(rig.sim.calls_by(Party::Stint), rig.sim.calls());
        let journal = serde_json::to_string(&rig.sim.journal()).unwrap();
        assert!(!journal.contains(&rig.facts.connector_user.secret_access_key));
    }
);
