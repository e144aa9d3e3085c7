//! The directory on a simulated AWS: what a sync reads, what it may and may not take for
//! gone, what single readings write, and who a principal belongs to.

use serde_json::Value;
use stint_domain::entitlement::{EntitlementKey, Pair, PrincipalKind};
use stint_domain::rights::Role;
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, Span, Time};
use stint_server::connections::{self, NewApplication, NewConnection, NewCredential};
use stint_server::directory::{self, Assignment, Change, Filter, Observed, SyncRun};
use stint_server::http::{Fault as _, Paging};
use stint_testkit::sim::{Effect, Fault, Gate, Knobs, Party, Reads};
use stint_testkit::{World, both_engines};

stint_db::statements! {
    quiet OLD_GROUP = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen) \
        values ($1, $2, 'group_membership', '', 'group-of-the-past', 'Identity Center group past', 'identity center group past', $3, $3)";
    quiet OLD_ACCOUNT = "insert into accounts (id, connection_id, aws_id, name, state, first_seen, last_seen) \
        values ($1, $2, '999999999999', 'left-us', 'active', $3, $3)";
    quiet OLD_PLACE = "insert into entitlements (id, connection_id, kind, account, target, name, sort_key, first_seen, last_seen) \
        values ($1, $2, 'account_assignment', '999999999999', 'arn:aws:sso:::permissionSet/x', 'x on left-us', 'x on left-us', $3, $3)";
}

/// A tested connection, not read yet.
async fn connected(world: &World) -> ConnectionId {
    let cx = world.cx("cy");
    let new = NewApplication {
        name: "AWS".into(),
        description: String::new(),
        owners: Vec::new(),
    };
    let application = connections::create_application(&cx, new).await;
    let facts = world.facts();
    let new = NewConnection {
        application: application.expect("an application").id,
        name: "prod".into(),
        credential: NewCredential::role(facts.connector_role_arn),
        region: facts.region,
        iam: false,
        owners: Vec::new(),
    };
    let made = connections::create(&cx, new).await.expect("a connection");
    world.sim().trust_connector(&made.external_id);
    connections::test(&cx, made.id).await.expect("tested");
    made.id
}

async fn read(world: &World, connection: ConnectionId) -> SyncRun {
    let run = directory::sync(&world.cx("cy"), connection)
        .await
        .expect("read");
    assert_eq!(run.state, "complete");
    run
}

/// prod-admin on prod-payments, which Bo does not hold.
struct Place {
    pair: Pair,
    account: String,
    set: String,
    user: String,
}

async fn place(world: &World, connection: ConnectionId) -> Place {
    let sim = world.sim();
    let account = sim.account_id("prod-payments").expect("an account");
    let set = sim
        .permission_set_arn("prod-admin")
        .expect("a permission set");
    let user = world.facts().bo.expect("Bo").user_id;
    let key = EntitlementKey::AccountAssignment {
        account: account.clone(),
        permission_set: set.clone(),
    };
    let mut q = world.app().db.reader().await.expect("a reader");
    let all = directory::all_entitlements(&mut q, connection)
        .await
        .expect("read");
    let entitlement = all.iter().find(|e| e.key == key).expect("seen").id;
    let principal = directory::principal_by_aws_id(&mut q, connection, &user).await;
    let principal = principal.expect("read").expect("seen").id;
    Place {
        pair: Pair {
            connection,
            principal,
            entitlement,
        },
        account,
        set,
        user,
    }
}

