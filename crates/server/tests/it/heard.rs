//! Change events of IAM and Organizations beside users and groups: roles, credentials, aliases, units,
//! accounts. Each is read again by itself.

use serde_json::{Value, json};
use stint_domain::Span;
use stint_server::connections::{self, FeedsChange};
use stint_testkit::sim::{Effect, EstateSpec, Fault, Party};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, place};

fn with_iam() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 3,
        users: 6,
        groups: 2,
        memberships: 2,
        assignments: 3,
        iam_users: 8,
        iam_groups: 2,
        iam_roles: 3,
        iam_memberships: 4,
    }
}

/// A connected estate with IAM whose changes are told to a queue that Stint reads; the connector may
/// do everything but what is named.
async fn hears(world: &World, but: &[&str]) -> Estate {
    let estate = Estate::connect_with_iam(world).await;
    let mut statements = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
    if !but.is_empty() {
        statements.push(json!({ "Effect": "Deny", "Action": but, "Resource": "*" }));
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let role = world.facts().connector_role_arn;
    let put = world.sim().put_role_permissions(&role, &policy);
    put.expect("a policy");
    let queue = world.aws().tell_changes().await;
    let change = FeedsChange {
        queue_url: Some(queue),
        ..FeedsChange::default()
    };
    let cy = world.cx("cy");
    let set = connections::set_feeds(&cy, estate.connection.id, change);
    set.await.expect("the queue is taken");
    world.clock().advance(Span::seconds(60));
    estate
}

/// Three minutes: one until the event is delivered, and two more at most.
async fn soon(world: &World) {
    for _ in 0..18 {
        world.advance(Span::seconds(10)).await;
    }
}

fn last(world: &World) -> u64 {
    world.sim().journal().last().map_or(0, |call| call.no)
}

/// How often Stint made a call since then.
fn calls(world: &World, since: u64, operation: &str) -> usize {
    let all = world.sim().journal_since(since).into_iter();
    all.filter(|call| call.party == Party::Stint && call.operation == operation)
        .count()
}

async fn rows(world: &World, at: &str) -> Vec<Value> {
    let found = world.as_user("cy").get(at).await.ok();
    found["items"].as_array().expect("items").clone()
}

/// The roles whose name has this in it.
async fn roles(world: &World, named: &str) -> Vec<Value> {
    let all = rows(world, &format!("/api/v1/iam-roles?q={named}")).await;
    all.into_iter()
        .filter(|it| it["name"].as_str().is_some_and(|name| name == named))
        .collect()
}

fn trust(service: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" },
    ] })
    .to_string()
}

both_engines!(World::builder().estate(with_iam());
    async fn a_role_is_known_as_it_is_made_changed_and_deleted(world) {
        hears(&world, &[]).await;
        let iam = world.aws().iam;
        let since = last(&world);
        iam.create_role().role_name("ship-it").assume_role_policy_document(trust("ec2.amazonaws.com")).send().await.expect("made");
        soon(&world).await;
        let seen = roles(&world, "ship-it").await;
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert_eq!(seen[0]["trusts"], json!(["ec2.amazonaws.com"]));
        // Twice within a minute: read once.
        let before = last(&world);
        for service in ["ecs.amazonaws.com", "lambda.amazonaws.com"] {
            iam.update_assume_role_policy().role_name("ship-it").policy_document(trust(service)).send().await.expect("changed");
        }
        soon(&world).await;
        assert_eq!(roles(&world, "ship-it").await[0]["trusts"], json!(["lambda.amazonaws.com"]));
        assert_eq!(calls(&world, before, "iam:GetRole"), 1, "what happens together is read once");
        // Deleted and made again under the name: it is another.
        iam.delete_role().role_name("ship-it").send().await.expect("deleted");
        iam.create_role().role_name("ship-it").assume_role_policy_document(trust("ec2.amazonaws.com")).send().await.expect("made");
        soon(&world).await;
        let now = roles(&world, "ship-it").await;
        assert_eq!(now.len(), 1, "{now:#?}");
        assert_ne!(now[0]["aws_id"], seen[0]["aws_id"]);
        iam.delete_role().role_name("ship-it").send().await.expect("deleted");
        soon(&world).await;
        assert!(roles(&world, "ship-it").await.is_empty());
        assert_eq!(calls(&world, since, "iam:ListRoles"), 0, "only what the events told of");
    }
);

