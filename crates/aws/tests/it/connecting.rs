//! Signing in, and testing a connection.

use stint_aws::{AccessKey, ErrorKind, Lane, Outcome, Reach};
use stint_aws_sim::{Effect, Fault, Party};
use stint_domain::Span;

use crate::world::World;

#[tokio::test]
async fn a_good_connection_passes_and_names_what_it_found() {
    let world = World::new();
    let report = world.estate.test().await;
    assert!(report.passed(), "{report:#?}");
    let names: Vec<_> = report.checks.iter().map(|c| (c.name, c.outcome)).collect();
    assert_eq!(
        names,
        [
            ("role_arn", Outcome::Ok),
            ("base_identity", Outcome::Ok),
            ("assume_role", Outcome::Ok),
            ("external_id", Outcome::Ok),
            ("account", Outcome::Ok),
            ("organization", Outcome::Ok),
            ("identity_center", Outcome::Ok),
            ("least_privilege", Outcome::Ok),
            ("permissions", Outcome::Ok),
        ]
    );
    for check in &report.checks[1..] {
        assert!(
            !check.request_ids.is_empty(),
            "{} shows no AWS request id",
            check.name
        );
    }
    assert_eq!(
        report.account.as_deref(),
        Some(world.facts.management_account.as_str())
    );
    assert_eq!(report.management_account, report.account);
    let instance = report.instance.expect("found");
    assert_eq!(instance.instance_arn, world.facts.instance_arn);
    assert_eq!(instance.identity_store_id, world.facts.identity_store_id);
}

#[tokio::test]
async fn a_malformed_role_arn_is_refused_before_any_call_and_the_form_is_said() {
    let world = World::new();
    let estate = world.role("StintConnector", "x");
    let report = estate.test().await;
    assert_eq!(report.checks.len(), 1);
    let check = report.check("role_arn").expect("the only check");
    assert_eq!(check.outcome, Outcome::Failed);
    assert!(
        check
            .what
            .contains("arn:aws:iam::<12-digit account id>:role/<role name>"),
        "{}",
        check.what
    );
    assert_eq!(world.sim.calls_by(Party::Stint), 0);
    // Nor does anything else leave for it.
    let error = estate.identity().await.expect_err("malformed");
    assert_eq!(
        (error.kind, world.sim.calls_by(Party::Stint)),
        (ErrorKind::Credentials, 0)
    );
}

#[tokio::test]
async fn a_denied_role_gets_the_causes_in_order_and_the_policy_to_paste() {
    let world = World::new();
    let missing = format!(
        "arn:aws:iam::{}:role/Nobody",
        world.facts.management_account
    );
    let wrong_id = world.role(&world.facts.connector_role_arn, "another-one");
    let no_role = world.estate(|s| {
        s.connection = stint_domain::ConnectionId::from(uuid::Uuid::from_u128(7));
        s.reach = Reach::Role {
            role_arn: missing,
            external_id: world.facts.connector_external_id.clone(),
        };
    });
    for estate in [wrong_id, no_role] {
        let report = estate.test().await;
        assert!(!report.passed());
        let check = report.checks.last().expect("checks");
        assert_eq!(
            (check.name, check.outcome),
            ("assume_role", Outcome::Failed)
        );
        assert!(!check.request_ids.is_empty());
        let mend = check.mend.as_deref().expect("says what to do");
        let order = [
            "does not exist",
            "another External ID",
            "does not name",
            "not allowed sts:AssumeRole",
            "service control",
        ];
        let places: Vec<_> = order
            .iter()
            .map(|cause| mend.find(cause).expect(cause))
            .collect();
        assert!(places.is_sorted(), "{mend}");
        let policy = &mend[mend.find('{').expect("a policy")..];
        let policy: serde_json::Value = serde_json::from_str(policy).expect("JSON to paste");
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], world.facts.host.arn);
        let wanted = &statement["Condition"]["StringEquals"]["sts:ExternalId"];
        let Reach::Role { external_id, .. } = &estate.spec().reach else {
            panic!("a role");
        };
        assert_eq!(wanted, external_id.as_str());
    }
}

