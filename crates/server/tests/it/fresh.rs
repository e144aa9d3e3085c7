//! How fresh each kind of object is: which syncs move its moment on, and what is said where they do
//! not.

use serde_json::{Value, json};
use stint_domain::sync::HoldRule;
use stint_domain::{ConnectionId, Span, Time};
use stint_server::connections::{self, FeedsChange};
use stint_server::directory::{self, Class, ClassFreshness, SyncRun};
use stint_testkit::sim::{AccountState, Effect, EstateSpec, Fault, Party};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, place};

/// What is known of a class, where the connection reads it.
async fn class(world: &World, of: ConnectionId, class: Class) -> Option<ClassFreshness> {
    let told = directory::freshness(&world.cx("cy"), of).await;
    let mut all = told.expect("told").classes.into_iter();
    all.find(|it| it.class == class)
}

/// When a class was last read whole, and why the last sync did not.
async fn read(world: &World, of: ConnectionId, which: Class) -> (Option<Time>, Option<String>) {
    let found = class(world, of, which).await.expect("it is read");
    (found.read_at, found.why)
}

async fn synced(world: &World, of: ConnectionId) -> SyncRun {
    directory::sync(&world.cx("cy"), of).await.expect("read")
}

/// The policies of permission sets are read again after a day.
const A_DAY: Span = Span::hours(25);

both_engines!(World::builder();
    async fn what_may_not_be_read_leaves_its_moment_where_it_was_and_says_why(world) {
        let id = Estate::connect(&world).await.connection.id;
        let told = directory::freshness(&world.cx("cy"), id).await.expect("told");
        for it in &told.classes {
            assert!(it.read_at.is_some() && it.why.is_none(), "{it:?}");
        }
        let of: Vec<Class> = told.classes.iter().map(|it| it.class).collect();
        assert!(!of.contains(&Class::Iam) && !of.contains(&Class::Tags), "nobody reads them: {of:?}");
        let (policies, users) = (read(&world, id, Class::Policies).await, read(&world, id, Class::Users).await);

        let closed = Fault::on("sso:GetInlinePolicyForPermissionSet").by(Party::Stint);
        let closed = world.sim().faults().add(closed, Effect::refuse("AccessDenied"));
        world.clock().advance(A_DAY);
        assert_eq!(synced(&world, id).await.state, "complete");
        let (at, why) = read(&world, id, Class::Policies).await;
        assert_eq!(at, policies.0, "not all of it was read");
        assert!(why.as_deref().is_some_and(|why| why.contains("GetInlinePolicyForPermissionSet")), "{why:?}");
        let (at, why) = read(&world, id, Class::Users).await;
        assert!(at > users.0 && why.is_none(), "{at:?} {why:?}");

        // Over the API and on the pages it is the same.
        let cy = world.as_user("cy");
        let fresh = cy.get(&format!("/api/v1/connections/{id}/freshness")).await.ok();
        let all = fresh["classes"].as_array().expect("classes");
        let mine = all.iter().find(|it| it["class"] == "policies").expect("the class");
        assert_eq!(mine["read_at"], json!(policies.0.expect("once").to_string()));
        assert!(mine["not_read"].as_str().is_some_and(|why| why.contains("GetInlinePolicy")), "{mine:#}");
        let users = all.iter().find(|it| it["class"] == "users").expect("the class");
        assert_eq!(users.get("not_read"), None::<&Value>);
        let browser = world.in_browser("cy").await;
        let page = browser.get(&format!("/connections/{id}/changes")).await.is(200).text();
        assert!(page.contains("Not read whole") && page.contains("GetInlinePolicyForPermissionSet"), "{page}");
        let page = browser.get(&format!("/connections/{id}")).await.is(200).text();
        assert!(page.contains("1 of 8 kinds of object not read whole"), "{page}");

        world.sim().faults().remove(closed);
        world.clock().advance(Span::hours(1));
        synced(&world, id).await;
        let (at, why) = read(&world, id, Class::Policies).await;
        assert!(at > policies.0 && why.is_none(), "{at:?} {why:?}");
    }
);

