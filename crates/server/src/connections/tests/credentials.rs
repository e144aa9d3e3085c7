//! Access keys and the host's own credentials: kept sealed, replaced only, tested at once.

use secrecy::{ExposeSecret as _, SecretString};
use stint_aws_sim::{Effect, Fault, Keys};
use stint_db::{Query as _, args};

use super::*;
use crate::connections::{self, Credential, keys_in_use};
use crate::http::Kind;
use crate::sealed::tests::keys;

stint_db::statements! {
    EVENTS = "select body from audit_events order by seq";
    // What somebody with the database in their hands could do.
    quiet MOVE_SECRET = "update connections set key_sealed = \
        (select key_sealed from connections where id = $2), key_sealed_by = \
        (select key_sealed_by from connections where id = $2) where id = $1";
}

async fn with_keys(sim: &Sim, byte: u8) -> Room {
    Room::with(|app| {
        app.aws = aws(app.clock.clone(), Some(sim));
        app.keys = keys(byte);
    })
    .await
}

fn key(keys: &Keys, account: &str) -> NewCredential {
    NewCredential::AccessKey {
        id: keys.access_key_id.clone(),
        secret: keys.secret_access_key.clone().into(),
        account: account.to_owned(),
    }
}

fn by(application: &Application, name: &str, credential: NewCredential) -> NewConnection {
    NewConnection {
        credential,
        ..new(application, name, "")
    }
}

async fn events(room: &Room) -> String {
    let mut reader = room.app.db.reader().await.expect("a reader");
    let rows = reader.all(&EVENTS, args![]).await.expect("events");
    let bodies = rows
        .iter()
        .map(|row| row.get::<String>("body").expect("a body"));
    bodies.collect()
}

#[tokio::test]
async fn an_access_key_works_and_its_secret_is_nowhere() {
    let sim = sim();
    let room = with_keys(&sim, 1).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let user = &facts.connector_user;
    let new = by(&app, "Prod", key(user, &facts.management_account));
    let said = format!("{new:?}");
    let made = connections::create(&cx, new).await.expect("created");
    assert_eq!(made.credential.as_str(), "access_key");
    let tested = connections::test(&cx, made.id).await.expect("tested");
    let report = tested.last_test.as_ref().expect("a report");
    assert!(report.passed, "{:?}", report.checks);
    assert_eq!(
        tested.instance_arn.as_deref(),
        Some(facts.instance_arn.as_str())
    );
    let setup = connections::setup(&cx, made.id).await.expect("known");
    assert_eq!((setup.base_identity, setup.trust_policy), (None, None));
    assert!(
        setup
            .permission_policy
            .to_string()
            .contains("iam:GetLoginProfile")
    );
    // Only its ARN tells the path of a user; while the key says nothing, any path is meant.
    let policy = setup.permission_policy.to_string();
    assert!(policy.contains(&format!("\"{}\"", user.arn)), "{policy}");
    assert!(!policy.contains("aws:username"), "{policy}");
    let silent = Fault::on("sts:GetCallerIdentity");
    let silent = sim
        .faults()
        .add(silent, Effect::refuse("InvalidClientTokenId"));
    let setup = connections::setup(&cx, made.id).await.expect("known");
    let policy = setup.permission_policy.to_string();
    for own in ["user/${aws:username}", "user/*/${aws:username}"] {
        assert!(policy.contains(own), "{policy}");
    }
    sim.faults().remove(silent);

    let secret = &user.secret_access_key;
    let shown = format!("{said} {made:?} {tested:?} {}", events(&room).await);
    assert!(!shown.contains(secret), "{shown}");
    assert!(shown.contains(&user.access_key_id), "the id is no secret");
    let bytes = room.bytes();
    assert!(holds(&bytes, user.access_key_id.as_bytes()));
    assert!(
        !holds(&bytes, secret.as_bytes()),
        "the database is readable"
    );
    let mut reader = room.app.db.reader().await.expect("a reader");
    let ids = keys_in_use(&mut reader).await.expect("read");
    assert_eq!(ids.len(), 1, "the key to it is named: {ids:?}");
}

