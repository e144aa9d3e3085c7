//! Temporary credentials: what they may, for how long, and who may ask for which.

use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use crate::rig::{Clients, MINUTE, Rig, both, code, credentials, keyed, refusal, small};

const LISTS: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:ListUsers","sso:ListInstances","sts:*"],"Resource":"*"}}"#;

fn given(credentials: &aws_sdk_sts::types::Credentials) -> aws_credential_types::Credentials {
    keyed(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        Some(credentials.session_token().to_owned()),
    )
}

/// A user of the management account with this policy and a key.
async fn user(rig: &Rig, name: &str, policy: &str) -> Clients {
    let iam = rig.admin().iam;
    iam.create_user().user_name(name).send().await.unwrap();
    iam.put_user_policy()
        .user_name(name)
        .policy_name("p")
        .policy_document(policy)
        .send()
        .await
        .unwrap();
    let made = iam
        .create_access_key()
        .user_name(name)
        .send()
        .await
        .unwrap();
    let key = made.access_key().unwrap();
    rig.clients(
        keyed(key.access_key_id(), key.secret_access_key(), None),
        true,
    )
}

/// A role of the management account, open to the account, that may do this.
async fn role(rig: &Rig, name: &str, actions: &str, policy: &str) -> String {
    let iam = rig.admin().iam;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":{actions}}}}}"#,
        rig.facts.management_account
    );
    let made = iam
        .create_role()
        .role_name(name)
        .path("/jobs/")
        .assume_role_policy_document(trust)
        .max_session_duration(7_200)
        .send()
        .await
        .unwrap();
    iam.put_role_policy()
        .role_name(name)
        .policy_name("p")
        .policy_document(policy)
        .send()
        .await
        .unwrap();
    made.role().unwrap().arn().to_owned()
}

both!(a_federated_user_may_what_both_allow, small(), |rig| {
    let emil = user(&rig, "emil", LISTS).await;
    let made = emil
        .sts
        .get_federation_token()
        .name("vendor")
        .policy(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sso:*","organizations:*"],"Resource":"*"}}"#)
        .send()
        .await
        .unwrap();
    let account = &rig.facts.management_account;
    let who = made.federated_user().unwrap();
    assert_eq!(who.federated_user_id(), format!("{account}:vendor"));
    assert_eq!(
        who.arn(),
        format!("arn:aws:sts::{account}:federated-user/vendor")
    );
    assert!(made.session_token_utilization().unwrap() > 0);
    let vendor = rig.clients(given(made.credentials().unwrap()), true);
    vendor.sso.list_instances().send().await.unwrap();
    // The user may not; the policy may not.
    assert_eq!(
        code(vendor.organizations.list_accounts().send().await),
        "AccessDeniedException"
    );
    let store = vendor
        .store
        .list_groups()
        .identity_store_id(&rig.facts.identity_store_id);
    assert_eq!(code(store.send().await), "AccessDeniedException");
    // IAM is closed to it, and STS but for one question (AWS reference §4).
    assert_eq!(
        refusal(vendor.iam.list_users().send().await).1,
        "InvalidClientTokenId"
    );
    assert_eq!(
        code(vendor.sts.get_session_token().send().await),
        "AccessDenied"
    );
    let told = vendor.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(told.arn(), Some(who.arn()));
    // Without a policy: nothing at all.
    let bare = emil
        .sts
        .get_federation_token()
        .name("bare")
        .send()
        .await
        .unwrap();
    let bare = rig.clients(given(bare.credentials().unwrap()), true);
    assert_eq!(
        code(bare.sso.list_instances().send().await),
        "AccessDeniedException"
    );
    // Twelve hours unless told, by the virtual clock.
    rig.clock.advance(11 * 60 * MINUTE);
    vendor.sso.list_instances().send().await.unwrap();
    rig.clock.advance(61 * MINUTE);
    assert_eq!(
        code(vendor.sso.list_instances().send().await),
        "ExpiredTokenException"
    );
    // What its user loses, it loses.
    for (name, seconds) in [("x", 3_600), ("ok", 899), ("ok", 129_601)] {
        let wrong = emil
            .sts
            .get_federation_token()
            .name(name)
            .duration_seconds(seconds);
        assert_eq!(refusal(wrong.send().await).1, "ValidationError");
    }
});

both!(a_users_session_is_the_user_without_iam, small(), |rig| {
    let emil = user(&rig, "emil", LISTS).await;
    let made = emil.sts.get_session_token().send().await.unwrap();
    let session = rig.clients(given(made.credentials().unwrap()), true);
    let told = session.sts.get_caller_identity().send().await.unwrap();
    let own = emil.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(told.arn(), own.arn());
    session.sso.list_instances().send().await.unwrap();
    emil.iam.list_users().send().await.unwrap();
    assert_eq!(
        code(session.iam.list_users().send().await),
        "InvalidClientTokenId"
    );
    let (status, wrong, words) = refusal(
        session
            .sts
            .get_federation_token()
            .name("vendor")
            .send()
            .await,
    );
    assert_eq!((status, wrong.as_str()), (403, "AccessDenied"));
    assert_eq!(
        words,
        "Cannot call GetFederationToken with session credentials"
    );
    let role = rig.connector().await;
    assert_eq!(
        refusal(role.sts.get_session_token().send().await).2,
        "Cannot call GetSessionToken with session credentials"
    );
    // A wrong code opens nothing.
    let shown = emil
        .sts
        .get_session_token()
        .serial_number("GAHT12345678")
        .token_code("123456");
    assert_eq!(code(shown.send().await), "AccessDenied");
    // Out of use with its user's keys gone? No: with the user.
    let iam = rig.admin().iam;
    let keys = iam
        .list_access_keys()
        .user_name("emil")
        .send()
        .await
        .unwrap();
    for key in keys.access_key_metadata() {
        let delete = iam.delete_access_key().user_name("emil");
        delete
            .access_key_id(key.access_key_id().unwrap())
            .send()
            .await
            .unwrap();
    }
    session.sso.list_instances().send().await.unwrap();
    iam.delete_user_policy()
        .user_name("emil")
        .policy_name("p")
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(session.sso.list_instances().send().await),
        "AccessDeniedException"
    );
    iam.delete_user().user_name("emil").send().await.unwrap();
    assert_eq!(
        code(session.sso.list_instances().send().await),
        "UnrecognizedClientException"
    );
});

