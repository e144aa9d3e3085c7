//! The IAM of member accounts: entered by a role of its own in each, read, given and taken; and
//! accounts that do not let Stint in.

use serde_json::{Value, json};
use stint_db::CommitPoint;
use stint_domain::{ConnectionId, Span};
use stint_server::directory;
use stint_testkit::sim::{Effect, EstateSpec, Fault, Party};
use stint_testkit::{MemberView, World, both_engines};

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

/// Switches member accounts on, and gives the connector what it needs to enter them.
async fn switch_on(world: &World, connection: ConnectionId) -> Value {
    let place = format!("/api/v1/connections/{connection}/member-accounts");
    let cy = world.as_user("cy");
    let on = cy.put(&place, json!({"on": true})).await.ok();
    assert_eq!(on["member_accounts"]["on"], true);
    let setup = cy.get(&format!("{place}/setup")).await.ok();
    world.aws().let_connector(&setup["entering"]).await;
    setup
}

async fn let_in(account: &MemberView, setup: &Value) {
    let (trust, may) = (&setup["trust_policy"], &setup["permission_policy"]);
    account.let_in(trust, may).await;
}

async fn sync(world: &World, connection: ConnectionId) -> directory::SyncRun {
    let run = directory::sync(&world.cx("cy"), connection).await;
    run.expect("the run is complete")
}

/// The account as the list shows it.
async fn account(world: &World, id: &str) -> Value {
    let found = world
        .as_user("cy")
        .get(&format!("/api/v1/accounts?account={id}"))
        .await
        .ok();
    assert_eq!(
        found["items"].as_array().map(Vec::len),
        Some(1),
        "{found:#}"
    );
    found["items"][0].clone()
}

/// What is held in an account, by name of who and what.
async fn held(world: &World, account: &str) -> Vec<(String, String)> {
    let place = format!("/api/v1/assignments?account={account}");
    let found = world.as_user("cy").get(&place).await.ok();
    let rows = found["items"].as_array().expect("rows").iter();
    let name = |row: &Value, of: &str| row[of]["name"].as_str().expect("a name").to_owned();
    rows.map(|row| (name(row, "principal"), name(row, "entitlement")))
        .collect()
}

both_engines!(World::builder().estate(small());
    async fn membership_of_a_group_in_a_member_account_is_asked_for_given_and_taken(world) {
        let org = world.organize_with_iam().await;
        let setup = switch_on(&world, org.connection).await;
        let one = world.aws().new_account("one").await;
        let_in(&one, &setup).await;
        let (ana, _) = one.user_in("ana.one", "ops").await;
        let (deploy, _) = one.group("deploy").await;
        let since = world.sim().calls();
        let run = sync(&world, org.connection).await;
        // The accounts an estate has anyway have no such role.
        assert_eq!(run.unread, 3);
        let entered = world.sim().journal_since(since).into_iter()
            .filter(|call| call.party == Party::Stint && call.operation == "sts:AssumeRole").count();
        assert_eq!(entered, 5, "its own role, and each account once");
        let seen = account(&world, &one.id).await;
        assert_eq!((&seen["iam"], &seen["own"]), (&json!("read"), &json!(false)), "{seen:#}");
        assert_eq!(held(&world, &one.id).await, [("ana.one".to_owned(), "IAM group ops in one".to_owned())]);
        let all = directory::list_entitlements(&world.cx("cy"), org.connection, "IAM group deploy in one",
            &stint_server::http::Paging::default()).await.expect("listed");
        let entitlement = all.items.iter().find(|it| it.key == stint_domain::entitlement::EntitlementKey::IamGroupMembership {
            account: one.id.clone(), group: deploy.clone() }).expect("known").id;
        org.offer(&world, entitlement, org.auto).await;
        let ask = json!({"entitlement": entitlement, "duration_seconds": 3600, "reason": "INC-1"});
        // Ana's IAM user of the management account is no user of that account's groups.
        let refused = world.as_user("ana").post("/api/v1/requests", ask.clone()).await.is(422);
        assert_eq!(refused.json()["code"], "no_linked_principal");
        world.link(org.connection, "ana", &ana).await;
        world.ask("ana", entitlement, Span::hours(1)).await;
        world.settle().await;
        assert_eq!(one.members("deploy").await, ["ana.one"]);
        world.advance(Span::minutes(75)).await;
        assert_eq!(one.members("deploy").await, Vec::<String>::new());
        assert_eq!(one.members("ops").await, ["ana.one"], "what stood before stays");
        // Switched off nobody asks, and what was given is still taken.
        world.ask("ana", entitlement, Span::hours(1)).await;
        world.settle().await;
        assert_eq!(one.members("deploy").await, ["ana.one"]);
        let place = format!("/api/v1/connections/{}/member-accounts", org.connection);
        world.as_user("cy").put(&place, json!({"on": false})).await.ok();
        let refused = world.as_user("ana").post("/api/v1/requests", ask).await.is(409);
        assert_eq!(refused.json()["code"], "iam_switched_off");
        let run = sync(&world, org.connection).await;
        assert_eq!((run.unread, run.ended), (0, 0), "a sync that does not look takes nothing for gone");
        world.advance(Span::minutes(75)).await;
        assert_eq!(one.members("deploy").await, Vec::<String>::new());
    }
);

