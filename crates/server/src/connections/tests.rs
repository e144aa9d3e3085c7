#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use stint_aws_sim::{EstateSpec, Sim, SimClock, SimOptions};
use stint_db::Priority;
use stint_domain::rights::Role;
use stint_domain::{Clock as _, Span};

use super::{
    Application, ApplicationChange, Check, Connection, ConnectionChange, Error, NewApplication,
    NewConnection, NewCredential, Outcome, Status, SyncNote,
};
use crate::cx::{Cx, Denied};
use crate::http::{Fault as _, Paging};
use crate::identity::User;
use crate::identity::tests::fixture::{Room, aws, holds};

mod credentials;

const ROLE: &str = "arn:aws:iam::123456789012:role/Stint";

async fn application(room: &Room, cx: &Cx) -> Application {
    let new = NewApplication {
        name: format!(
            "AWS {}",
            room.app
                .ids
                .bytes::<4>()
                .map(|b| format!("{b:02x}"))
                .concat()
        ),
        description: String::new(),
        owners: vec![],
    };
    super::create_application(cx, new).await.expect("created")
}

fn new(application: &Application, name: &str, role_arn: &str) -> NewConnection {
    NewConnection {
        application: application.id,
        name: name.to_owned(),
        credential: NewCredential::role(role_arn),
        region: "eu-central-1".to_owned(),
        iam: false,
        owners: vec![],
    }
}

async fn admin(room: &Room) -> (User, Cx) {
    let user = room.user("Cora", &[Role::ConnectionAdmin]).await;
    let cx = room.as_user(&user);
    (user, cx)
}

fn sim() -> Sim {
    let clock = SimClock::frozen(1_800_000_000_000_000);
    Sim::new(SimOptions::new(EstateSpec::default(), clock)).expect("an estate")
}

async fn with_sim(sim: &Sim) -> Room {
    Room::with(|app| app.aws = aws(app.clock.clone(), Some(sim))).await
}

fn check<'c>(connection: &'c Connection, name: &str) -> &'c Check {
    let checks = &connection.last_test.as_ref().expect("a report").checks;
    checks
        .iter()
        .find(|check| check.name == name)
        .unwrap_or_else(|| panic!("{name}: {checks:?}"))
}