both_engines!(World::builder();
    async fn a_sync_that_fails_makes_nothing_fresh(world) {
        let id = Estate::connect(&world).await.connection.id;
        let before = directory::freshness(&world.cx("cy"), id).await.expect("told").classes;
        let closed = Fault::on("identitystore:ListGroups").by(Party::Stint);
        let closed = world.sim().faults().add(closed, Effect::refuse("AccessDeniedException"));
        world.clock().advance(Span::hours(1));
        directory::sync(&world.cx("cy"), id).await.expect_err("groups cannot be read");
        let after = directory::freshness(&world.cx("cy"), id).await.expect("told").classes;
        for (was, is) in before.iter().zip(&after) {
            assert_eq!((was.class, was.read_at), (is.class, is.read_at));
            let why = is.why.as_deref().expect("it says why");
            let blamed = why.contains("identitystore:ListGroups");
            assert_eq!(blamed, is.class == Class::Groups, "{why}");
        }
        world.sim().faults().remove(closed);
        world.clock().advance(Span::hours(1));
        synced(&world, id).await;
        let after = directory::freshness(&world.cx("cy"), id).await.expect("told").classes;
        for (was, is) in before.iter().zip(&after) {
            assert!(is.why.is_none() && is.read_at >= was.read_at, "{is:?}");
        }
    }
);

both_engines!(World::builder();
    async fn what_is_read_again_after_an_event_does_not_make_its_kind_fresh(world) {
        let estate = Estate::connect(&world).await;
        let id = estate.connection.id;
        let queue = world.aws().tell_changes().await;
        let change = FeedsChange { queue_url: Some(queue), ..FeedsChange::default() };
        connections::set_feeds(&world.cx("cy"), id, change).await.expect("the queue is taken");
        world.clock().advance(Span::seconds(60));
        let before = read(&world, id, Class::Memberships).await;
        let Place::Group(team) = place(&estate.groups[0]) else { panic!("a group") };
        world.aws().join(team, &estate.user).await;
        for _ in 0..18 {
            world.advance(Span::seconds(10)).await;
        }
        let pair = estate.pair(estate.groups[0].id);
        let mut q = world.app().db.reader().await.expect("a reader");
        assert!(directory::holds(&mut q, &pair).await.expect("read"), "it was read again");
        drop(q);
        assert_eq!(read(&world, id, Class::Memberships).await, before, "and nothing is known of the other groups");
    }
);

both_engines!(World::builder().hold(HoldRule { percent: 100, rows: 2, least: 1 });
    async fn what_a_held_sync_read_counts_once_somebody_says_that_it_does(world) {
        let id = world.organize().await.connection;
        let before = read(&world, id, Class::Assignments).await;
        let rows = world.sim().assignments().into_iter().filter(|row| row.principal_type == "USER");
        for row in rows.take(3).collect::<Vec<_>>() {
            world.aws().unassign(&row.account_id, &row.permission_set_arn, &row.principal_id).await;
            world.advance(Span::minutes(1)).await;
        }
        world.advance(Span::minutes(5)).await;
        let run = synced(&world, id).await;
        assert_eq!(run.state, "held");
        let (at, why) = read(&world, id, Class::Assignments).await;
        assert_eq!(at, before.0);
        assert!(why.is_some_and(|why| why.contains("waits for somebody")));
        directory::accept_sync(&world.cx("cy"), id, run.id).await.expect("accepted");
        world.settle().await;
        let (at, why) = read(&world, id, Class::Assignments).await;
        assert!(at > before.0 && at >= Some(run.started_at) && why.is_none(), "{at:?} {why:?}");
    }
);

fn small() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 2,
        users: 6,
        groups: 2,
        memberships: 2,
        assignments: 2,
        iam_users: 8,
        iam_groups: 3,
        iam_roles: 2,
        iam_memberships: 4,
    }
}