both_engines!(World::builder().estate(small());
    async fn an_account_that_refuses_keeps_what_is_known_and_spoils_nothing_else(world) {
        let org = world.organize_with_iam().await;
        let setup = switch_on(&world, org.connection).await;
        let (one, two) = (world.aws().new_account("one").await, world.aws().new_account("two").await);
        for (account, user) in [(&one, "zoe"), (&two, "max")] {
            let_in(account, &setup).await;
            account.user_in(user, "ops").await;
        }
        // The test tries the first it finds: the accounts an estate has anyway have no such role.
        let place = format!("/api/v1/connections/{}", org.connection);
        let tested = world.as_user("cy").post(&format!("{place}/test"), json!({})).await.ok();
        let checks = tested["last_test"]["checks"].as_array().expect("checks").clone();
        let tried = checks.iter().find(|it| it["name"] == "member_accounts").expect("a row");
        assert_eq!(tried["outcome"], "warning", "{tried:#}");
        assert!(tried["what"].as_str().unwrap().contains("of 3 accounts that were tried, 3 could not"), "{tried:#}");
        let actions = tested["last_test"]["actions"].as_array().expect("a table").clone();
        let enters = actions.iter().find(|it| it["action"] == "sts:AssumeRole").expect("in the table");
        assert_eq!(enters["able"], "works", "{enters:#}");
        sync(&world, org.connection).await;
        let before = held(&world, &one.id).await;
        assert_eq!(before.len(), 1);
        // One keeps Stint out from now on; in both, things change.
        one.keep_out().await;
        for (account, user) in [(&one, "zoe"), (&two, "max")] {
            let left = account.iam.remove_user_from_group().group_name("ops").user_name(user);
            left.send().await.expect("removed");
            account.user_in("new", "ops").await;
        }
        world.advance(Span::minutes(10)).await;
        let run = sync(&world, org.connection).await;
        assert_eq!((run.state.as_str(), run.unread), ("complete", 4));
        assert_eq!(held(&world, &one.id).await, before, "nobody knows otherwise");
        assert_eq!(held(&world, &two.id).await, [("new".to_owned(), "IAM group ops in two".to_owned())]);
        let refused = account(&world, &one.id).await;
        assert_eq!((&refused["iam"], &refused["reason_code"]), (&json!("refused"), &json!("role_refused")));
        assert!(refused["reason"].as_str().unwrap().contains("AWS does not say why"), "{refused:#}");
        // The page, the run and the audit log say so.
        let browser = world.in_browser("cy").await;
        let page = browser.get(&format!("/connections/{}", org.connection)).await.is(200);
        assert!(page.text().contains("the IAM of 4 accounts could not be read"), "{}", page.text());
        let page = browser.get("/explore/accounts?iam=refused").await.is(200);
        assert!(page.text().contains("Not let in") && page.text().contains(">one<"));
        let runs = format!("/api/v1/connections/{}/sync-runs", org.connection);
        assert_eq!(world.as_user("cy").get(&runs).await.ok()["items"][0]["unread"], 4);
        // Since when it refuses does not move; let in again, it is read.
        world.advance(Span::minutes(10)).await;
        sync(&world, org.connection).await;
        assert_eq!(account(&world, &one.id).await["since"], refused["since"]);
        let_in(&one, &setup).await;
        world.advance(Span::minutes(10)).await;
        let run = sync(&world, org.connection).await;
        assert_eq!(run.unread, 3);
        let read = account(&world, &one.id).await;
        assert_eq!((&read["iam"], &read["reason"]), (&json!("read"), &Value::Null));
        assert_ne!(read["since"], refused["since"]);
        assert_eq!(held(&world, &one.id).await, [("new".to_owned(), "IAM group ops in one".to_owned())]);
    }
);

