//! Grants against a simulated AWS: what is given, what is taken away, and what is left alone.

use std::sync::Arc;

use stint_aws::{Ask, Lane, Service};
use stint_db::{Query as _, args};
use stint_domain::binding::AttemptKind;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::grant::{GrantState, Remains};
use stint_domain::{Span, Time};
use stint_server::grants::{self, Show};
use stint_server::http::Paging;
use stint_server::{directory, requests, tasks};
use stint_testkit::sim::{Effect, Fault, Gate, Party, Settle};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, grant, place, writes};

stint_db::statements! {
    ATTEMPTS = "select outcome from attempts order by sign_at";
    INTENDED = "select count(*) as n from audit_events where action = 'attempt.intended'";
    OF_KIND = "select count(*) as n from attempts where kind = $1";
    LATEST = "select max(due) as due from bindings";
    HELD = "select count(*) as n from attempts where outcome = 'held'";
}

const HOUR: Span = Span::hours(1);

both_engines!(World::builder();
    async fn access_comes_and_goes(world) {
        let estate = Estate::connect(&world).await;
        for what in [&estate.assignments[0], &estate.groups[0]] {
            let since = world.sim().calls();
            let id = estate.grant(&world, what.id, HOUR).await;
            world.settle().await;
            let live = grant(&world, id).await;
            assert_eq!(live.status(world.now()), GrantState::Active);
            assert!(estate.has(&world, what).await);
            let end = live.end().expect("an end");
            assert_eq!(end - live.window.confirmed_at.expect("confirmed"), HOUR);
            world.advance(end - world.now()).await;
            world.settle().await;
            assert!(!estate.has(&world, what).await);
            let over = grant(&world, id).await;
            let ended = over.window.ended.expect("ended");
            assert_eq!(ended.remains, Remains::Removed);
            assert!(ended.at - end < Span::minutes(2), "{}", ended.at - end);
            let kinds: Vec<AttemptKind> =
                writes(&world, since).into_iter().map(|(kind, _)| kind).collect();
            assert_eq!(kinds, [AttemptKind::Create, AttemptKind::Delete]);
        }
    }
);

both_engines!(World::builder();
    async fn no_call_before_its_intent_is_committed(world) {
        let estate = Estate::connect(&world).await;
        let gate = Gate::new();
        let create = Fault::on("sso:CreateAccountAssignment").by(Party::Stint).nth(1);
        world.sim().faults().add(create, Effect::Hold(gate.clone()));
        let id = estate.grant(&world, estate.assignments[0].id, HOUR).await;
        let app = world.app().clone();
        let working = tokio::spawn(async move { stint_server::tasks::run_due(&app).await.map(drop) });
        gate.arrived().await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let rows = q.all(&ATTEMPTS, args![]).await.expect("read");
        let outcomes: Vec<String> = rows.iter().map(|r| r.get("outcome").expect("a word")).collect();
        assert_eq!(outcomes, ["unknown"]);
        let told = q.one(&INTENDED, args![]).await.expect("counted");
        assert_eq!(told.get::<i64>("n").expect("a number"), 1);
        drop(q);
        gate.release();
        working.await.expect("joined").expect("settled");
        world.settle().await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
    }
);

both_engines!(World::builder();
    async fn the_last_one_out_removes(world) {
        let estate = Estate::connect(&world).await;
        let what = &estate.assignments[0];
        let short = estate.grant(&world, what.id, HOUR).await;
        let long = estate.grant(&world, what.id, Span::hours(3)).await;
        world.settle().await;
        let (_, left) = grants::revoke(&world.cx("cy"), short, "not needed").await.expect("revoked");
        assert_eq!(left.grants, [long]);
        world.settle().await;
        let remains = grant(&world, short).await.window.ended.expect("ended").remains;
        assert_eq!(remains, Remains::AnotherGrant);
        assert!(estate.has(&world, what).await);
        grants::revoke(&world.cx("cy"), long, "not needed").await.expect("revoked");
        world.settle().await;
        assert!(!estate.has(&world, what).await);
        assert_eq!(grant(&world, long).await.window.ended.expect("ended").remains, Remains::Removed);
    }
);

