//! Keys, sessions, trust, and signing times.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::time::{SharedTimeSource, StaticTimeSource};
use stint_aws_sim::{Party, Sim, SimClock, SimOptions};

use crate::rig::{
    MINUTE, Rig, SECOND, START, both, code, credentials, keyed, long_term, refusal, small,
};

both!(everybody_is_who_their_key_says, small(), |rig| {
    let host = rig.host().sts.get_caller_identity().send().await.unwrap();
    assert_eq!(host.arn(), Some(rig.facts.host.arn.as_str()));
    assert_eq!(host.account(), Some(rig.account("platform-tools").as_str()));
    assert!(host.user_id().unwrap().starts_with("AIDA"));
    let admin = rig.admin().sts.get_caller_identity().send().await.unwrap();
    assert_eq!(admin.account(), Some(rig.facts.management_account.as_str()));
    let session = rig
        .connector()
        .await
        .sts
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    let expected = format!(
        "arn:aws:sts::{}:assumed-role/StintConnector/stint",
        rig.facts.management_account
    );
    assert_eq!(session.arn(), Some(expected.as_str()));
    assert!(session.user_id().unwrap().starts_with("AROA"));
    assert!(session.user_id().unwrap().ends_with(":stint"));
});

both!(
    the_external_id_opens_the_role_and_nothing_else_does,
    small(),
    |rig| {
        let role = rig.facts.connector_role_arn.clone();
        let right = rig.facts.connector_external_id.clone();
        let ask = |role: &str, external_id: Option<&str>| {
            rig.host()
                .sts
                .assume_role()
                .role_arn(role)
                .role_session_name("stint")
                .set_external_id(external_id.map(str::to_owned))
                .send()
        };
        let assumed = ask(&role, Some(&right)).await.unwrap();
        let given = assumed.credentials().unwrap();
        assert!(given.access_key_id().starts_with("ASIA"));
        assert_eq!(given.expiration().secs(), START / SECOND + 3_600);
        assert_eq!(
            assumed.assumed_role_user().unwrap().arn(),
            format!(
                "arn:aws:sts::{}:assumed-role/StintConnector/stint",
                rig.facts.management_account
            )
        );

        // Wrong, absent, and a role that is not there: AWS tells none of them apart.
        let missing = role.replace("StintConnector", "Nobody");
        for (role, external_id) in [
            (&role, Some("stint-wrong")),
            (&role, None),
            (&missing, Some(right.as_str())),
        ] {
            let (status, code, message) = refusal(ask(role, external_id).await);
            assert_eq!((status, code.as_str()), (403, "AccessDenied"));
            assert_eq!(
                message,
                format!(
                    "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
                    rig.facts.host.arn
                )
            );
        }

        rig.sim.trust_connector("stint-another");
        assert_eq!(code(ask(&role, Some(&right)).await), "AccessDenied");
        assert!(ask(&role, Some("stint-another")).await.is_ok());

        // A trust policy without the condition: assumable without the External ID.
        let open = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}}}"#,
            rig.facts.host.arn
        );
        rig.sim.put_trust_policy(&role, &open).unwrap();
        assert!(ask(&role, None).await.is_ok());
    }
);