both_engines!(World::builder().estate(with_iam());
    async fn roles_that_may_not_be_looked_at_alone_are_read_by_one_list(world) {
        hears(&world, &["iam:GetRole"]).await;
        let iam = world.aws().iam;
        let since = last(&world);
        for name in ["one", "two", "three"] {
            iam.create_role().role_name(name).assume_role_policy_document(trust("ec2.amazonaws.com")).send().await.expect("made");
        }
        soon(&world).await;
        for name in ["one", "two", "three"] {
            assert_eq!(roles(&world, name).await.len(), 1, "{name}");
        }
        assert!(calls(&world, since, "iam:ListRoles") <= 2);
        // A refusal is believed for some hours.
        let since = last(&world);
        iam.delete_role().role_name("two").send().await.expect("deleted");
        soon(&world).await;
        assert!(roles(&world, "two").await.is_empty());
        assert_eq!(roles(&world, "one").await.len(), 1);
        assert_eq!(calls(&world, since, "iam:GetRole"), 0);
    }
);

/// What is known of Kim's credentials.
async fn kim(world: &World) -> Value {
    let all = rows(world, "/api/v1/iam-users?q=kim.new").await;
    let mut all = all.into_iter();
    all.find(|it| it["name"] == "kim.new").expect("known")
}

both_engines!(World::builder().estate(with_iam());
    async fn keys_passwords_and_devices_are_known_before_the_next_report(world) {
        hears(&world, &[]).await;
        let iam = world.aws().iam;
        let since = last(&world);
        iam.create_user().user_name("kim.new").send().await.expect("made");
        soon(&world).await;
        assert_eq!(kim(&world).await.get("access_keys"), None, "no report has told yet");
        let made = iam.create_access_key().user_name("kim.new").send().await.expect("made");
        let id = made.access_key().expect("a key").access_key_id().to_owned();
        soon(&world).await;
        let seen = kim(&world).await;
        let keys = seen["access_keys"].as_array().expect("keys");
        assert_eq!((keys.len(), &keys[0]["active"], &seen["has_password"]), (1, &json!(true), &json!(false)), "{seen:#}");
        // Switched off, and a password given.
        let off = iam.update_access_key().user_name("kim.new").access_key_id(&id);
        off.status("Inactive".into()).send().await.expect("switched off");
        iam.create_login_profile().user_name("kim.new").password("Correct-horse-9-battery").send().await.expect("given");
        soon(&world).await;
        let now = kim(&world).await;
        assert_eq!((&now["access_keys"][0]["active"], &now["has_password"]), (&json!(false), &json!(true)), "{now:#}");
        assert!(now["report_at"].as_str() > seen["report_at"].as_str(), "{now:#}");
        assert_eq!(calls(&world, since, "iam:ListUsers"), 0, "only what the events told of");
        iam.delete_access_key().user_name("kim.new").access_key_id(&id).send().await.expect("deleted");
        soon(&world).await;
        assert_eq!(kim(&world).await["access_keys"], json!([]));
        // A report that is older does not bring back what was.
        let id = connection(&world).await;
        stint_server::directory::sync(&world.cx("cy"), id).await.expect("read");
        let after = kim(&world).await;
        assert_eq!((&after["access_keys"], &after["has_password"]), (&json!([]), &json!(true)), "{after:#}");
    }
);

async fn connection(world: &World) -> stint_domain::ConnectionId {
    let all = rows(world, "/api/v1/connections").await;
    all[0]["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id")
}

both_engines!(World::builder().estate(with_iam());
    async fn credentials_that_may_not_be_looked_at_wait_for_the_report_and_nothing_else(world) {
        hears(&world, &["iam:ListAccessKeys"]).await;
        let iam = world.aws().iam;
        iam.create_user().user_name("kim.new").send().await.expect("made");
        soon(&world).await;
        let since = last(&world);
        for _ in 0..2 {
            iam.create_access_key().user_name("kim.new").send().await.expect("made");
            soon(&world).await;
        }
        assert_eq!(kim(&world).await.get("access_keys"), None, "nothing is known, which is not the same as none");
        assert_eq!(calls(&world, since, "iam:ListAccessKeys"), 1, "a refusal is believed for some hours");
        let id = connection(&world).await;
        let told = stint_server::directory::freshness(&world.cx("cy"), id).await.expect("told");
        for class in told.classes {
            assert!(class.waiting == 0 && class.error.is_none(), "{class:?}");
        }
    }
);