both_engines!(World::builder();
    async fn standing_access_is_used_and_left_alone(world) {
        let estate = Estate::connect(&world).await;
        for what in [&estate.assignments[0], &estate.groups[0]] {
            match place(what) {
                Place::Set(account, set) => world.aws().assign(account, set, &estate.user).await,
                Place::Group(group) => world.aws().join(group, &estate.user).await,
                Place::IamGroup(_) => panic!("those have a test of their own"),
            }
            world.sim().clock().advance(Span::minutes(1).as_micros());
            let since = world.sim().calls();
            let id = estate.grant(&world, what.id, HOUR).await;
            world.settle().await;
            assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
            let (_, left) = grants::cut_off(&world.cx("cy"), id, "left").await.expect("cut off");
            assert!(left.standing);
            world.settle().await;
            assert_eq!(grant(&world, id).await.window.ended.expect("ended").remains, Remains::Standing);
            assert!(estate.has(&world, what).await);
            assert!(writes(&world, since).is_empty());
        }
    }
);

both_engines!(World::builder();
    async fn what_somebody_takes_away_stays_away_until_it_is_decided_otherwise(world) {
        let estate = Estate::connect(&world).await;
        let what = &estate.assignments[0];
        let Place::Set(account, set) = place(what) else { panic!("an assignment") };
        let id = estate.grant(&world, what.id, Span::hours(8)).await;
        world.settle().await;
        world.aws().unassign(account, set, &estate.user).await;
        world.advance(Span::minutes(20)).await;
        let taken = grant(&world, id).await;
        assert_eq!(taken.status(world.now()), GrantState::Interrupted);
        assert!(!estate.has(&world, what).await);
        grants::provision_again(&world.cx("cy"), id).await.expect("decided");
        world.settle().await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
        assert!(estate.has(&world, what).await);
    }
);

both_engines!(World::builder();
    async fn a_lost_create_of_an_epoch_that_was_left_does_not_stop_the_next(world) {
        let estate = Estate::connect(&world).await;
        let what = &estate.assignments[0];
        let Place::Set(account, set) = place(what) else { panic!("an assignment") };
        // The first create is never heard of again; an administrator's row serves the grant,
        // and is taken away: nothing there is ours any more, and the create may yet land.
        let create = Fault::on("sso:CreateAccountAssignment").by(Party::Stint).nth(1);
        let lost = world.sim().faults().add(create, Effect::LoseBefore);
        let first = estate.grant(&world, what.id, HOUR).await;
        world.run_due().await;
        assert_eq!(world.sim().faults().hits(lost), 1);
        world.aws().assign(account, set, &estate.user).await;
        world.settle().await;
        assert_eq!(grant(&world, first).await.status(world.now()), GrantState::Active);
        world.aws().unassign(account, set, &estate.user).await;
        world.advance(Span::minutes(12)).await;
        assert_eq!(grant(&world, first).await.status(world.now()), GrantState::Interrupted);
        grants::revoke(&world.cx("cy"), first, "not needed").await.expect("revoked");
        world.settle().await;
        let next = estate.grant(&world, what.id, Span::minutes(5)).await;
        world.settle().await;
        assert_eq!(grant(&world, next).await.status(world.now()), GrantState::Active);
        world.advance(Span::minutes(30)).await;
        assert_eq!(grant(&world, next).await.status(world.now()), GrantState::Ended);
        assert!(!estate.has(&world, what).await);
    }
);