#[tokio::test]
async fn a_malformed_role_arn_is_refused_before_anything_and_told_its_form() {
    let room = Room::new().await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    for arn in [
        "",
        "Stint",
        "arn:aws:iam::1234:role/Stint",
        "arn:aws:iam::123456789012:user/Stint",
        "arn:aws:sts::123456789012:assumed-role/Stint/session",
        "arn:aws:iam::123456789012:role/",
    ] {
        let refused = super::create(&cx, new(&app, "Prod", arn))
            .await
            .expect_err(arn);
        assert_eq!(refused.code(), "invalid_role_arn", "{arn}");
        let form = "arn:aws:iam::<12-digit account id>:role/<role name>";
        assert!(refused.detail().contains(form), "{}", refused.detail());
    }
    let page = super::list(&cx, &super::Filter::default(), &Paging::default())
        .await
        .expect("listed");
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn every_connection_gets_an_external_id_of_its_own_that_aws_takes() {
    let room = Room::new().await;
    let (user, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let arn = format!("arn:aws:iam::12345678901{n}:role/Stint");
        let made = super::create(&cx, new(&app, &format!("Prod {n}"), &arn)).await;
        let made = made.expect("created");
        assert_eq!(made.status, Status::NotConnected);
        assert_eq!(made.owners[0].user, user.id, "the creator answers for it");
        assert_eq!(super::get(&cx, made.id).await.expect("there"), made);
        ids.push(made.external_id);
    }
    for id in &ids {
        // AWS reference §4: 2 to 1224 of [\w+=,.@:/-]; 256 bits are not guessed.
        assert!(id.len() == "stint-".len() + 52 && id.starts_with("stint-"));
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn a_name_or_a_role_is_connected_once_also_by_two_at_once() {
    let room = Room::new().await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    super::create(&cx, new(&app, "Prod", ROLE))
        .await
        .expect("created");
    let other = "arn:aws:iam::210987654321:role/Stint";
    let name = super::create(&cx, new(&app, " PROD ", other)).await;
    assert!(matches!(name, Err(Error::NameTaken)));
    let role = super::create(&cx, new(&app, "Test", ROLE)).await;
    assert!(matches!(role, Err(Error::ReachTaken)));
    let (a, b) = tokio::join!(
        super::create(&cx, new(&app, "Two", other)),
        super::create(&cx, new(&app, "too", other)),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let absent = NewConnection {
        application: room.app.new_id(),
        ..new(&app, "X", ROLE)
    };
    assert!(matches!(
        super::create(&cx, absent).await,
        Err(Error::UnknownApplication)
    ));
    let region = NewConnection {
        region: "Frankfurt".into(),
        ..new(&app, "X", ROLE)
    };
    assert_eq!(
        super::create(&cx, region)
            .await
            .expect_err("refused")
            .code(),
        "invalid_region"
    );
}

#[tokio::test]
async fn owners_of_a_connection_can_mend_it_and_it_never_has_none() {
    let room = Room::new().await;
    let (cora, cx) = admin(&room).await;
    let cy = room.user("Cy", &[Role::SuperAdmin]).await;
    let ana = room.user("Ana", &[Role::PolicyAdmin]).await;
    let app = application(&room, &cx).await;
    let refused = super::create(
        &cx,
        NewConnection {
            owners: vec![ana.id],
            ..new(&app, "P", ROLE)
        },
    )
    .await;
    assert!(matches!(refused, Err(Error::OwnerUnable { .. })));
    let absent = room.app.new_id();
    let refused = super::create(
        &cx,
        NewConnection {
            owners: vec![absent],
            ..new(&app, "P", ROLE)
        },
    )
    .await;
    assert!(matches!(refused, Err(Error::UnknownOwner { id }) if id == absent));
    let made = super::create(&cx, new(&app, "P", ROLE))
        .await
        .expect("created");
    let change = |owners| ConnectionChange {
        owners: Some(owners),
        ..Default::default()
    };
    let none = super::update(&cx, made.id, change(vec![]), None).await;
    assert!(matches!(none, Err(Error::NoOwner)));
    let both = super::update(&cx, made.id, change(vec![cy.id, cora.id]), Some(1)).await;
    let both = both.expect("changed");
    assert_eq!(both.owners.len(), 2);
    let stale = super::update(&cx, made.id, change(vec![cy.id]), Some(1)).await;
    assert!(matches!(stale, Err(Error::Stale { version: 2 })));
    let one = super::update(&cx, made.id, change(vec![cy.id]), Some(2))
        .await
        .expect("changed");
    assert_eq!(
        one.owners
            .iter()
            .map(|owner| owner.user)
            .collect::<Vec<_>>(),
        [cy.id]
    );
    // Anybody who is active may own an application.
    let change = ApplicationChange {
        owners: Some(vec![ana.id]),
        ..Default::default()
    };
    let changed = super::update_application(&cx, app.id, change, None)
        .await
        .expect("changed");
    assert_eq!(changed.owners[0].name, "Ana");
}

#[tokio::test]
async fn a_user_sees_no_connection_and_an_auditor_changes_none() {
    let room = Room::new().await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let made = super::create(&cx, new(&app, "Prod", ROLE))
        .await
        .expect("created");
    let user = room.as_user(&room.user("Ana", &[]).await);
    let auditor = room.as_user(&room.user("Dee", &[Role::Auditor]).await);
    for id in [made.id, room.app.new_id()] {
        let seen = super::get(&user, id).await;
        assert!(matches!(seen, Err(Error::Denied(Denied::Invisible))));
        let tested = super::test(&user, id).await;
        assert!(matches!(tested, Err(Error::Denied(Denied::Invisible))));
        let tested = super::test(&auditor, id).await;
        assert!(matches!(tested, Err(Error::Denied(Denied::Forbidden(_)))));
    }
    assert_eq!(
        super::get(&auditor, made.id).await.expect("seen").name,
        "Prod"
    );
}

#[tokio::test]
async fn what_to_paste_names_only_the_base_identity_and_makes_the_test_pass() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let made = super::create(&cx, new(&app, "Prod", &facts.connector_role_arn)).await;
    let made = made.expect("created");
    let setup = super::setup(&cx, made.id).await.expect("known");
    assert_eq!(
        setup.base_identity.as_deref(),
        Some(facts.host.arn.as_str())
    );
    assert_eq!(setup.account, facts.management_account);
    let trust = setup.trust_policy.expect("for a role").to_string();
    assert!(
        trust.contains(&facts.host.arn) && trust.contains(&made.external_id),
        "{trust}"
    );
    assert_eq!(
        trust.matches("arn:aws").count(),
        1,
        "nobody else is named: {trust}"
    );

    // Before pasting, AWS refuses; the report says what to paste.
    let failed = super::test(&cx, made.id).await.expect("tested");
    assert_eq!(failed.status, Status::Failing);
    assert!(!failed.last_test.as_ref().expect("a report").passed);
    assert_eq!(check(&failed, "assume_role").outcome, Outcome::Failed);
    assert_eq!(
        (failed.instance_arn.as_deref(), failed.version),
        (None, made.version)
    );

    sim.put_trust_policy(&facts.connector_role_arn, &trust)
        .expect("pasted");
    let passed = super::test(&cx, made.id).await.expect("tested");
    let report = passed.last_test.as_ref().expect("a report");
    assert!(report.passed, "{:?}", report.checks);
    assert_eq!(report.at, room.clock.now());
    assert_eq!(
        passed.status,
        Status::NotConnected,
        "connected is what a sync makes it"
    );
    assert_eq!(
        passed.instance_arn.as_deref(),
        Some(facts.instance_arn.as_str())
    );
    assert_eq!(
        passed.identity_store_id.as_deref(),
        Some(facts.identity_store_id.as_str())
    );
    assert_eq!(
        passed.management_account.as_deref(),
        Some(facts.management_account.as_str())
    );
    assert_eq!(super::get(&cx, made.id).await.expect("there"), passed);

    let writes = ["Create", "Delete", "Put", "Update"];
    let wrote = |op: &str| writes.iter().any(|word| op.contains(word));
    assert!(
        !sim.journal().iter().any(|call| wrote(&call.operation)),
        "a test changes nothing"
    );
}

#[tokio::test]
async fn a_role_that_asks_for_no_external_id_is_warned_of() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let open = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": facts.host.arn },
            "Action": "sts:AssumeRole",
        }],
    });
    sim.put_trust_policy(&facts.connector_role_arn, &open.to_string())
        .expect("pasted");
    let made = super::create(&cx, new(&app, "Prod", &facts.connector_role_arn)).await;
    let tested = super::test(&cx, made.expect("created").id)
        .await
        .expect("tested");
    assert_eq!(check(&tested, "external_id").outcome, Outcome::Warning);
    assert!(tested.last_test.expect("a report").passed, "it works");
}