both_engines!(World::builder().estate(with_iam());
    async fn what_an_event_says_of_a_key_outlives_a_sync_whose_report_is_older(world) {
        let id = hears(&world, &[]).await.connection.id;
        let iam = world.aws().iam;
        iam.create_user().user_name("kim.new").send().await.expect("made");
        soon(&world).await;
        let broken = Fault::on("iam:ListAccessKeys").by(Party::Stint);
        let broken = world.sim().faults().add(broken, Effect::refuse("ConcurrentModification"));
        iam.create_access_key().user_name("kim.new").send().await.expect("made");
        soon(&world).await;
        stint_server::directory::sync(&world.cx("cy"), id).await.expect("read");
        soon(&world).await;
        assert_eq!(kim(&world).await.get("access_keys"), None, "neither list nor report has told");
        world.sim().faults().remove(broken);
        for _ in 0..40 {
            world.advance(Span::seconds(30)).await;
        }
        let seen = kim(&world).await;
        assert_eq!(seen["access_keys"].as_array().map(Vec::len), Some(1), "{seen:#}");
    }
);

both_engines!(World::builder().estate(with_iam());
    async fn what_an_account_and_a_unit_are_called_is_known(world) {
        let estate = hears(&world, &[]).await;
        let own = world.facts().management_account;
        world.aws().iam.create_account_alias().account_alias("acme-now").send().await.expect("named");
        let organizations = world.aws().organizations;
        let Place::Set(account, _) = place(&estate.assignments[0]) else { panic!("a set") };
        let roots = organizations.list_roots().send().await.expect("listed");
        let root = roots.roots()[0].id().expect("an id").to_owned();
        let parents = organizations.list_parents().child_id(account).send().await.expect("listed");
        let from = parents.parents()[0].id().expect("an id").to_owned();
        let made = organizations.create_organizational_unit().parent_id(&root).name("Quarantine").send().await.expect("made");
        let unit = made.organizational_unit().and_then(|it| it.id()).expect("an id").to_owned();
        let moved = organizations.move_account().account_id(account).source_parent_id(from).destination_parent_id(&unit);
        moved.send().await.expect("moved");
        soon(&world).await;
        let one = async |id: &str| rows(&world, &format!("/api/v1/accounts?account={id}")).await[0].clone();
        assert_eq!(one(&own).await["alias"], "acme-now");
        let seen = one(account).await;
        assert_eq!(seen["path"], json!(format!("{root}/{unit}")), "{seen:#}");
        assert!(seen["units"].as_str().is_some_and(|names| names.ends_with("/Quarantine")), "a unit that came since the sync has its name: {seen:#}");
    }
);

both_engines!(World::builder().estate(with_iam());
    async fn a_test_says_whether_the_queue_can_be_reached_read_and_emptied_and_when_it_last_told(world) {
        let id = hears(&world, &[]).await.connection.id;
        let tested = async || {
            let report = connections::test(&world.cx("cy"), id).await.expect("tested").last_test.expect("a report");
            let row = report.checks.into_iter().find(|it| it.name == "change_events").expect("a row");
            let able = report.actions.into_iter().find(|it| it.action == "sqs:DeleteMessage").expect("in the table").able;
            (row, able)
        };
        let (row, able) = tested().await;
        assert!(row.what.contains("can be reached") && row.what.contains("no change event has come by it yet"), "{row:?}");
        assert!(row.what.contains("Stint may receive messages, Stint may delete messages"), "{row:?}");
        assert_eq!(able, "works");

        world.aws().iam.create_account_alias().account_alias("acme-now").send().await.expect("named");
        soon(&world).await;
        world.advance(Span::minutes(30)).await;
        let (row, _) = tested().await;
        assert!(row.what.contains("the last change event came 3") && row.what.ends_with(" min ago"), "{row:?}");

        let denied = Fault::on("sqs:DeleteMessage").by(Party::Stint);
        let denied = world.sim().faults().add(denied, Effect::refuse("AccessDenied"));
        let (row, able) = tested().await;
        assert_eq!((row.outcome, able.as_str()), (connections::Outcome::Warning, "missing"));
        assert!(row.what.contains("Stint may not delete messages"), "{row:?}");
        assert!(row.mend.as_deref().is_some_and(|mend| mend.contains("sqs:DeleteMessage")), "{row:?}");
        world.sim().faults().remove(denied);

        let lost = Fault::on("sqs:GetQueueAttributes").by(Party::Stint);
        let lost = world.sim().faults().add(lost, Effect::refuse("AWS.SimpleQueueService.NonExistentQueue"));
        let (row, _) = tested().await;
        assert_eq!(row.outcome, connections::Outcome::Warning);
        assert!(row.what.contains("cannot be looked at"), "{row:?}");
        world.sim().faults().remove(lost);
    }
);