both_engines!(World::builder().estate(small());
    async fn a_role_that_may_not_read_is_told_from_one_that_does_not_let_in(world) {
        let org = world.organize_with_iam().await;
        let setup = switch_on(&world, org.connection).await;
        let one = world.aws().new_account("one").await;
        let nothing = json!({"Version": "2012-10-17", "Statement":
            [{"Effect": "Allow", "Action": "iam:ListAccountAliases", "Resource": "*"}]});
        one.let_in(&setup["trust_policy"], &nothing).await;
        sync(&world, org.connection).await;
        let seen = account(&world, &one.id).await;
        assert_eq!((&seen["iam"], &seen["reason_code"]), (&json!("refused"), &json!("read_refused")), "{seen:#}");
        // Another account's External ID opens no door.
        let two = world.aws().new_account("two").await;
        let copied = setup["trust_policy"].to_string().replace("ACCOUNT_ID", &one.id);
        let copied: Value = serde_json::from_str(&copied).expect("JSON");
        two.let_in(&copied, &setup["permission_policy"]).await;
        sync(&world, org.connection).await;
        assert_eq!(account(&world, &two.id).await["reason_code"], "role_refused");
    }
);

both_engines!(World::builder().estate(small());
    async fn credentials_of_the_connection_that_fail_midway_end_the_run(world) {
        let org = world.organize_with_iam().await;
        let setup = switch_on(&world, org.connection).await;
        let one = world.aws().new_account("one").await;
        let_in(&one, &setup).await;
        one.user_in("zoe", "ops").await;
        sync(&world, org.connection).await;
        let before = account(&world, &one.id).await;
        // Its second and later entries are those of member accounts.
        let fault = Fault::on("sts:AssumeRole").by(Party::Stint);
        let fault = world.sim().faults().add(fault, Effect::refuse("InvalidClientTokenId"));
        world.advance(Span::minutes(10)).await;
        let failed = directory::sync(&world.cx("cy"), org.connection).await.expect_err("fails");
        assert!(matches!(failed, directory::Error::Aws { .. }), "{failed:?}");
        world.sim().faults().remove(fault);
        assert_eq!(account(&world, &one.id).await["iam"], before["iam"], "no account is blamed");
        assert_eq!(held(&world, &one.id).await.len(), 1);
    }
);