both_engines!(World::builder();
    async fn a_removal_aws_refuses_is_shown_and_tried_again(world) {
        let estate = Estate::connect(&world).await;
        let what = &estate.assignments[0];
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        let deletes = Fault::on("sso:DeleteAccountAssignment").by(Party::Stint);
        let denied = world.sim().faults().add(deletes, Effect::refuse("AccessDeniedException"));
        grants::revoke(&world.cx("cy"), id, "incident").await.expect("revoked");
        world.settle().await;
        let stuck = grant(&world, id).await;
        assert_eq!(stuck.status(world.now()), GrantState::Stuck);
        let page = grants::list(&world.cx("cy"), Show::Stuck, &Paging::default()).await.expect("listed");
        assert_eq!(page.items.iter().map(|g| g.id).collect::<Vec<_>>(), [id]);
        // It goes on by itself, slowly.
        let tries = world.sim().faults().hits(denied);
        world.advance(Span::minutes(30)).await;
        assert!(world.sim().faults().hits(denied) > tries + 3);
        world.sim().faults().remove(denied);
        grants::retry(&world.cx("cy"), id).await.expect("tried");
        world.run_due().await;
        world.settle().await;
        assert!(!estate.has(&world, what).await);
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Ended);
        assert!(grants::retry(&world.cx("cy"), id).await.is_err());
    }
);

both_engines!(World::builder();
    async fn a_provision_aws_refuses_fails_with_its_reason(world) {
        let estate = Estate::connect(&world).await;
        let creates = Fault::on("sso:CreateAccountAssignment").by(Party::Stint);
        world.sim().faults().add(creates, Effect::refuse("AccessDeniedException"));
        let id = estate.grant(&world, estate.assignments[0].id, HOUR).await;
        world.settle().await;
        let failed = grant(&world, id).await;
        assert_eq!(failed.status(world.now()), GrantState::Failed);
        let note = failed.window.closed.expect("closed").note.expect("a reason");
        assert!(note.contains("AccessDenied"), "{note}");
        assert_eq!(failed.window.ended.expect("ended").remains, Remains::Nothing);
    }
);

both_engines!(World::builder();
    async fn a_revocation_does_not_wait_for_a_provision_that_hangs(world) {
        let estate = Estate::connect(&world).await;
        let (held, other) = (&estate.assignments[0], &estate.groups[0]);
        let id = estate.grant(&world, held.id, HOUR).await;
        world.settle().await;
        let gate = Gate::new();
        let join = Fault::on("identitystore:CreateGroupMembership").by(Party::Stint).nth(1);
        world.sim().faults().add(join, Effect::Hold(gate.clone()));
        let waits = estate.grant(&world, other.id, HOUR).await;
        let tasks = Arc::new(stint_testkit_driver(&world));
        gate.arrived().await;
        grants::revoke(&world.cx("cy"), id, "incident").await.expect("revoked");
        for _ in 0..200 {
            if !estate.has(&world, held).await {
                break;
            }
            world.sim().clock().advance(Span::seconds(1).as_micros());
            world.app().nudges.nudge_all();
            tokio::task::yield_now().await;
        }
        assert!(!estate.has(&world, held).await, "the revocation waited");
        gate.release();
        drop(tasks);
        world.settle().await;
        assert_eq!(grant(&world, waits).await.status(world.now()), GrantState::Active);
    }
);

/// The background tasks as a server runs them, until dropped.
fn stint_testkit_driver(world: &World) -> stint_server::tasks::Driver {
    stint_server::tasks::Driver::start(world.app(), stint_server::tasks())
}