async fn held(world: &World, filter: &Filter) -> Vec<Assignment> {
    let cx = world.cx("dee");
    let filter = Filter {
        through: Some("own".into()),
        ..filter.clone()
    };
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let paging = Paging::after_cursor(37, cursor);
        let page = directory::holdings(&cx, &filter, &paging)
            .await
            .expect("listed");
        all.extend(page.items.into_iter().map(|row| row.assignment));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

async fn history(world: &World, pair: &Pair) -> Vec<Assignment> {
    let cx = world.cx("dee");
    directory::history(&cx, pair.principal, pair.entitlement)
        .await
        .expect("listed")
}

async fn observe(world: &World, pair: &Pair, began: Time, present: bool) -> Change {
    let cx = world.system();
    let mut tx = cx
        .begin(stint_db::Priority::Interactive)
        .await
        .expect("begun");
    let observed = Observed {
        began,
        present,
        membership: None,
        absent_before: None,
    };
    let change = directory::observe(world.app(), &mut tx, pair, &observed)
        .await
        .expect("written");
    tx.commit()
        .await
        .expect("observations are no state: no event is asked for");
    change
}

fn times(row: &Assignment) -> (Option<Time>, Time, Time, Option<Time>) {
    (
        row.absent_before,
        row.first_seen,
        row.last_seen,
        row.ended_at,
    )
}

pub(crate) async fn events(world: &World, action: &str) -> Vec<Value> {
    let log = world
        .as_user("dee")
        .get("/api/v1/audit-events?limit=200")
        .await
        .ok();
    let items = log["items"].as_array().expect("items").clone();
    items
        .into_iter()
        .filter(|e| e["action"] == action)
        .collect()
}

both_engines! {
    async fn a_sync_reads_everything_there_is_and_says_so(world) {
        let connection = connected(&world).await;
        let before = world.sim().calls_by(Party::Stint);
        let run = read(&world, connection).await;
        // What the estate has, by its own numbers (EstateSpec::default).
        assert_eq!(run.seen, 200 + 300, "memberships and assignments");
        assert_eq!((run.appeared, run.ended), (500, 0));
        let calls = i64::try_from(world.sim().calls_by(Party::Stint) - before).expect("few");
        assert_eq!(run.calls, calls);
        assert_eq!(held(&world, &Filter::default()).await.len(), 500);
        let dee = world.as_user("dee");
        let mut people = 0;
        let mut cursor = String::new();
        loop {
            let page = dee.get(&format!("/api/v1/principals?connection={connection}&limit=50{cursor}")).await.ok();
            people += page["items"].as_array().expect("items").len();
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(people, 120 + 12, "users and groups");
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, connection).await.expect("read");
        assert_eq!(all.len(), 24 * 14 + 12, "each set on each account, and each group");
        drop(q);

        let told = events(&world, "sync.completed").await;
        assert_eq!(told.len(), 1, "one event for the whole run");
        assert_eq!(told[0]["detail"]["seen"], 500);
        assert_eq!(told[0]["detail"]["digest"], run.digest.clone().expect("a digest"));
        let status = dee.get(&format!("/api/v1/connections/{connection}")).await.ok();
        assert_eq!(status["status"], "connected");
    }
}

both_engines! {
    async fn reading_the_same_again_changes_nothing_but_when_it_was_seen(world) {
        let connection = connected(&world).await;
        let first = read(&world, connection).await;
        let began = world.now();
        world.advance(Span::minutes(5)).await;
        let second = read(&world, connection).await;
        assert_eq!((second.seen, second.appeared, second.ended), (500, 0, 0));
        assert_eq!(second.digest, first.digest);
        for row in held(&world, &Filter::default()).await {
            assert_eq!(times(&row), (None, began, world.now(), None));
        }
    }
}

both_engines! {
    async fn what_an_administrator_does_shows_with_the_moments_it_happened_between(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        let first = world.now();
        assert!(history(&world, &place.pair).await.is_empty());

        world.advance(Span::minutes(5)).await;
        world.aws().assign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        let second = world.now();
        let run = read(&world, connection).await;
        assert_eq!((run.appeared, run.ended), (1, 0));
        let rows = history(&world, &place.pair).await;
        assert_eq!(rows.iter().map(times).collect::<Vec<_>>(), [(Some(first), second, second, None)]);

        world.aws().unassign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        let third = world.now();
        let run = read(&world, connection).await;
        assert_eq!((run.appeared, run.ended), (0, 1));
        let rows = history(&world, &place.pair).await;
        assert_eq!(rows.iter().map(times).collect::<Vec<_>>(), [(Some(first), second, second, Some(third))]);

        // And again: a row of its own.
        world.aws().assign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        read(&world, connection).await;
        let rows = history(&world, &place.pair).await;
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1].absent_before, Some(third));

        // As it stood at a moment.
        let at = |at| Filter { principal: Some(place.pair.principal), entitlement: Some(place.pair.entitlement), at: Some(at), ..Filter::default() };
        assert_eq!(held(&world, &at(first)).await.len(), 0);
        assert_eq!(held(&world, &at(second)).await.len(), 1);
        assert_eq!(held(&world, &at(third)).await.len(), 0);
        assert_eq!(held(&world, &at(world.now())).await.len(), 1);
    }
}