both!(assume_role_checks_its_input_as_aws_does, small(), |rig| {
    let sts = rig.host().sts;
    let ask = || {
        sts.assume_role()
            .role_arn(&rig.facts.connector_role_arn)
            .role_session_name("stint")
            .external_id(&rig.facts.connector_external_id)
    };
    for (request, message) in [
        (
            ask().role_session_name("a b"),
            r"1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        (
            ask().role_session_name("a"),
            "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
        (
            ask().duration_seconds(899),
            "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            ask().duration_seconds(3_601),
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        (
            ask().role_arn("arn:aws:iam::12:role/StintConnector"),
            "arn:aws:iam::12:role/StintConnector is invalid",
        ),
        (
            ask().role_arn("arn"),
            "1 validation error detected: Value 'arn' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
        ),
        (
            ask().external_id("a b"),
            r"1 validation error detected: Value 'a b' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*",
        ),
    ] {
        let (status, code, words) = refusal(request.send().await);
        assert_eq!(
            (status, code.as_str(), words.as_str()),
            (400, "ValidationError", message)
        );
    }
    let short = ask().duration_seconds(900).send().await.unwrap();
    assert_eq!(
        short.credentials().unwrap().expiration().secs(),
        START / SECOND + 900
    );
    assert_eq!(
        code(ask().policy("{}").send().await),
        "MalformedPolicyDocument"
    );
});

both!(a_session_expires_by_the_virtual_clock, small(), |rig| {
    let connector = rig.connector().await;
    assert!(connector.sso.list_instances().send().await.is_ok());
    rig.clock.advance(60 * MINUTE - SECOND);
    assert!(connector.sso.list_instances().send().await.is_ok());
    rig.clock.advance(SECOND);
    let (status, code, message) = refusal(connector.sso.list_instances().send().await);
    assert_eq!((status, code.as_str()), (400, "ExpiredTokenException"));
    assert_eq!(
        message,
        "The security token included in the request is expired"
    );
    let (status, code, _) = refusal(connector.sts.get_caller_identity().send().await);
    assert_eq!((status, code.as_str()), (403, "ExpiredToken"));
    // The host's own key does not expire.
    assert!(rig.host().sts.get_caller_identity().send().await.is_ok());
});

both!(unknown_keys_and_tokens_are_refused, small(), |rig| {
    let stranger = keyed("AKIASTRANGERSTRANGER", "secret", None);
    let clients = rig.clients(stranger, true);
    let (status, code, message) = refusal(clients.sts.get_caller_identity().send().await);
    assert_eq!((status, code.as_str()), (403, "InvalidClientTokenId"));
    assert_eq!(
        message,
        "The security token included in the request is invalid."
    );
    let (status, code, message) = refusal(clients.organizations.list_accounts().send().await);
    assert_eq!(
        (status, code.as_str()),
        (400, "UnrecognizedClientException")
    );
    assert_eq!(
        message,
        "The security token included in the request is invalid."
    );

    // A session's key with no token, or another's.
    let session = rig.session_credentials(&rig.facts.connector_role_arn).await;
    for token in [None, Some("IQoJb3JpZ2luX2Vj".to_owned())] {
        let bare = keyed(session.access_key_id(), session.secret_access_key(), token);
        let refused = rig.clients(bare, true).sso.list_instances().send().await;
        assert_eq!(crate::rig::code(refused), "UnrecognizedClientException");
    }
    assert_eq!(rig.sim.calls_by(Party::Nobody), 2);
});

/// Clients whose signatures are made at a fixed moment.
fn signing_at(
    rig: &Rig,
    credentials: Credentials,
    micros: i64,
) -> (aws_sdk_sts::Client, aws_sdk_ssoadmin::Client) {
    let config = rig.config(credentials, true);
    let micros = u64::try_from(micros).expect("after 1970");
    let at = SharedTimeSource::new(StaticTimeSource::new(
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros),
    ));
    let sts = aws_sdk_sts::config::Builder::from(&config)
        .time_source(at.clone())
        .build();
    let sso = aws_sdk_ssoadmin::config::Builder::from(&config)
        .time_source(at)
        .build();
    (
        aws_sdk_sts::Client::from_conf(sts),
        aws_sdk_ssoadmin::Client::from_conf(sso),
    )
}

both!(
    signatures_older_or_newer_than_fifteen_minutes_are_refused,
    small(),
    |rig| {
        let session = rig.session_credentials(&rig.facts.connector_role_arn).await;
        for fine in [START - 15 * MINUTE, START, START + 15 * MINUTE] {
            let (sts, sso) = signing_at(&rig, session.clone(), fine);
            assert!(sts.get_caller_identity().send().await.is_ok());
            assert!(sso.list_instances().send().await.is_ok());
        }
        let (sts, sso) = signing_at(&rig, session.clone(), START - 15 * MINUTE - SECOND);
        let message = "Signature expired: 20260102T024904Z is now earlier than 20260102T024905Z (20260102T030405Z - 15 min.)";
        assert_eq!(
            refusal(sts.get_caller_identity().send().await),
            (403, "SignatureDoesNotMatch".to_owned(), message.to_owned())
        );
        assert_eq!(
            refusal(sso.list_instances().send().await),
            (
                400,
                "InvalidSignatureException".to_owned(),
                message.to_owned()
            )
        );
        let (_, sso) = signing_at(&rig, session, START + 15 * MINUTE + SECOND);
        assert_eq!(
        refusal(sso.list_instances().send().await),
        (
            400,
            "InvalidSignatureException".to_owned(),
            "Signature not yet current: 20260102T031906Z is still later than 20260102T031905Z (20260102T030405Z + 15 min.)".to_owned()
        )
    );
    }
);

both!(
    a_call_signed_twenty_minutes_before_it_arrives_changes_nothing,
    small(),
    |rig| {
        let session = rig.session_credentials(&rig.facts.connector_role_arn).await;
        let (_, sso) = signing_at(&rig, session, START);
        rig.clock.advance(20 * MINUTE);
        let before = rig.sim.assignments().len();
        let refused = sso
            .create_account_assignment()
            .instance_arn(&rig.facts.instance_arn)
            .target_id(rig.account("prod-payments"))
            .target_type(aws_sdk_ssoadmin::types::TargetType::AwsAccount)
            .permission_set_arn(rig.set("prod-admin"))
            .principal_type(aws_sdk_ssoadmin::types::PrincipalType::User)
            .principal_id(rig.ana())
            .send()
            .await;
        assert_eq!(code(refused), "InvalidSignatureException");
        rig.clock.advance(60 * MINUTE);
        assert_eq!(rig.sim.assignments().len(), before);
    }
);

both!(the_clock_that_judges_follows_the_key, small(), |rig| {
    // The estate's administrator signs by the wall, whatever the virtual clock says.
    let admin = rig.admin();
    assert!(admin.organizations.list_accounts().send().await.is_ok());
    rig.clock.advance(400 * 24 * 60 * MINUTE);
    assert!(admin.organizations.list_accounts().send().await.is_ok());
    // Stint's keys on the wall clock are off by far.
    let astray = rig.clients(long_term(&rig.facts.host), false);
    assert_eq!(
        code(astray.sts.get_caller_identity().send().await),
        "SignatureDoesNotMatch"
    );
    // And the administrator's on the virtual clock.
    let astray = rig.clients(long_term(&rig.facts.admin), true);
    assert_eq!(
        code(astray.sts.get_caller_identity().send().await),
        "SignatureDoesNotMatch"
    );
    // What descends from a key is judged like it.
    assert!(
        rig.connector()
            .await
            .sso
            .list_instances()
            .send()
            .await
            .is_ok()
    );
    let open = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}}}"#,
        rig.facts.admin.arn
    );
    rig.sim
        .put_trust_policy(&rig.facts.connector_role_arn, &open)
        .unwrap();
    let assumed = admin
        .sts
        .assume_role()
        .role_arn(&rig.facts.connector_role_arn)
        .role_session_name("admin")
        .send()
        .await
        .unwrap();
    let session = rig.clients(credentials(&assumed), false);
    assert!(session.sso.list_instances().send().await.is_ok());
    let last = rig.sim.journal().pop().unwrap();
    assert_eq!(last.party, Party::Admin);
});