both!(
    a_session_lasts_as_its_role_allows_and_a_chained_one_an_hour,
    small(),
    |rig| {
        let emil = user(&rig, "emil", LISTS).await;
        let first = role(&rig, "First", r#""sts:AssumeRole""#, LISTS).await;
        let second = role(&rig, "Second", r#""sts:AssumeRole""#, LISTS).await;
        let ask = |clients: &Clients, arn: &str, seconds: i32| {
            let ask = clients
                .sts
                .assume_role()
                .role_arn(arn)
                .role_session_name("me");
            ask.duration_seconds(seconds).send()
        };
        assert_eq!(
            refusal(ask(&emil, &first, 7_201).await).2,
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        );
        let opened = ask(&emil, &first, 7_200).await.unwrap();
        // The path is not in the session's ARN (AWS reference §4).
        let account = &rig.facts.management_account;
        assert_eq!(
            opened.assumed_role_user().unwrap().arn(),
            format!("arn:aws:sts::{account}:assumed-role/First/me")
        );
        let session = rig.clients(credentials(&opened), true);
        let (_, wrong, words) = refusal(ask(&session, &second, 3_601).await);
        assert_eq!(wrong, "ValidationError");
        assert!(words.contains("role chaining"), "{words}");
        let chained = ask(&session, &second, 3_600).await.unwrap();
        let chained = rig.clients(credentials(&chained), true);
        chained.iam.list_users().send().await.unwrap();
        rig.clock.advance(61 * MINUTE);
        assert_eq!(code(chained.iam.list_users().send().await), "ExpiredToken");
        session.iam.list_users().send().await.unwrap();
    }
);

both!(session_policies_narrow_and_never_widen, small(), |rig| {
    let emil = user(&rig, "emil", LISTS).await;
    let arn = role(&rig, "First", r#""sts:AssumeRole""#, LISTS).await;
    let ask = || {
        emil.sts
            .assume_role()
            .role_arn(&arn)
            .role_session_name("me")
    };
    let managed = |name: &str| {
        PolicyDescriptorType::builder()
            .arn(format!("arn:aws:iam::aws:policy/{name}"))
            .build()
    };
    let open = |made: &aws_sdk_sts::operation::assume_role::AssumeRoleOutput| {
        rig.clients(credentials(made), true)
    };
    let narrow = ask()
        .policy_arns(managed("IAMReadOnlyAccess"))
        .send()
        .await
        .unwrap();
    let narrow = open(&narrow);
    narrow.iam.list_users().send().await.unwrap();
    assert_eq!(
        code(narrow.sso.list_instances().send().await),
        "AccessDeniedException"
    );
    // Two of them together allow what either does.
    let both = ask()
        .policy_arns(managed("IAMReadOnlyAccess"))
        .policy(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sso:*","Resource":"*"}}"#)
        .send()
        .await
        .unwrap();
    let both = open(&both);
    both.iam.list_users().send().await.unwrap();
    both.sso.list_instances().send().await.unwrap();
    // What the role may not, no session policy gives.
    assert_eq!(code(both.iam.list_roles().send().await), "AccessDenied");
    let nothing = ask().policy_arns(managed("Nothing"));
    assert_eq!(code(nothing.send().await), "ValidationError");
    let malformed = ask().policy("{");
    assert_eq!(code(malformed.send().await), "MalformedPolicyDocument");
    let long = format!("{}{}", LISTS, " ".repeat(2_048));
    assert_eq!(
        code(ask().policy(long).send().await),
        "PackedPolicyTooLarge"
    );
});

both!(
    tags_travel_with_the_session_and_the_transitive_ones_beyond,
    small(),
    |rig| {
        let emil = user(&rig, "emil", LISTS).await;
        let all = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;
        let if_blue = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"},{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}]}"#;
        let first = role(&rig, "First", all, if_blue).await;
        let second = role(&rig, "Second", all, if_blue).await;
        let closed = role(&rig, "Closed", r#""sts:AssumeRole""#, if_blue).await;
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
        let ask = |clients: &Clients, arn: &str| {
            clients
                .sts
                .assume_role()
                .role_arn(arn)
                .role_session_name("me")
        };
        let open = |made: &aws_sdk_sts::operation::assume_role::AssumeRoleOutput| {
            rig.clients(credentials(made), true)
        };
        let plain = open(&ask(&emil, &first).send().await.unwrap());
        assert_eq!(code(plain.iam.list_users().send().await), "AccessDenied");
        let blue = ask(&emil, &first)
            .tags(tag("team", "blue"))
            .tags(tag("cost", "7"))
            .transitive_tag_keys("team")
            .source_identity("emil@acme")
            .send()
            .await
            .unwrap();
        assert_eq!(blue.source_identity(), Some("emil@acme"));
        let blue = open(&blue);
        blue.iam.list_users().send().await.unwrap();
        // The tag goes on by itself and cannot be replaced; so does who it is.
        let on = ask(&blue, &second).send().await.unwrap();
        assert_eq!(on.source_identity(), Some("emil@acme"));
        open(&on).iam.list_users().send().await.unwrap();
        let red = ask(&blue, &second).tags(tag("team", "red")).send().await;
        assert_eq!(code(red), "InvalidParameterValue");
        let other = ask(&blue, &second).source_identity("somebody").send().await;
        assert_eq!(code(other), "AccessDenied");
        // A role that does not let itself be tagged is not opened with tags, nor with those that
        // came along.
        assert_eq!(
            code(ask(&emil, &closed).tags(tag("a", "b")).send().await),
            "AccessDenied"
        );
        assert_eq!(code(ask(&blue, &closed).send().await), "AccessDenied");
        ask(&emil, &closed).send().await.unwrap();
        let twice = ask(&emil, &first).tags(tag("a", "b")).tags(tag("A", "c"));
        assert_eq!(code(twice.send().await), "InvalidParameterValue");
        let absent = ask(&emil, &first)
            .tags(tag("a", "b"))
            .transitive_tag_keys("c");
        assert_eq!(
            refusal(absent.send().await).2,
            "The specified transitive tag key must be included in the requested tags."
        );
        let mut many = ask(&emil, &first);
        for n in 0..40 {
            many = many.tags(tag(&format!("key-{n}"), &"v".repeat(200)));
        }
        let (_, wrong, words) = refusal(many.send().await);
        assert_eq!(wrong, "PackedPolicyTooLarge");
        assert!(words.contains("of allotted space"), "{words}");
    }
);

both!(
    sessions_older_than_a_moment_are_revoked_by_a_policy,
    small(),
    |rig| {
        let emil = user(&rig, "emil", LISTS).await;
        let arn = role(&rig, "First", r#""sts:AssumeRole""#, LISTS).await;
        let ask = || {
            emil.sts
                .assume_role()
                .role_arn(&arn)
                .role_session_name("me")
                .send()
        };
        let old = rig.clients(credentials(&ask().await.unwrap()), true);
        old.iam.list_users().send().await.unwrap();
        rig.clock.advance(MINUTE);
        let now = jiff::Timestamp::from_microsecond(rig.clock.now_micros()).unwrap();
        let revoke = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{now}"}}}}}}}}"#
        );
        rig.admin()
            .iam
            .put_role_policy()
            .role_name("First")
            .policy_name("AWSRevokeOlderSessions")
            .policy_document(revoke)
            .send()
            .await
            .unwrap();
        assert_eq!(code(old.iam.list_users().send().await), "AccessDenied");
        let new = rig.clients(credentials(&ask().await.unwrap()), true);
        new.iam.list_users().send().await.unwrap();
    }
);

both!(a_key_tells_its_account, small(), |rig| {
    let sts = rig.admin().sts;
    let info = |key: &str| sts.get_access_key_info().access_key_id(key).send();
    let told = info(&rig.facts.host.access_key_id).await.unwrap();
    let own = rig.host().sts.get_caller_identity().send().await.unwrap();
    assert_eq!(told.account(), own.account());
    assert_eq!(code(info("AKIANOBODYNOBODYNOBO").await), "ValidationError");
    let host = rig
        .host()
        .sts
        .get_access_key_info()
        .access_key_id(&rig.facts.host.access_key_id);
    assert_eq!(code(host.send().await), "AccessDenied");
});