both_engines! {
    async fn a_page_that_fails_ends_the_run_and_nothing_else(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        world.aws().assign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        read(&world, connection).await;
        world.aws().unassign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        let before: Vec<_> = held(&world, &Filter::default()).await.iter().map(|r| r.id).collect();

        for operation in [
            "organizations:ListAccounts",
            "sso:ListPermissionSets",
            "sso:DescribePermissionSet",
            "identitystore:ListUsers",
            "identitystore:ListGroups",
            "identitystore:ListGroupMemberships",
            "sso:ListAccountsForProvisionedPermissionSet",
            "sso:ListAccountAssignments",
        ] {
            world.advance(Span::minutes(1)).await;
            world.sim().faults().clear();
            // The last page or list of its kind, where there are several.
            let fault = Fault::on(operation).by(Party::Stint);
            let fault = match operation {
                "organizations:ListAccounts" | "identitystore:ListUsers" => fault.from(2),
                "sso:ListPermissionSets" | "identitystore:ListGroups" => fault,
                _ => fault.from(5),
            };
            // What is not allowed is asked for in another way, where there is one.
            world.sim().faults().add(fault, Effect::refuse("ValidationException"));
            let refused = directory::sync(&world.cx("cy"), connection).await.expect_err(operation);
            assert_eq!(refused.code(), "sync_failed", "{operation}");
            assert!(refused.detail().contains(operation), "{}", refused.detail());
            let status = world.as_user("dee").get(&format!("/api/v1/connections/{connection}")).await.ok();
            assert_eq!(status["status"], "failing", "{operation}");
            let rows = held(&world, &Filter::default()).await;
            let now: Vec<_> = rows.iter().map(|r| r.id).collect();
            // The scope of the row that is gone was not read whole, or not at all.
            if operation != "sso:ListAccountAssignments" && operation != "sso:ListPermissionSetsProvisionedToAccount" {
                assert_eq!(now, before, "{operation}: nothing is taken for gone");
            }
        }
        assert_eq!(events(&world, "sync.failed").await.len(), 8);
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, connection).await.expect("read");
        assert_eq!(all.len(), 24 * 14 + 12, "no entitlement is taken for gone");
        drop(q);
        world.sim().faults().clear();
        read(&world, connection).await;
        let rows = history(&world, &place.pair).await;
        assert!(rows.last().and_then(|r| r.ended_at).is_some(), "read whole, it has ended");
    }
}

both_engines! {
    async fn only_a_scope_that_was_read_whole_ends_its_rows(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        world.aws().assign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        read(&world, connection).await;
        world.aws().unassign(&place.account, &place.set, &place.user).await;
        world.advance(Span::minutes(5)).await;
        // Exactly this set's list fails; every other scope is read.
        let set = place.set.clone();
        world.sim().faults().add(
            Fault::on("sso:ListAccountsForProvisionedPermissionSet").when(move |seen| seen.input["PermissionSetArn"] == set.as_str()),
            Effect::refuse("ValidationException"),
        );
        directory::sync(&world.cx("cy"), connection).await.expect_err("one list fails");
        assert_eq!(history(&world, &place.pair).await.last().and_then(|r| r.ended_at), None);
        world.sim().faults().clear();
        world.sim().faults().add(Fault::on("sso:ListAccountAssignments"), Effect::LoseAfter);
        directory::sync(&world.cx("cy"), connection).await.expect_err("no answer");
        assert_eq!(history(&world, &place.pair).await.last().and_then(|r| r.ended_at), None);
    }
}