both_engines!(World::builder().estate(small());
    async fn one_member_account_that_refuses_leaves_the_moment_of_all(world) {
        let id = world.organize_with_iam().await.connection;
        assert!(class(&world, id, Class::MemberIam).await.is_none(), "nobody reads it");
        let place = format!("/api/v1/connections/{id}/member-accounts");
        let cy = world.as_user("cy");
        cy.put(&place, json!({"on": true})).await.ok();
        let setup = cy.get(&format!("{place}/setup")).await.ok();
        world.aws().let_connector(&setup["entering"]).await;
        let one = world.aws().new_account("one").await;
        one.let_in(&setup["trust_policy"], &setup["permission_policy"]).await;
        world.advance(Span::minutes(5)).await;
        assert_eq!(synced(&world, id).await.unread, 3);
        let (at, why) = read(&world, id, Class::MemberIam).await;
        assert!(at.is_none() && why.as_deref().is_some_and(|why| why.contains("3 of 4 member accounts")), "{at:?} {why:?}");
        let own = read(&world, id, Class::Iam).await;
        assert!(own.0.is_some() && own.1.is_none(), "{own:?}");

        // Those that have no role are used no more: all that are left let Stint in.
        let facts = world.facts();
        let all = cy.get("/api/v1/accounts?limit=200").await.ok();
        for account in all["items"].as_array().expect("a list") {
            let account = account["id"].as_str().expect("an id");
            if account != one.id && account != facts.management_account {
                world.sim().set_account_state(account, AccountState::Suspended).expect("set");
            }
        }
        world.advance(Span::minutes(10)).await;
        assert_eq!(synced(&world, id).await.unread, 0);
        let whole = read(&world, id, Class::MemberIam).await;
        assert!(whole.0.is_some() && whole.1.is_none(), "{whole:?}");
        let roles = read(&world, id, Class::MemberRoles).await;
        assert!(roles.0.is_some() && roles.1.is_none(), "{roles:?}");

        one.keep_out().await;
        world.advance(Span::minutes(10)).await;
        assert_eq!(synced(&world, id).await.unread, 1);
        let (at, why) = read(&world, id, Class::MemberIam).await;
        assert_eq!(at, whole.0);
        assert!(why.as_deref().is_some_and(|why| why.contains("1 of 1 member accounts") && why.contains(&one.id)), "{why:?}");
        assert!(read(&world, id, Class::Iam).await.0 > own.0, "the connection's own account is as fresh as ever");
    }
);

/// What the plan of a connection's last sync says of a question.
async fn planned(world: &World, of: ConnectionId, question: &str) -> Value {
    let runs = world
        .as_user("cy")
        .get(&format!("/api/v1/connections/{of}/sync-runs"))
        .await
        .ok();
    let plan = runs["items"][0]["plan"].as_array().expect("a plan").clone();
    let mut all = plan.into_iter();
    all.find(|it| it["question"] == question)
        .unwrap_or(Value::Null)
}

both_engines!(World::builder().estate(EstateSpec { iam_users: 30, iam_groups: 12, ..small() });
    async fn what_a_missing_permission_costs_is_said_for_iam_and_its_report_too(world) {
        let id = Estate::connect_with_iam(&world).await.connection.id;
        let allow = |but: &[&str]| {
            let mut statements = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
            if !but.is_empty() {
                statements.push(json!({ "Effect": "Deny", "Action": but, "Resource": "*" }));
            }
            let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
            let role = world.facts().connector_role_arn;
            world.sim().put_role_permissions(&role, &policy).expect("a policy");
        };
        allow(&[]);
        world.clock().advance(Span::hours(7));
        synced(&world, id).await;
        let iam = planned(&world, id, "iam").await;
        assert_eq!((&iam["listing"], iam.get("missing")), (&json!("iam_details"), None), "{iam:#}");
        let cheap = iam["options"][0]["calls"].as_u64().expect("calls");
        assert_eq!(planned(&world, id, "credential_report").await["listing"], "credential_report");
        assert_eq!(planned(&world, id, "member_iam").await, Value::Null, "nobody reads it");

        allow(&["iam:GetAccountAuthorizationDetails", "iam:GetCredentialReport"]);
        world.clock().advance(Span::hours(7));
        synced(&world, id).await;
        let iam = planned(&world, id, "iam").await;
        assert_eq!(iam["listing"], "iam_by_group", "{iam:#}");
        let spent = iam["options"].as_array().expect("options").iter()
            .find(|it| it["listing"] == "iam_by_group").expect("the listing")["calls"].as_u64().expect("calls");
        assert!(spent > cheap);
        assert_eq!(iam["missing"]["action"], "iam:GetAccountAuthorizationDetails", "{iam:#}");
        assert!(iam["missing"]["calls"].as_u64().is_some_and(|calls| (1..spent).contains(&calls)), "{iam:#}");
        assert_eq!(iam["missing"]["minutes"], 1);
        let report = planned(&world, id, "credential_report").await;
        assert_eq!(report.get("listing"), None, "{report:#}");
        let page = world.in_browser("cy").await.get(&format!("/connections/{id}")).await.is(200).text();
        assert!(page.contains("Allow iam:GetAccountAuthorizationDetails"), "{page}");
        assert!(page.contains("Allow iam:GenerateCredentialReport and iam:GetCredentialReport"), "{page}");
        let (at, why) = read(&world, id, Class::Report).await;
        assert!(at.is_some() && why.is_some_and(|why| why.contains("iam:GetCredentialReport")));
    }
);