#[tokio::test]
async fn the_policy_we_ask_to_paste_is_the_one_that_works() {
    let world = World::new();
    let estate = world.role(
        &world.facts.connector_role_arn,
        "generated-for-this-connection",
    );
    let report = estate.test().await;
    let mend = report
        .checks
        .last()
        .and_then(|c| c.mend.clone())
        .expect("denied at first");
    let policy = &mend[mend.find('{').expect("a policy")..];
    world
        .sim
        .put_trust_policy(&world.facts.connector_role_arn, policy)
        .expect("AWS takes it");
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    assert_eq!(
        report.check("external_id").map(|c| c.outcome),
        Some(Outcome::Ok)
    );
}

#[tokio::test]
async fn a_role_that_needs_no_external_id_is_warned_of() {
    let world = World::new();
    let open = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": world.facts.host.arn },
            "Action": "sts:AssumeRole",
        }],
    });
    world
        .sim
        .put_trust_policy(&world.facts.connector_role_arn, &open.to_string())
        .expect("AWS takes it");
    let report = world.estate.test().await;
    assert!(report.passed(), "it works");
    let check = report.check("external_id").expect("looked at");
    assert_eq!(check.outcome, Outcome::Warning);
    assert!(
        check.what.contains("without any External ID"),
        "{}",
        check.what
    );
    assert!(
        check
            .mend
            .as_deref()
            .expect("what to do")
            .contains("sts:ExternalId")
    );
}

#[tokio::test]
async fn a_role_in_a_member_account_is_told_where_to_be() {
    let world = World::new();
    let member = world
        .facts
        .member_role_arn
        .clone()
        .expect("a member account");
    let estate = world.role(&member, &world.facts.connector_external_id);
    let report = estate.test().await;
    assert!(!report.passed());
    let check = report.check("organization").expect("looked at");
    assert_eq!(check.outcome, Outcome::Failed);
    let mend = check.mend.as_deref().expect("what to do");
    assert!(mend.contains(&world.facts.management_account), "{mend}");
    assert_eq!(
        report.check("account").map(|c| c.outcome),
        Some(Outcome::Ok)
    );
}

#[tokio::test]
async fn credentials_are_kept_until_near_their_end() {
    let world = World::new();
    let assumed = |from| {
        world
            .called(from)
            .iter()
            .filter(|c| *c == "sts:AssumeRole")
            .count()
    };
    world.estate.instance().await.expect("reads");
    world.estate.instance().await.expect("reads");
    assert_eq!(assumed(0), 1);
    // The same spec, asked for anew, shares them.
    let again = world.aws.estate(world.estate.spec().clone());
    again.instance().await.expect("reads");
    assert_eq!(assumed(0), 1);
    assert_eq!(again.calls(), world.estate.calls());
    world.advance(Span::minutes(54));
    world.estate.instance().await.expect("reads");
    assert_eq!(assumed(0), 1);
    world.advance(Span::minutes(2));
    world.estate.instance().await.expect("reads");
    assert_eq!(
        assumed(0),
        2,
        "four minutes before their end they are replaced"
    );
}