both_engines! {
    async fn the_newest_reading_wins_in_whatever_order_they_come(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        let at = |seconds| world.now() + Span::seconds(seconds);
        assert_eq!(observe(&world, &place.pair, at(10), false).await, Change::None);
        assert_eq!(observe(&world, &place.pair, at(20), true).await, Change::Appeared);
        assert_eq!(observe(&world, &place.pair, at(15), false).await, Change::None, "older");
        assert_eq!(observe(&world, &place.pair, at(20), false).await, Change::None, "a tie: the one that saw it");
        assert_eq!(observe(&world, &place.pair, at(30), true).await, Change::None);
        assert_eq!(observe(&world, &place.pair, at(25), false).await, Change::None, "older than the last that saw it");
        assert_eq!(observe(&world, &place.pair, at(40), false).await, Change::Ended);
        assert_eq!(observe(&world, &place.pair, at(35), true).await, Change::None, "older than the one that found it gone");
        let rows = history(&world, &place.pair).await;
        assert_eq!(rows.iter().map(times).collect::<Vec<_>>(), [(None, at(20), at(30), Some(at(40)))]);
        assert_eq!(observe(&world, &place.pair, at(50), true).await, Change::Appeared);
        let rows = history(&world, &place.pair).await;
        assert_eq!(times(&rows[1]), (Some(at(40)), at(50), at(50), None));
    }
}

both_engines! {
    async fn a_sync_does_not_take_for_gone_what_was_seen_a_moment_ago(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        world.advance(Span::minutes(5)).await;
        // Stint confirms what it provisioned; AWS's lists lag behind it.
        observe(&world, &place.pair, world.now(), true).await;
        world.clock().advance(Span::seconds(20));
        let run = read(&world, connection).await;
        assert_eq!(run.ended, 0, "twenty seconds are within AWS's lag");
        world.clock().advance(Span::seconds(20));
        let run = read(&world, connection).await;
        assert_eq!(run.ended, 1, "forty are not");
    }
}

both_engines! {
    async fn a_stale_list_ends_nothing_it_shows(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        world.sim().knobs(|k: &mut Knobs| {
            k.read_lag_micros = 25_000_000;
            k.reads = Reads::Lagging;
        });
        let place = place(&world, connection).await;
        world.advance(Span::minutes(5)).await;
        world.aws().assign(&place.account, &place.set, &place.user).await;
        world.clock().advance(Span::seconds(10));
        let run = read(&world, connection).await;
        assert_eq!((run.appeared, run.ended), (0, 0), "not shown yet");
        world.clock().advance(Span::seconds(30));
        let run = read(&world, connection).await;
        assert_eq!((run.appeared, run.ended), (1, 0));
    }
}