#[tokio::test]
async fn one_estate_has_one_connection() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let first = super::create(&cx, new(&app, "Prod", &facts.connector_role_arn)).await;
    let first = first.expect("created");
    sim.trust_connector(&first.external_id);
    let first = super::test(&cx, first.id).await.expect("tested");
    assert!(first.instance_arn.is_some());

    // The same estate through the connection's own role, under another connection.
    let change = ConnectionChange {
        credential: Some(NewCredential::role("arn:aws:iam::123456789012:role/Former")),
        ..Default::default()
    };
    super::update(&cx, first.id, change, None)
        .await
        .expect("changed");
    let second = super::create(&cx, new(&app, "Again", &facts.connector_role_arn)).await;
    let second = second.expect("created");
    sim.trust_connector(&second.external_id);
    let second = super::test(&cx, second.id).await.expect("tested");
    assert!(!second.last_test.as_ref().expect("a report").passed);
    assert!(check(&second, "estate").what.contains("Prod"));
    assert_eq!(
        (second.instance_arn.as_deref(), second.status),
        (None, Status::Failing)
    );
}

#[tokio::test]
async fn a_connection_never_changes_the_instance_it_manages() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let made = super::create(&cx, new(&app, "Prod", &facts.connector_role_arn)).await;
    let made = made.expect("created");
    let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
    let instance = stint_aws::Instance {
        instance_arn: "arn:aws:sso:::instance/ssoins-0000000000000000".into(),
        identity_store_id: "d-0000000000".into(),
        owner_account: "123456789012".into(),
        primary_region: None,
        request_id: None,
    };
    super::store::set_instance(&mut tx, made.id, &instance, "123456789012")
        .await
        .expect("set");
    super::note_sync(&mut tx, made.id, SyncNote::Complete { at: cx.now })
        .await
        .expect("noted");
    tx.audit(cx.event("test.prepared", [made.id.into()], serde_json::json!({})));
    tx.commit().await.expect("committed");

    sim.trust_connector(&made.external_id);
    let tested = super::test(&cx, made.id).await.expect("tested");
    assert_eq!(check(&tested, "estate").outcome, Outcome::Failed);
    assert_eq!(tested.instance_arn, Some(instance.instance_arn));
    assert_eq!(tested.status, Status::Failing);
    assert!(
        tested
            .status_detail
            .expect("why")
            .contains(&facts.instance_arn)
    );
}