both_engines!(World::builder();
    async fn who_waits_for_an_account_has_nothing_on_record_before_its_turn(world) {
        let org = world.organize().await;
        let wanted = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, wanted, org.auto).await;
        world.sim().knobs(|knobs| knobs.settle = Settle { polls: 100, micros: Span::seconds(20).as_micros() });
        let account = world.sim().account_id("prod-payments").expect("known");
        let set = world.sim().permission_set_arn("prod-admin").expect("known");
        let before = world.aws().assigned(&account, &set).await;
        let mut requests = Vec::new();
        for word in ["ana", "bo", "dee"] {
            requests.push((word, world.ask(word, wanted, HOUR).await));
        }
        world.advance(Span::seconds(10)).await;
        let count = async |statement, args| {
            let mut q = world.app().db.reader().await.expect("a reader");
            q.one(statement, args).await.expect("read").get::<i64>("n").expect("a number")
        };
        assert_eq!(count(&OF_KIND, args!["create"]).await, 1, "one of three has its turn");
        world.advance(Span::minutes(3)).await;
        assert_eq!(world.aws().assigned(&account, &set).await.len(), before.len() + 3);
        for (word, request) in requests {
            requests::return_early(&world.cx(word), request).await.expect("returned");
        }
        world.advance(Span::seconds(10)).await;
        assert_eq!(count(&OF_KIND, args!["delete"]).await, 1);
        world.advance(Span::minutes(3)).await;
        assert_eq!(world.aws().assigned(&account, &set).await, before);
        let made = (count(&OF_KIND, args!["create"]).await, count(&OF_KIND, args!["delete"]).await);
        assert_eq!(made, (3, 3), "nobody asked twice");
        assert_eq!(count(&HELD, args![]).await, 0);
    }
);

both_engines!(World::builder();
    async fn the_more_wait_for_an_account_the_later_they_ask_again(world) {
        let org = world.organize().await;
        let account = world.sim().account_id("prod-payments").expect("known");
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, org.connection).await.expect("read");
        drop(q);
        world.sim().knobs(|knobs| knobs.settle = Settle { polls: 100, micros: Span::seconds(3).as_micros() });
        let mut asked = 0;
        let there = |key: &EntitlementKey| {
            matches!(key, EntitlementKey::AccountAssignment { account: on, .. } if *on == account)
        };
        for found in all.iter().filter(|found| there(&found.key)).take(5) {
            org.offer(&world, found.id, org.auto).await;
            for word in ["ana", "bo", "dee"] {
                world.ask(word, found.id, HOUR).await;
                asked += 1;
            }
        }
        assert!(asked >= 12, "the estate is too small: {asked}");
        tasks::run_due(world.app()).await.expect("tasks run");
        let mut q = world.app().db.reader().await.expect("a reader");
        let latest: Time = q.one(&LATEST, args![]).await.expect("read").get("due").expect("a moment");
        // One who waits alone asks again after about five seconds.
        assert!(latest - world.now() > Span::seconds(10), "{}", latest - world.now());
        drop(q);
        world.advance(Span::minutes(5)).await;
        let live = grants::list(&world.cx("cy"), Show::Live, &Paging::default()).await.expect("listed");
        assert!(live.items.len() >= 12 && live.items.iter().all(|it| it.window.confirmed_at.is_some()),
            "everybody had their turn: {:#?}", live.items);
    }
);

both_engines!(World::builder();
    async fn a_provision_that_failed_says_so_though_its_account_is_busy(world) {
        let org = world.organize().await;
        let wanted = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, wanted, org.auto).await;
        let lost = Fault::on("sso:CreateAccountAssignment").by(Party::Stint);
        world.sim().faults().add(lost, Effect::LoseBefore);
        let request = world.ask("ana", wanted, HOUR).await;
        world.advance(Span::minutes(14)).await;
        // Others write on that account from now on.
        let account = world.sim().account_id("prod-payments").expect("known");
        let scope = org.connection.to_string();
        for other in 0..8 {
            let ask = Ask {
                scope: &scope,
                lane: Lane::Provision,
                service: Service::IdentityCenter,
                account: Some(&account),
            };
            if let Ok(permit) = world.app().aws.governor().admit(ask).await {
                permit.accepted(&format!("other-{other}")).await;
            }
            world.advance(Span::seconds(30)).await;
        }
        let shown = world.as_user("ana").get(&format!("/api/v1/requests/{request}")).await.ok();
        assert_eq!(shown["grants"][0]["status"], "failed", "{shown:#}");
    }
);