#[tokio::test]
async fn expired_credentials_are_replaced_once() {
    let world = World::new();
    world.estate.instance().await.expect("reads");
    let from = world.mark();
    let expired = Effect::Refuse {
        code: "ExpiredTokenException".to_owned(),
        message: "expired".to_owned(),
    };
    world
        .sim
        .faults()
        .add(Fault::on("sso:ListInstances").first(1), expired.clone());
    world
        .estate
        .instance()
        .await
        .expect("reads with fresh credentials");
    assert_eq!(
        world.called(from),
        ["sso:ListInstances", "sts:AssumeRole", "sso:ListInstances"]
    );

    let from = world.mark();
    world
        .sim
        .faults()
        .add(Fault::on("sso:ListInstances"), expired);
    let error = world.estate.instance().await.expect_err("expired for good");
    assert_eq!(error.kind, ErrorKind::Expired);
    assert_eq!(
        world.called(from),
        ["sso:ListInstances", "sts:AssumeRole", "sso:ListInstances"]
    );
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_no_denied_resource() {
    let world = World::new();
    let key = world.assignment();
    world
        .sim
        .faults()
        .add(Fault::on("sts:AssumeRole"), Effect::refuse("AccessDenied"));
    let error = world
        .estate
        .read(&key, Lane::Revoke)
        .await
        .expect_err("no credentials");
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert_eq!(error.operation, "sts:AssumeRole");
    assert_eq!(error.cause().map(|c| c.kind), Some(ErrorKind::Denied));
}

#[tokio::test]
async fn the_base_identity_is_who_the_keys_are() {
    let world = World::new();
    let base = world
        .aws
        .base_identity()
        .await
        .expect("needs no permission");
    assert_eq!(base.arn, world.facts.host.arn);
    assert_eq!(base.trusted_arn(), world.facts.host.arn);
    assert!(base.request_id.is_some());
    let role = world.estate.identity().await.expect("assumed");
    assert_eq!(role.account, world.facts.management_account);
    assert_eq!(role.trusted_arn(), world.facts.connector_role_arn);
}

fn key_of(keys: &stint_aws_sim::Keys, account: &str) -> Reach {
    Reach::AccessKey(AccessKey {
        id: keys.access_key_id.clone(),
        secret: keys.secret_access_key.clone().into(),
        account: account.to_owned(),
    })
}

#[tokio::test]
async fn an_access_key_reaches_the_estate_without_any_role() {
    let world = World::new();
    let account = world.facts.management_account.clone();
    let estate = world.estate(|s| s.reach = key_of(&world.facts.connector_user, &account));
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    let names: Vec<_> = report.checks.iter().map(|c| (c.name, c.outcome)).collect();
    assert_eq!(
        names,
        [
            ("identity", Outcome::Ok),
            ("account", Outcome::Ok),
            ("console", Outcome::Ok),
            // The estate's own keys were made when it began.
            ("access_key", Outcome::Warning),
            ("organization", Outcome::Ok),
            ("identity_center", Outcome::Ok),
            ("least_privilege", Outcome::Ok),
            ("permissions", Outcome::Ok),
        ]
    );
    let from = world.mark();
    estate.instance().await.expect("reads");
    estate.instance().await.expect("reads");
    assert_eq!(
        world.called(from),
        ["sso:ListInstances", "sso:ListInstances"]
    );
    // The credentials are looked at again after an hour, not on every call.
    world.advance(Span::minutes(56));
    let from = world.mark();
    estate.instance().await.expect("reads");
    assert_eq!(
        world.called(from),
        ["sts:GetCallerIdentity", "sso:ListInstances"]
    );
}

#[tokio::test]
async fn credentials_of_another_account_are_used_for_nothing() {
    let world = World::new();
    let other = "999999999999";
    let by_key = world.estate(|s| s.reach = key_of(&world.facts.connector_user, other));
    let by_host = world.estate(|s| {
        s.connection = stint_domain::ConnectionId::from(uuid::Uuid::from_u128(7));
        s.reach = Reach::Host {
            account: other.to_owned(),
        };
    });
    for estate in [by_key, by_host] {
        let from = world.mark();
        let report = estate.test().await;
        assert_eq!(
            report.check("account").map(|c| c.outcome),
            Some(Outcome::Failed)
        );
        assert_eq!(report.checks.last().map(|c| c.name), Some("account"));
        let error = estate.instance().await.expect_err("another account");
        assert_eq!(
            (error.kind, error.code.as_str()),
            (ErrorKind::Credentials, "account_mismatch")
        );
        let called = world.called(from);
        assert!(
            called.iter().all(|c| c == "sts:GetCallerIdentity"),
            "{called:?}"
        );
    }
}

#[tokio::test]
async fn the_hosts_own_credentials_reach_what_they_may() {
    let world = World::new();
    // The base identity of this world may only assume roles.
    let account = world.aws.base_identity().await.expect("known").account;
    let reach = Reach::Host { account };
    let estate = world.estate(|s| s.reach = reach.clone());
    let report = estate.test().await;
    assert_eq!(
        report.check("identity").map(|c| c.outcome),
        Some(Outcome::Ok)
    );
    assert_eq!(
        report.check("organization").map(|c| c.outcome),
        Some(Outcome::Failed)
    );

    let keys = &world.facts.connector_user;
    let able = world.as_base(keys);
    let account = world.facts.management_account.clone();
    let estate = able.estate(stint_aws::EstateSpec {
        reach: Reach::Host { account },
        ..world.estate.spec().clone()
    });
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
}

#[tokio::test]
async fn a_key_out_of_use_says_so_and_says_nothing_about_the_estate() {
    let world = World::new();
    let account = world.facts.management_account.clone();
    let estate = world.estate(|s| s.reach = key_of(&world.facts.connector_user, &account));
    for (code, words) in [
        ("InvalidClientTokenId", "deactivated or deleted"),
        ("SignatureDoesNotMatch", "Secret Access Key is not the one"),
    ] {
        let fault = world
            .sim
            .faults()
            .add(Fault::on("sts:GetCallerIdentity"), Effect::refuse(code));
        let report = estate.test().await;
        let check = report.check("identity").expect("looked at");
        assert_eq!((check.outcome, report.checks.len()), (Outcome::Failed, 1));
        let mend = check.mend.as_deref().expect("what to do");
        assert!(mend.contains(words), "{mend}");
        let error = estate.read(&world.assignment(), Lane::Revoke).await;
        assert_eq!(
            error.expect_err("no credentials").kind,
            ErrorKind::Credentials
        );
        world.sim.faults().remove(fault);
    }
}

#[tokio::test]
async fn console_access_and_age_of_the_key_are_warned_of_where_it_may_look() {
    let world = World::new();
    let account = world.facts.management_account.clone();
    let user = &world.facts.connector_user;
    let estate = world.estate(|s| s.reach = key_of(user, &account));
    world
        .onlooker_iam()
        .create_login_profile()
        .user_name(user.arn.rsplit('/').next().expect("a name"))
        .password("a-Password-0123456789")
        .send()
        .await
        .expect("made");
    let report = estate.test().await;
    assert!(report.passed(), "it works");
    let console = report.check("console").expect("looked at");
    assert_eq!(console.outcome, Outcome::Warning, "{report:#?}");

    // A new key takes the place of the old one; both are there for a while.
    let iam = world.onlooker_iam();
    let name = user.arn.rsplit('/').next().expect("a name");
    let made = iam.create_access_key().user_name(name).send().await;
    let made = made.expect("made").access_key().expect("a key").clone();
    let keys = stint_aws_sim::Keys {
        access_key_id: made.access_key_id().to_owned(),
        secret_access_key: made.secret_access_key().to_owned(),
        arn: user.arn.clone(),
    };
    let estate = world.estate(|s| s.reach = key_of(&keys, &account));
    let report = estate.test().await;
    let both = report.check("access_key").expect("looked at");
    assert!(both.what.contains("another active one"), "{}", both.what);
    iam.delete_access_key()
        .user_name(name)
        .access_key_id(&user.access_key_id)
        .send()
        .await
        .expect("deleted");
    let report = estate.test().await;
    assert_eq!(
        report.check("access_key").map(|c| c.outcome),
        Some(Outcome::Ok)
    );
    world.advance(Span::hours(24 * 91));
    let report = estate.test().await;
    let age = report.check("access_key").expect("looked at");
    assert_eq!(age.outcome, Outcome::Warning);
    assert!(age.what.contains("days old"), "{}", age.what);
    assert!(age.mend.as_deref().expect("what to do").contains("Rotate"));
}

#[tokio::test]
async fn a_user_that_may_not_look_at_itself_is_told_so_and_works() {
    let world = World::new();
    let account = world.facts.management_account.clone();
    let estate = world.estate(|s| s.reach = key_of(&world.facts.connector_user, &account));
    let denied = Effect::refuse("AccessDenied");
    world.sim.faults().add(Fault::on("iam:*"), denied);
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    let console = report.check("console").expect("said");
    assert!(console.what.contains("not looked at"), "{}", console.what);
    assert_eq!(report.check("access_key"), None);
}