#[tokio::test]
async fn without_a_master_key_no_secret_is_taken_and_it_says_what_to_do() {
    let sim = sim();
    let room = with_sim(&sim).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let new = by(
        &app,
        "Prod",
        key(&facts.connector_user, &facts.management_account),
    );
    let refused = connections::create(&cx, new).await.expect_err("no key");
    assert_eq!(
        (refused.code(), refused.kind()),
        ("no_master_key", Kind::NotReady)
    );
    assert!(refused.detail().contains("stint master-key create"));
    let page = connections::list(&cx, &connections::Filter::default(), &Paging::default())
        .await
        .expect("listed");
    assert!(page.items.is_empty());
    // A role and the host need none.
    let host = NewCredential::Host {
        account: facts.management_account,
    };
    connections::create(&cx, by(&app, "Host", host))
        .await
        .expect("created");
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_the_test_says_so() {
    let sim = sim();
    let mut room = with_keys(&sim, 1).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let new = by(
        &app,
        "Prod",
        key(&facts.connector_user, &facts.management_account),
    );
    let made = connections::create(&cx, new).await.expect("created");
    room.app.keys = keys(2);
    let (_, cx) = (0, room.as_user(&room.user("Cy", &[Role::SuperAdmin]).await));
    let error = connections::estate(&room.app, &made).expect_err("another key");
    assert_eq!(error.code(), "master_key_missing");
    let calls = sim.journal().len();
    let tested = connections::test(&cx, made.id).await.expect("tested");
    let found = check(&tested, "access_key");
    assert_eq!(found.outcome, Outcome::Failed);
    let mend = found.mend.as_deref().expect("what to do");
    assert!(mend.contains("STINT_MASTER_KEY_FILE"), "{mend}");
    assert_eq!(sim.journal().len(), calls, "nothing was called");
}

#[tokio::test]
async fn a_secret_moved_to_another_connection_does_not_open() {
    let sim = sim();
    let room = with_keys(&sim, 1).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let own = by(
        &app,
        "Own",
        key(&facts.connector_user, &facts.management_account),
    );
    let own = connections::create(&cx, own).await.expect("created");
    let other = by(&app, "Other", key(&facts.admin, &facts.management_account));
    let other = connections::create(&cx, other).await.expect("created");
    let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
    tx.run(&MOVE_SECRET, args![own.id, other.id])
        .await
        .expect("moved");
    tx.audit(cx.event("test.moved", [own.id.into()], serde_json::json!({})));
    tx.commit().await.expect("committed");
    let own = connections::get(&cx, own.id).await.expect("there");
    let error = connections::estate(&room.app, &own).expect_err("another's");
    assert_eq!(error.code(), "secret_unreadable");
    let tested = connections::test(&cx, own.id).await.expect("tested");
    assert_eq!(check(&tested, "access_key").outcome, Outcome::Failed);
}

#[tokio::test]
async fn another_credential_counts_as_untested_and_is_tested_at_once() {
    let sim = sim();
    let room = with_keys(&sim, 1).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let made = new(&app, "Prod", &facts.connector_role_arn);
    let made = connections::create(&cx, made).await.expect("created");
    sim.trust_connector(&made.external_id);
    let made = connections::test(&cx, made.id).await.expect("tested");
    assert!(made.last_test.as_ref().expect("a report").passed);

    let change = |credential| ConnectionChange {
        credential: Some(credential),
        ..Default::default()
    };
    let account = &facts.management_account;
    room.clock.forward(Span::minutes(5));
    let cx = Cx::new(&cx.app, cx.actor.clone(), "");
    let by_key = change(key(&facts.connector_user, account));
    let by_key = connections::update(&cx, made.id, by_key, None)
        .await
        .expect("changed");
    let report = by_key.last_test.as_ref().expect("tested at once");
    assert!(report.passed, "{:?}", report.checks);
    assert_eq!(report.at, room.clock.now());
    assert_eq!(
        by_key.credential.key().expect("a key").set_at,
        room.clock.now()
    );
    assert!(
        report
            .checks
            .iter()
            .all(|check| check.name != "assume_role")
    );

    // One that does not work is kept, and shown to fail: the old one may be gone already.
    sim.faults().add(
        Fault::on("sts:GetCallerIdentity"),
        Effect::refuse("InvalidClientTokenId"),
    );
    let again = change(key(&facts.connector_user, account));
    let again = connections::update(&cx, made.id, again, None)
        .await
        .expect("changed");
    assert_eq!(again.status, Status::Failing);
    assert!(
        check(&again, "identity")
            .mend
            .as_deref()
            .expect("what to do")
            .contains("deactivated")
    );
    // A new name tests nothing and resets nothing.
    let name = ConnectionChange {
        name: Some("Production".into()),
        ..Default::default()
    };
    let named = connections::update(&cx, made.id, name, None)
        .await
        .expect("changed");
    assert_eq!(named.last_test, again.last_test);
    let log = events(&room).await;
    assert!(
        log.contains("credential_replaced")
            && !log.contains(&facts.connector_user.secret_access_key)
    );
}

#[tokio::test]
async fn one_way_in_and_one_estate_belong_to_one_connection_whatever_the_way() {
    let sim = sim();
    let room = with_keys(&sim, 1).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let facts = sim.facts();
    let account = facts.management_account.clone();
    let first = by(&app, "Key", key(&facts.connector_user, &account));
    let first = connections::create(&cx, first).await.expect("created");
    let twice = by(&app, "Again", key(&facts.connector_user, &account));
    let twice = connections::create(&cx, twice).await;
    assert!(matches!(twice, Err(Error::ReachTaken)));
    let host = || NewCredential::Host {
        account: account.clone(),
    };
    connections::create(&cx, by(&app, "Host", host()))
        .await
        .expect("created");
    let twice = connections::create(&cx, by(&app, "Host 2", host())).await;
    assert!(matches!(twice, Err(Error::ReachTaken)));

    connections::test(&cx, first.id).await.expect("tested");
    let role = new(&app, "Role", &facts.connector_role_arn);
    let role = connections::create(&cx, role).await.expect("created");
    sim.trust_connector(&role.external_id);
    let role = connections::test(&cx, role.id).await.expect("tested");
    assert!(
        check(&role, "estate").what.contains("Key"),
        "the one that has it is named"
    );
    assert_eq!((role.instance_arn, role.status), (None, Status::Failing));
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_at_its_field_and_not_repeated() {
    let sim = sim();
    let room = with_keys(&sim, 1).await;
    let (_, cx) = admin(&room).await;
    let app = application(&room, &cx).await;
    let good = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    for (id, secret, account, code) in [
        (
            "ASIAIOSFODNN7EXAMPLE",
            good,
            "123456789012",
            "invalid_access_key_id",
        ),
        ("me", good, "123456789012", "invalid_access_key_id"),
        (
            "AKIAIOSFODNN7EXAMPLE",
            "too-short",
            "123456789012",
            "invalid_secret_access_key",
        ),
        (
            "AKIAIOSFODNN7EXAMPLE",
            "with blanks in the middle of it",
            "123456789012",
            "invalid_secret_access_key",
        ),
        ("AKIAIOSFODNN7EXAMPLE", good, "12345", "invalid_account"),
    ] {
        let credential = NewCredential::AccessKey {
            id: id.to_owned(),
            secret: secret.into(),
            account: account.to_owned(),
        };
        let refused = connections::create(&cx, by(&app, "Prod", credential)).await;
        let refused = refused.expect_err(code);
        assert_eq!(refused.code(), code);
        let said = format!("{} {refused:?}", refused.detail());
        assert!(!said.contains(secret), "{said}");
    }
    let trimmed = NewCredential::AccessKey {
        id: " AKIAIOSFODNN7EXAMPLE ".to_owned(),
        secret: format!("  {good}\n").into(),
        account: "1234-5678-9012".to_owned(),
    };
    let made = connections::create(&cx, by(&app, "Prod", trimmed))
        .await
        .expect("created");
    let Credential::AccessKey(kept) = &made.credential else {
        panic!("a key");
    };
    assert_eq!(
        (kept.id.as_str(), kept.account.as_str()),
        ("AKIAIOSFODNN7EXAMPLE", "123456789012")
    );
    let opened = room.app.keys.open(
        &format!("{} secret_access_key {}", made.id, kept.id),
        kept.sealed.as_ref().expect("sealed"),
    );
    let opened: SecretString = opened.expect("opens");
    assert_eq!(opened.expose_secret(), good);
}