both!(the_host_may_only_assume_roles, small(), |rig| {
    let host = rig.host();
    let (status, code, message) = refusal(host.organizations.list_accounts().send().await);
    assert_eq!((status, code.as_str()), (400, "AccessDeniedException"));
    assert_eq!(
        message,
        "You don't have permissions to access this resource."
    );
    let (_, code, message) = refusal(host.sso.list_instances().send().await);
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        message,
        format!(
            "User: {} is not authorized to perform: sso:ListInstances on resource: * because no identity-based policy allows the sso:ListInstances action",
            rig.facts.host.arn
        )
    );
    let refused = host
        .store
        .list_users()
        .identity_store_id(&rig.facts.identity_store_id)
        .send()
        .await;
    assert_eq!(crate::rig::code(refused), "AccessDeniedException");
});

both!(
    a_role_in_a_member_account_sees_its_organization_and_little_else,
    small(),
    |rig| {
        let member = rig
            .session(rig.facts.member_role_arn.as_ref().unwrap())
            .await;
        let organization = member
            .organizations
            .describe_organization()
            .send()
            .await
            .unwrap();
        assert_eq!(
            organization.organization().unwrap().master_account_id(),
            Some(rig.facts.management_account.as_str())
        );
        let refused = member.organizations.list_accounts().send().await;
        assert_eq!(
            refusal(refused),
            (
                400,
                "AccessDeniedException".to_owned(),
                "You don't have permissions to access this resource.".to_owned()
            )
        );
        assert_eq!(
            code(member.sso.list_instances().send().await),
            "AccessDeniedException"
        );
    }
);

