//! Signing in, and testing a connection.

use stint_aws::{ErrorKind, Lane, Outcome};
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
    let estate = world.estate(|s| s.role_arn = "StintConnector".to_owned());
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
    let wrong_id = world.estate(|s| s.external_id = "another-one".to_owned());
    let no_role = world.estate(|s| {
        s.connection = stint_domain::ConnectionId::from(uuid::Uuid::from_u128(7));
        s.role_arn = missing;
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
        assert_eq!(wanted, estate.spec().external_id.as_str());
    }
}

#[tokio::test]
async fn the_policy_we_ask_to_paste_is_the_one_that_works() {
    let world = World::new();
    let estate = world.estate(|s| s.external_id = "generated-for-this-connection".to_owned());
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
    let estate = world.estate(|s| s.role_arn = member);
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