both_engines!(World::builder().estate(small());
    async fn where_an_account_is_stays_known_while_aws_does_not_say(world) {
        let org = world.organize().await;
        let cy = world.as_user("cy");
        let places = async || {
            let all = cy.get("/api/v1/accounts?limit=200").await.ok();
            let all = all["items"].as_array().expect("a list").clone();
            let place = |it: &Value| (it["id"].clone(), it["path"].clone(), it["units"].clone());
            all.iter().map(place).collect::<Vec<_>>()
        };
        let before = places().await;
        assert!(before.iter().all(|(_, path, units)| path.is_string() && units.is_string()), "{before:?}");
        world.sim().knobs(|knobs| knobs.omit_account_paths = true);
        let denied = Fault::on("organizations:ListRoots").by(Party::Stint);
        world.sim().faults().add(denied, Effect::refuse("AccessDeniedException"));
        directory::sync(&world.cx("cy"), org.connection).await.expect("read");
        assert_eq!(places().await, before);
    }

    async fn what_is_known_of_accounts_users_and_roles_is_listed(world) {
        let aws = world.aws();
        aws.iam.create_account_alias().account_alias("acme-main").send().await.expect("named");
        aws.iam.create_access_key().user_name("ana.moreno").send().await.expect("a key");
        let login = aws.iam.create_login_profile().user_name("bo.lindqvist").password("A-long-password-1!");
        let with_password = login.send().await.is_ok();
        let org = world.organize_with_iam().await;
        let cy = world.as_user("cy");
        let facts = world.facts();
        let own = account(&world, &facts.management_account).await;
        assert_eq!((&own["iam"], &own["own"], &own["alias"]), (&json!("read"), &json!(true), &json!("acme-main")));
        assert_eq!(own["root_mfa"], true, "{own:#}");
        assert!(own["units"].as_str().is_some_and(|units| units.starts_with("Root")), "{own:#}");
        // By unit: an account below one is found by the unit's id and by its name.
        let all = cy.get("/api/v1/accounts").await.ok();
        let placed = all["items"].as_array().unwrap().iter().find(|it| it["units"].as_str().is_some_and(|u| u.contains('/')));
        let placed = placed.expect("an account in a unit");
        let unit = placed["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let under = cy.get(&format!("/api/v1/accounts?under={unit}")).await.ok();
        let under = under["items"].as_array().unwrap();
        assert!(!under.is_empty() && under.len() < all["items"].as_array().unwrap().len());
        assert!(under.iter().all(|it| it["path"].as_str().unwrap().contains(&unit)));
        let words = placed["units"].as_str().unwrap().rsplit('/').next().unwrap().to_lowercase();
        let found = cy.get(&format!("/api/v1/accounts?q={words}")).await.ok();
        assert!(found["items"].as_array().unwrap().iter().any(|it| it["id"] == placed["id"]));
        // Credentials.
        let users = cy.get("/api/v1/iam-users?q=ana.moreno").await.ok();
        let ana = &users["items"][0];
        assert_eq!(ana["access_keys"][0]["active"], true, "{ana:#}");
        assert_eq!(ana["has_mfa"], false);
        assert!(ana["report_at"].is_string() && ana["user_id"].is_string());
        let keys = cy.get("/api/v1/iam-users?only=active_keys").await.ok();
        assert!(keys["items"].as_array().unwrap().iter().any(|it| it["name"] == "ana.moreno"));
        let bare = cy.get("/api/v1/iam-users?only=password_without_mfa").await.ok();
        let bare = bare["items"].as_array().unwrap().len();
        assert_eq!(bare, usize::from(with_password));
        cy.get("/api/v1/iam-users?only=nothing").await.is(422);
        // Roles: those an estate has, the connector's and Identity Center's.
        let roles = cy.get("/api/v1/iam-roles?q=ec2.amazonaws.com").await.ok();
        let role = &roles["items"][0];
        assert_eq!(role["trusts"], json!(["ec2.amazonaws.com"]), "{role:#}");
        assert_eq!((&role["max_session_seconds"], &role["path"]), (&json!(3600), &json!("/services/")));
        let mine = cy.get("/api/v1/iam-roles?q=StintConnector").await.ok();
        assert_eq!(mine["items"][0]["trusts"], json!([facts.host.arn]));
        // The pages, and who may not see them.
        let browser = world.in_browser("cy").await;
        for (place, says) in [("/explore/accounts", "acme-main"), ("/explore/iam-users", "ana.moreno"),
            ("/explore/iam-roles", "ec2.amazonaws.com"), ("/explore", "IAM roles")] {
            assert!(browser.get(place).await.is(200).text().contains(says), "{place}");
            if place != "/explore" {
                let csv = browser.get(&format!("{place}?format=csv")).await.is(200);
                assert!(csv.text().contains(says), "{place} as CSV");
            }
        }
        world.as_user("ana").get("/api/v1/accounts").await.is(403);
        assert!(!world.in_browser("ana").await.get("/explore").await.is(200).text().contains("IAM roles"));
        // What is gone is no longer listed; nothing of others is.
        let gone = aws.iam.delete_role().role_name(role["name"].as_str().unwrap());
        gone.send().await.expect("deleted");
        world.advance(Span::minutes(10)).await;
        sync(&world, org.connection).await;
        let left = cy.get(&format!("/api/v1/iam-roles?q={}", role["name"].as_str().unwrap())).await.ok();
        assert!(left["items"].as_array().unwrap().iter().all(|it| it["aws_id"] != role["aws_id"]));
    }
);

both_engines!(World::builder().estate(small());
    async fn what_aws_refused_is_remembered_for_a_while_and_asked_again(world) {
        let org = world.organize_with_iam().await;
        let denied = Fault::on("iam:GetCredentialReport").by(Party::Stint);
        world.sim().faults().add(denied, Effect::refuse("AccessDenied"));
        let asked = |since: u64| world.sim().journal_since(since).into_iter()
            .filter(|call| call.party == Party::Stint && call.operation == "iam:GetCredentialReport").count();
        let mut counts = Vec::new();
        for hours in [1, 1, 1, 6] {
            let since = world.sim().calls();
            sync(&world, org.connection).await;
            counts.push(asked(since));
            world.advance(Span::hours(hours)).await;
        }
        let since = world.sim().calls();
        sync(&world, org.connection).await;
        counts.push(asked(since));
        // Syncs of their own run while the clock moves.
        assert_eq!(counts[..3], [1, 0, 0], "{counts:?}");
        assert!(counts[3] + counts[4] <= 1, "{counts:?}");
    }
);

both_engines!(World::builder().estate(small());
    async fn a_sync_that_dies_at_any_commit_is_made_good_by_the_next(world) {
        let org = world.organize_with_iam().await;
        let setup = switch_on(&world, org.connection).await;
        let one = world.aws().new_account("one").await;
        let_in(&one, &setup).await;
        one.user_in("zoe", "ops").await;
        sync(&world, org.connection).await;
        world.expect_failures();
        let from = world.app().db.commits();
        sync(&world, org.connection).await;
        let commits = world.app().db.commits() - from;
        let mut who = "zoe".to_owned();
        // Not at each: a member's part is the last of it, and every kind of chunk is among these.
        for (nth, point) in (1..=commits).rev().step_by(3).zip([CommitPoint::Before, CommitPoint::After].into_iter().cycle()) {
            // Somebody else is in the group each time.
            let left = one.iam.remove_user_from_group().group_name("ops").user_name(&who);
            left.send().await.expect("removed");
            who = format!("user-{nth}");
            one.user_in(&who, "ops").await;
            world.advance(Span::minutes(5)).await;
            world.crash_at(nth, point);
            let died = directory::sync(&world.cx("cy"), org.connection).await;
            assert!(died.is_err() || !world.crashed(), "{nth}");
            world.restart().await;
            world.advance(Span::minutes(15)).await;
            sync(&world, org.connection).await;
            let expected = (who.clone(), "IAM group ops in one".to_owned());
            assert_eq!(held(&world, &one.id).await, [expected], "died {point:?} commit {nth} of {commits}");
        }
    }
);