both!(
    the_connectors_role_may_do_what_stint_asks_for_and_no_more,
    small(),
    |rig| {
        let connector = rig.session(&rig.facts.connector_role_arn).await;
        let store = &rig.facts.identity_store_id;
        assert!(connector.organizations.list_accounts().send().await.is_ok());
        assert!(connector.sso.list_instances().send().await.is_ok());
        assert!(
            connector
                .store
                .list_users()
                .identity_store_id(store)
                .send()
                .await
                .is_ok()
        );
        let user = connector
            .store
            .delete_user()
            .identity_store_id(store)
            .user_id(rig.ana());
        assert_eq!(code(user.send().await), "AccessDeniedException");
        let account = connector
            .organizations
            .describe_account()
            .account_id(rig.account("staging-eu"));
        assert_eq!(code(account.send().await), "AccessDeniedException");
    }
);

both!(permissions_are_judged_on_every_call, small(), |rig| {
    let connector = rig.connector().await;
    assert!(connector.sso.list_instances().send().await.is_ok());
    rig.sim
        .put_role_permissions(
            &rig.facts.connector_role_arn,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"organizations:*","Resource":"*"}}"#,
        )
        .unwrap();
    assert_eq!(
        code(connector.sso.list_instances().send().await),
        "AccessDeniedException"
    );
    assert!(connector.organizations.list_accounts().send().await.is_ok());
});

both!(a_session_policy_narrows_the_session, small(), |rig| {
    let assumed = rig
        .host()
        .sts
        .assume_role()
        .role_arn(&rig.facts.connector_role_arn)
        .role_session_name("narrow")
        .external_id(&rig.facts.connector_external_id)
        .policy(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sso:List*","Resource":"*"}}"#)
        .send()
        .await
        .unwrap();
    #[allow(deprecated)]
    let packed = assumed.packed_policy_size();
    assert!(packed.is_some_and(|percent| percent > 0));
    assert_eq!(assumed.session_token_size(), Some(348));
    let narrow = rig.clients(credentials(&assumed), true);
    assert!(narrow.sso.list_instances().send().await.is_ok());
    assert_eq!(
        code(narrow.organizations.list_accounts().send().await),
        "AccessDeniedException"
    );
});

both!(
    a_session_may_open_another_for_an_hour_at_most,
    small(),
    |rig| {
        let role = &rig.facts.connector_role_arn;
        let trust = format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":["{role}","{}"]}},"Action":"sts:*"}}}}"#,
            rig.facts.host.arn
        );
        rig.sim.put_trust_policy(role, &trust).unwrap();
        let connector = rig.connector().await;
        let ask = |seconds: i32| {
            connector
                .sts
                .assume_role()
                .role_arn(role)
                .role_session_name("chained")
                .duration_seconds(seconds)
                .send()
        };
        assert!(ask(3_600).await.is_ok());
        let (_, code, message) = refusal(ask(7_200).await);
        assert_eq!(code, "ValidationError");
        assert_eq!(
            message,
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        );
    }
);

#[test]
fn wishes_that_cannot_be_fulfilled_say_why() {
    let sim = Sim::new(SimOptions::new(small(), SimClock::frozen(START))).unwrap();
    let role = sim.facts().connector_role_arn;
    let message = |result: Result<(), stint_aws_sim::ControlError>| result.unwrap_err().to_string();
    assert_eq!(
        message(sim.put_trust_policy(
            &role,
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#
        )),
        "policy: line 1, column 14: Statement[0]: a trust policy says who: Principal is missing"
    );
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    assert_eq!(
        message(sim.put_trust_policy("arn:x", trust)),
        "no role `arn:x` in this simulated AWS"
    );
    assert_eq!(
        message(sim.remove_user("nobody")),
        "no user `nobody` in this simulated AWS"
    );
}