#[tokio::test]
async fn a_sync_and_a_test_leave_the_status_to_each_other() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let made = super::create(&cx, new(&app, "Prod", &sim.facts().connector_role_arn)).await;
    let made = made.expect("created");
    let note = async |note: SyncNote| {
        let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
        super::note_sync(&mut tx, made.id, note)
            .await
            .expect("noted");
        tx.audit(cx.event("test.noted", [made.id.into()], serde_json::json!({})));
        tx.commit().await.expect("committed");
        super::get(&cx, made.id).await.expect("there")
    };
    assert_eq!(note(SyncNote::Began).await.status, Status::Syncing);
    let tested = super::test(&cx, made.id).await.expect("tested");
    assert!(!tested.last_test.expect("a report").passed);
    assert_eq!(
        tested.status,
        Status::Syncing,
        "the sync says for itself how it ended"
    );
    let failed = note(SyncNote::Failed {
        why: "AWS refused.".into(),
    })
    .await;
    assert_eq!(
        (failed.status, failed.status_detail.as_deref()),
        (Status::Failing, Some("AWS refused."))
    );
    sim.trust_connector(&made.external_id);
    let mended = super::test(&cx, made.id).await.expect("tested");
    assert_eq!(
        (mended.status, mended.status_detail),
        (Status::NotConnected, None)
    );
    room.clock.forward(Span::hours(1));
    let at = room.clock.now();
    let done = note(SyncNote::Complete { at }).await;
    assert_eq!(
        (done.status, done.last_sync_at),
        (Status::Connected, Some(at))
    );
}

#[tokio::test]
async fn no_key_of_ours_is_in_the_database() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let made = super::create(&cx, new(&app, "Prod", &sim.facts().connector_role_arn)).await;
    let made = made.expect("created");
    sim.trust_connector(&made.external_id);
    super::test(&cx, made.id).await.expect("tested");
    let bytes = room.bytes();
    assert!(
        holds(&bytes, made.external_id.as_bytes()),
        "what is kept is found"
    );
    assert!(!holds(
        &bytes,
        sim.facts().host.secret_access_key.as_bytes()
    ));
}