both_engines! {
    async fn what_was_held_in_a_group_or_account_that_is_gone_has_ended(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        let (group, there): (EntitlementId, EntitlementId) = (world.app().new_id(), world.app().new_id());
        let account: stint_domain::AccountId = world.app().new_id();
        let then = world.now();
        let mut tx = world.system().begin(stint_db::Priority::Sync).await.expect("begun");
        tx.run(&OLD_GROUP, stint_db::args![group, connection, then]).await.expect("a group");
        tx.run(&OLD_ACCOUNT, stint_db::args![account, connection, then]).await.expect("an account");
        tx.run(&OLD_PLACE, stint_db::args![there, connection, then]).await.expect("an entitlement");
        tx.commit().await.expect("written");
        let pair = |entitlement| Pair { entitlement, ..place.pair };
        observe(&world, &pair(group), then, true).await;
        observe(&world, &pair(there), then, true).await;
        world.advance(Span::minutes(5)).await;
        let run = read(&world, connection).await;
        assert_eq!(run.ended, 2);
        for entitlement in [group, there] {
            let rows = history(&world, &pair(entitlement)).await;
            assert_eq!(rows.iter().map(times).collect::<Vec<_>>(), [(None, then, then, Some(world.now()))]);
            assert!(rows[0].entitlement.gone_at.is_some());
        }
    }
}

both_engines! {
    async fn a_suspended_account_keeps_its_rows_and_offers_nothing(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let place = place(&world, connection).await;
        let on_it = |rows: Vec<Assignment>| rows.into_iter().filter(|r| matches!(&r.entitlement.key, EntitlementKey::AccountAssignment { account, .. } if *account == place.account)).count();
        let before = on_it(held(&world, &Filter::default()).await);
        assert!(before > 0);
        world.sim().set_account_state(&place.account, stint_testkit::sim::AccountState::Suspended).expect("set");
        world.advance(Span::minutes(5)).await;
        read(&world, connection).await;
        assert_eq!(on_it(held(&world, &Filter::default()).await), before, "not read is not gone");
        let mut q = world.app().db.reader().await.expect("a reader");
        let entitlement = directory::entitlement(&mut q, place.pair.entitlement).await.expect("read").expect("known");
        assert!(entitlement.gone_at.is_some());
        drop(q);
    }
}

both_engines! {
    async fn a_deleted_user_leaves_a_principal_that_is_gone_and_the_row_that_stays(world) {
        let connection = connected(&world).await;
        let ana = world.facts().ana.expect("Ana").user_id;
        read(&world, connection).await;
        world.sim().remove_user(&ana).expect("removed");
        world.advance(Span::minutes(5)).await;
        read(&world, connection).await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let principal = directory::principal_by_aws_id(&mut q, connection, &ana).await.expect("read").expect("known");
        assert_eq!(principal.gone_at, Some(world.now()));
        drop(q);
        let rows = held(&world, &Filter { principal: Some(principal.id), ..Filter::default() }).await;
        assert_eq!(rows.len(), 1, "AWS keeps assignments of deleted users");
    }
}

both_engines! {
    async fn somebody_who_holds_something_and_was_never_listed_has_a_place(world) {
        let connection = connected(&world).await;
        let ana = world.facts().ana.expect("Ana").user_id;
        world.sim().remove_user(&ana).expect("removed before the first sync");
        read(&world, connection).await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let principal = directory::principal_by_aws_id(&mut q, connection, &ana).await.expect("read").expect("known");
        assert!(principal.gone_at.is_some());
        assert_eq!(principal.name, ana);
        drop(q);
    }
}

both_engines! {
    async fn progress_can_be_watched_and_a_second_start_joins_the_first(world) {
        let connection = connected(&world).await;
        let gate = Gate::new();
        world.sim().faults().add(Fault::on("identitystore:ListGroupMemberships").nth(6), Effect::Hold(gate.clone()));
        let cy = world.as_user("cy");
        let address = format!("/api/v1/connections/{connection}");
        let started = cy.post(&format!("{address}/sync"), Value::Null).await.is(202).json();
        assert_eq!((started["state"].as_str(), started["phase"].as_str()), (Some("running"), Some("waiting")));
        assert!(started.get("moved_at").is_none());
        let (_, seen) = tokio::join!(world.run_due(), async {
            gate.arrived().await;
            let again = cy.post(&format!("{address}/sync"), Value::Null).await.is(202).json();
            let runs = cy.get(&format!("{address}/sync-runs")).await.ok();
            let status = cy.get(&address).await.ok();
            gate.release();
            (again, runs, status)
        });
        let (again, runs, status) = seen;
        assert_eq!(again["id"], started["id"]);
        let run = &runs["items"][0];
        assert_eq!(run["phase"], "who holds what");
        let number = |key: &str| run[key].as_i64().expect("a number");
        assert!(number("calls") >= 15 && number("done") == number("calls"), "{run:#}");
        // All others may be on their way by now.
        assert!(number("expected") >= number("done"), "{run:#}");
        assert_eq!(status["status"], "syncing");
        let runs = cy.get(&format!("{address}/sync-runs")).await.ok();
        assert_eq!(runs["items"].as_array().expect("items").len(), 1);
        assert_eq!(runs["items"][0]["state"], "complete");
    }
}

both_engines! {
    async fn a_sync_that_died_is_taken_over(world) {
        let connection = connected(&world).await;
        directory::start_sync(&world.cx("cy"), connection).await.expect("started");
        world.crash_at(30, stint_db::CommitPoint::After);
        world.expect_failures();
        world.run_due().await;
        assert!(world.crashed());
        world.restart().await;
        world.run_due().await;
        let runs = world.as_user("cy").get(&format!("/api/v1/connections/{connection}/sync-runs")).await.ok();
        assert_eq!(runs["items"][0]["state"], "running", "it may only be slow");
        world.advance(Span::minutes(11)).await;
        let runs = world.as_user("cy").get(&format!("/api/v1/connections/{connection}/sync-runs")).await.ok();
        assert_eq!(runs["items"][0]["state"], "complete");
        assert_eq!(held(&world, &Filter::default()).await.len(), 500);
    }
}

both_engines! {
    async fn it_is_read_again_every_hour_and_sooner_after_a_failure(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let runs = async || {
            let runs = world.as_user("cy").get(&format!("/api/v1/connections/{connection}/sync-runs")).await.ok();
            runs["items"].as_array().expect("items").iter().map(|r| r["state"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
        };
        world.advance(Span::minutes(59)).await;
        assert_eq!(runs().await, ["complete"]);
        world.sim().faults().add(Fault::on("organizations:ListAccounts"), Effect::refuse("AccessDeniedException"));
        world.advance(Span::minutes(2)).await;
        assert_eq!(runs().await, ["failed", "complete"]);
        world.sim().faults().clear();
        world.advance(Span::minutes(5)).await;
        assert_eq!(runs().await, ["complete", "failed", "complete"]);
    }
}

both_engines! {
    async fn what_groups_give_is_listed_apart(world) {
        let connection = connected(&world).await;
        let group = world.sim().group_id("platform").expect("a group");
        let ana = world.facts().ana.expect("Ana").user_id;
        world.aws().join(&group, &ana).await;
        read(&world, connection).await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let principal = directory::principal_by_aws_id(&mut q, connection, &ana).await.expect("read").expect("known").id;
        let of_group = directory::principal_by_aws_id(&mut q, connection, &group).await.expect("read").expect("known").id;
        drop(q);
        let own = held(&world, &Filter { principal: Some(principal), ..Filter::default() }).await;
        assert_eq!(own.len(), 2, "her assignment and her membership");
        let groups = held(&world, &Filter { principal: Some(of_group), ..Filter::default() }).await;
        assert!(!groups.is_empty());
        let dee = world.as_user("dee");
        let listed = dee.get(&format!("/api/v1/principals/{principal}/inherited")).await.ok();
        let listed = listed["items"].as_array().expect("items");
        assert_eq!(listed.len(), groups.len());
        for row in listed {
            assert_eq!(row["principal"]["id"], of_group.to_string());
        }
        let pair = Pair { connection, principal, entitlement: groups[0].entitlement.id };
        let mut q = world.app().db.reader().await.expect("a reader");
        let through = directory::through_groups(&mut q, &pair).await.expect("read");
        assert_eq!(through.iter().map(|p| p.id).collect::<Vec<_>>(), [of_group]);
        drop(q);
        let nobody: PrincipalId = world.app().new_id();
        dee.get(&format!("/api/v1/principals/{nobody}/inherited")).await.refused(404, "not_found");
    }
}

both_engines! {
    async fn a_likeness_is_proposed_and_only_an_administrator_confirms(world) {
        world.add_person("hal", &[Role::Helpdesk]).await;
        let connection = connected(&world).await;
        read(&world, connection).await;
        let (cy, hal) = (world.as_user("cy"), world.as_user("hal"));
        let links = cy.get("/api/v1/links").await.ok();
        let links = links["items"].as_array().expect("items").clone();
        assert_eq!(links.len(), 4, "Ana, Bo, Cy and Dee have the addresses of Identity Center users");
        assert!(links.iter().all(|l| l["state"] == "proposed" && l["primary"] == false && l.get("proposed_by").is_none()));
        let ana = world.person("ana").id;
        let of_ana = links.iter().find(|l| l["user_id"] == ana.to_string()).expect("Ana's").clone();
        let mut q = world.app().db.reader().await.expect("a reader");
        assert_eq!(directory::primary_principal(&mut q, ana, connection, PrincipalKind::IdentityCenterUser, "").await.expect("read"), None, "an address links nobody");
        drop(q);

        let confirm = format!("/api/v1/links/{}/confirm", of_ana["id"].as_str().expect("an id"));
        hal.post(&confirm, Value::Null).await.refused(403, "forbidden");
        world.as_user("ana").post(&confirm, Value::Null).await.is(404);
        let confirmed = cy.post(&confirm, Value::Null).await.ok();
        assert_eq!((confirmed["state"].as_str(), confirmed["primary"].as_bool()), (Some("confirmed"), Some(true)));
        cy.post(&confirm, Value::Null).await.refused(409, "wrong_state");
        let principal: PrincipalId = of_ana["principal_id"].as_str().expect("an id").parse().expect("an id");
        let mut q = world.app().db.reader().await.expect("a reader");
        assert_eq!(directory::primary_principal(&mut q, ana, connection, PrincipalKind::IdentityCenterUser, "").await.expect("read"), Some(principal));
        drop(q);

        // The same principal for somebody else, by hand: proposed, and refused at the end.
        let body = serde_json::json!({ "user_id": world.person("bo").id, "principal_id": principal });
        let other = hal.post("/api/v1/links", body).await.is(201).json();
        assert_eq!(other["state"], "proposed");
        let taken = format!("/api/v1/links/{}/confirm", other["id"].as_str().expect("an id"));
        cy.post(&taken, Value::Null).await.refused(409, "principal_taken");

        // A second principal of Ana's, and that one made the one her requests are for.
        let page = cy.get(&format!("/api/v1/principals?connection={connection}&q=bo.")).await.ok();
        let bo = world.facts().bo.expect("Bo").user_id;
        let second = page["items"].as_array().expect("items").iter().find(|p| p["aws_id"] == bo.as_str()).expect("found")["id"].clone();
        let body = serde_json::json!({ "user_id": ana, "principal_id": second });
        let second = cy.post("/api/v1/links", body).await.is(201).json();
        let second = format!("/api/v1/links/{}/confirm", second["id"].as_str().expect("an id"));
        assert_eq!(cy.post(&second, Value::Null).await.ok()["primary"], false);
        assert_eq!(cy.post(&second, Value::Null).await.ok()["primary"], true);
        let first = cy.get(&format!("/api/v1/links?user={ana}&state=confirmed")).await.ok();
        let primary: Vec<_> = first["items"].as_array().expect("items").iter().map(|l| l["primary"].as_bool().expect("a bool")).collect();
        assert_eq!(primary.iter().filter(|p| **p).count(), 1);

        // Taken back.
        let reject = confirm.replace("/confirm", "/reject");
        hal.post(&reject, Value::Null).await.refused(403, "forbidden");
        assert_eq!(cy.post(&reject, Value::Null).await.ok()["state"], "rejected");
        assert_eq!(events(&world, "link.confirmed").await.len(), 2);
        assert_eq!(events(&world, "link.made_primary").await.len(), 1);
        assert_eq!(events(&world, "link.rejected").await.len(), 1);
    }
}

both_engines! {
    async fn a_group_is_nobody_and_ids_are_checked(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let group = world.sim().group_id("platform").expect("a group");
        let mut q = world.app().db.reader().await.expect("a reader");
        let group = directory::principal_by_aws_id(&mut q, connection, &group).await.expect("read").expect("known").id;
        drop(q);
        let cy = world.as_user("cy");
        let ana = world.person("ana").id;
        let body = serde_json::json!({ "user_id": ana, "principal_id": group });
        cy.post("/api/v1/links", body).await.refused(422, "not_a_person");
        let body = serde_json::json!({ "user_id": "ana", "principal_id": group });
        let said = cy.post("/api/v1/links", body).await.refused(422, "invalid_value");
        assert!(said["detail"].as_str().expect("text").contains("user_id"), "{said}");
        let nobody: PrincipalId = world.app().new_id();
        let body = serde_json::json!({ "user_id": ana, "principal_id": nobody });
        cy.post("/api/v1/links", body).await.refused(404, "not_found");
        let nowhere: ConnectionId = world.app().new_id();
        cy.post(&format!("/api/v1/connections/{nowhere}/sync"), Value::Null).await.refused(404, "not_found");
        cy.get(&format!("/api/v1/connections/{nowhere}/sync-runs")).await.refused(404, "not_found");
        cy.get("/api/v1/principals").await.is(422);
    }
}

both_engines! {
    async fn lists_narrow_by_user_principal_entitlement_and_moment(world) {
        let connection = connected(&world).await;
        read(&world, connection).await;
        let ana = world.person("ana").id;
        let dee = world.as_user("dee");
        let of_user = format!("/api/v1/assignments?user={ana}");
        assert_eq!(dee.get(&of_user).await.ok()["items"].as_array().map(Vec::len), Some(0), "a proposed link is none");
        let links = world.as_user("cy").get(&format!("/api/v1/links?user={ana}")).await.ok();
        let id = links["items"][0]["id"].as_str().expect("an id").to_owned();
        world.as_user("cy").post(&format!("/api/v1/links/{id}/confirm"), Value::Null).await.ok();
        let found = dee.get(&of_user).await.ok();
        let row = &found["items"][0];
        assert_eq!(row["entitlement"]["name"], "ReadOnlyAccess on prod-payments");
        assert_eq!(row["principal"]["email"], world.person("ana").email.as_str());
        let entitlement = row["entitlement"]["id"].as_str().expect("an id");
        let principal = row["principal"]["id"].as_str().expect("an id");
        let all = dee.get(&format!("/api/v1/assignments?entitlement={entitlement}&principal={principal}&connection={connection}&as_of={}", world.now())).await.ok();
        assert_eq!(all["items"].as_array().map(Vec::len), Some(1));
        let told = dee.get(&format!("/api/v1/assignments/history?entitlement={entitlement}&principal={principal}")).await.ok();
        assert_eq!(told["items"][0]["id"], row["id"]);
        let before = world.now() - Span::seconds(1);
        let none = dee.get(&format!("/api/v1/assignments?principal={principal}&as_of={before}")).await.ok();
        assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
        let found = dee.get(&format!("/api/v1/entitlements?connection={connection}&q=Prod-ADMIN%20on%20prod-pay")).await.ok();
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
        dee.get("/api/v1/assignments?as_of=yesterday").await.is(422);
        world.as_user("ana").get("/api/v1/assignments").await.refused(403, "forbidden");
        world.as_nobody().get("/api/v1/assignments").await.is(401);
    }
}
