//! Membership of IAM groups, from the switch on a connection to proven absence: names move,
//! come back for others, and are never taken for the person that was meant.

use serde_json::json;
use stint_domain::Span;
use stint_domain::grant::{GrantState, Remains};
use stint_server::directory;
use stint_server::http::Paging;
use stint_testkit::sim::{Effect, EstateSpec, Fault, Party};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, grant, place, writes};

const HOUR: Span = Span::hours(1);
const ADD: &str = "iam:AddUserToGroup";

fn small() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 5,
        users: 6,
        groups: 3,
        memberships: 4,
        assignments: 6,
        iam_users: 8,
        iam_groups: 12,
        iam_roles: 0,
        iam_memberships: 6,
    }
}

fn iam_calls(world: &World, since: u64) -> Vec<String> {
    let calls = world.sim().journal_since(since).into_iter();
    calls
        .filter(|call| call.party == Party::Stint && call.operation.starts_with("iam:"))
        // Whatever is switched on, a test asks what the credential may do.
        .filter(|call| call.operation != "iam:SimulatePrincipalPolicy")
        .map(|call| call.operation)
        .collect()
}

/// The name of the first IAM group that Ana is not in, by the estate's administrator.
async fn group_name(world: &World, id: &str) -> String {
    let groups = world.aws().iam.list_groups().max_items(1000).send().await;
    let groups = groups.expect("listed");
    let found = groups.groups().iter().find(|g| g.group_id() == id);
    found.expect("the group exists").group_name().to_owned()
}

both_engines!(World::builder().estate(small());
    async fn membership_of_an_iam_group_is_asked_for_approved_given_and_taken(world) {
        let org = world.organize_with_iam().await;
        let developers = org.iam_membership(&world, "Developers").await;
        org.offer(&world, developers, org.approved).await;
        let ana = world.aws().iam_user_id("ana.moreno").await;
        let group = world.aws().iam_group_id("Developers").await;
        let request = world.ask("ana", developers, Span::hours(2)).await;
        world.settle().await;
        assert!(!world.aws().iam_members(&group).await.contains(&ana), "nobody has approved");
        world.approve("bo", request).await;
        world.settle().await;
        assert!(world.aws().iam_members(&group).await.contains(&ana));
        let seen = world.as_user("ana").get(&format!("/api/v1/requests/{request}")).await.ok();
        assert_eq!(seen["grants"][0]["status"], "active", "{seen:#}");
        world.advance(Span::minutes(115)).await;
        assert!(world.aws().iam_members(&group).await.contains(&ana), "its time is not over");
        world.advance(Span::minutes(15)).await;
        assert!(!world.aws().iam_members(&group).await.contains(&ana));
        let held = directory::history(&world.cx("cy"),
            directory::principal_by_aws_id(&mut world.app().db.reader().await.unwrap(), org.connection, &ana)
                .await.unwrap().unwrap().id, developers).await.expect("history");
        assert_eq!(held.len(), 1, "it is in the history, once, and over");
        assert!(held[0].ended_at.is_some());
    }
);

both_engines!(World::builder().estate(small());
    async fn the_switch_is_a_persons_and_asks_for_no_more_than_it_uses(world) {
        let estate = Estate::connect(&world).await;
        let cy = world.as_user("cy");
        let place = format!("/api/v1/connections/{}", estate.connection.id);
        let seen = cy.get(&place).await.ok();
        assert_eq!(seen["iam"], false);
        let setup = cy.get(&format!("{place}/setup")).await.ok().to_string();
        assert!(!setup.contains("iam:List") && !setup.contains("ToGroup"), "{setup}");
        let since = world.sim().calls();
        directory::sync(&world.cx("cy"), estate.connection.id).await.expect("read");
        assert_eq!(iam_calls(&world, since), Vec::<String>::new());
        assert_eq!(cy.post(&format!("{place}/test"), json!({})).await.ok()["last_test"]["passed"], true);
        assert_eq!(iam_calls(&world, since), Vec::<String>::new());
        // Nobody but who may change connections.
        world.as_user("ana").patch(&place, json!({"iam": true})).await.is(404);
        let on = cy.patch(&place, json!({"iam": true})).await.ok();
        assert_eq!(on["iam"], true);
        let setup = cy.get(&format!("{place}/setup")).await.ok();
        let policy = setup["permission_policy"].to_string();
        for action in ["iam:ListUsers", "iam:GetUser", "iam:ListGroups", "iam:GetGroup", "iam:AddUserToGroup", "iam:RemoveUserFromGroup"] {
            assert!(policy.contains(action), "{policy}");
        }
        let account = &world.facts().management_account;
        assert!(policy.contains(&format!("arn:aws:iam::{account}:group/*")), "{policy}");
        let tested = cy.post(&format!("{place}/test"), json!({})).await.ok();
        let checks = tested["last_test"]["checks"].as_array().expect("checks").clone();
        let iam = checks.iter().find(|check| check["name"] == "iam").expect("the check of IAM");
        assert_eq!(iam["outcome"], "ok");
        directory::sync(&world.cx("cy"), estate.connection.id).await.expect("read");
        let all = directory::list_entitlements(&world.cx("cy"), estate.connection.id, "iam group", &Paging::default())
            .await.expect("listed");
        assert_eq!(all.items.len(), 12);
        // The page has the same switch.
        let browser = world.in_browser("cy").await;
        let page = browser.get(&format!("/connections/{}/setup", estate.connection.id)).await.is(200);
        assert!(page.text().contains("into any IAM group and takes them out"));
        browser.form(&format!("/connections/{}/scope", estate.connection.id), &[("faster", "on")]).await.is(303);
        assert_eq!(cy.get(&place).await.ok()["iam"], false);
    }
);

both_engines!(World::builder().estate(small());
    async fn switched_off_nobody_can_ask_and_what_was_given_is_still_taken(world) {
        let org = world.organize_with_iam().await;
        let developers = org.iam_membership(&world, "Developers").await;
        org.offer(&world, developers, org.auto).await;
        world.ask("ana", developers, HOUR).await;
        world.settle().await;
        let ana = world.aws().iam_user_id("ana.moreno").await;
        let group = world.aws().iam_group_id("Developers").await;
        assert!(world.aws().iam_members(&group).await.contains(&ana));
        let place = format!("/api/v1/connections/{}", org.connection);
        world.as_user("cy").patch(&place, json!({"iam": false})).await.ok();
        let ask = json!({"entitlement": developers, "duration_seconds": 3600, "reason": "INC-2291"});
        let refused = world.as_user("bo").post("/api/v1/requests", ask.clone()).await.is(409);
        assert_eq!(refused.json()["code"], "iam_switched_off");
        let preview = world.as_user("bo").post("/api/v1/requests/preview", ask).await.ok();
        assert_eq!(preview["refusals"][0]["code"], "iam_switched_off", "{preview:#}");
        // A sync that does not look takes nothing for gone.
        directory::sync(&world.cx("cy"), org.connection).await.expect("read");
        let mut q = world.app().db.reader().await.expect("a reader");
        let known = directory::entitlement(&mut q, developers).await.expect("read").expect("known");
        assert_eq!(known.gone_at, None);
        drop(q);
        world.advance(Span::minutes(75)).await;
        assert!(!world.aws().iam_members(&group).await.contains(&ana));
    }
);

both_engines!(World::builder().estate(small());
    async fn who_has_no_iam_user_is_told_so(world) {
        let org = world.organize_with_iam().await;
        world.add_person("eve", &[]).await;
        let eve = world.person("eve").id;
        stint_server::identity::add_member(&world.cx("cy"), org.everyone, eve).await.expect("a member");
        let developers = org.iam_membership(&world, "Developers").await;
        org.offer(&world, developers, org.auto).await;
        let ask = json!({"entitlement": developers, "duration_seconds": 3600});
        let refused = world.as_user("eve").post("/api/v1/requests", ask).await.is(422);
        assert_eq!(refused.json()["code"], "no_linked_principal");
        assert!(refused.text().contains("IAM user"), "{}", refused.text());
    }
);

both_engines!(World::builder().estate(small());
    async fn a_renamed_user_loses_the_access_and_the_new_bearer_of_the_name_nothing(world) {
        let estate = Estate::connect_with_iam(&world).await;
        let what = &estate.iam_groups[0];
        let Place::IamGroup(group) = place(what) else { panic!("an IAM group") };
        let name = group_name(&world, group).await;
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        assert!(estate.has(&world, what).await);
        let iam = world.aws().iam;
        iam.update_user().user_name("ana.moreno").new_user_name("ana.new").send().await.expect("renamed");
        let other = iam.create_user().user_name("ana.moreno").send().await.expect("made");
        let other = other.user().expect("a user").user_id().to_owned();
        iam.add_user_to_group().group_name(&name).user_name("ana.moreno").send().await.expect("added");
        world.advance(Span::minutes(75)).await;
        assert!(!estate.has(&world, what).await, "removed under the present name");
        assert!(world.aws().iam_members(group).await.contains(&other), "another person's");
        let ended = grant(&world, id).await.window.ended.expect("ended");
        assert_eq!(ended.remains, Remains::Removed);
    }
);

both_engines!(World::builder().estate(small());
    async fn of_a_deleted_user_and_a_deleted_group_nothing_is_left_to_remove(world) {
        let estate = Estate::connect_with_iam(&world).await;
        let iam = world.aws().iam;
        for (nth, what) in estate.iam_groups.iter().take(2).enumerate() {
            let Place::IamGroup(group) = place(what) else { panic!("an IAM group") };
            let name = group_name(&world, group).await;
            let id = estate.grant(&world, what.id, HOUR).await;
            world.settle().await;
            assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
            iam.remove_user_from_group().group_name(&name).user_name("ana.moreno").send().await.expect("removed");
            let members = world.aws().iam_members(group).await;
            if nth == 0 {
                for user in iam.get_group().group_name(&name).send().await.expect("read").users() {
                    iam.remove_user_from_group().group_name(&name).user_name(user.user_name()).send().await.expect("removed");
                }
                iam.delete_group().group_name(&name).send().await.expect("deleted");
                iam.create_group().group_name(&name).send().await.expect("made anew");
            } else {
                drop(members);
                let all = iam.list_groups_for_user().user_name("ana.moreno").send().await.expect("listed");
                for group in all.groups() {
                    iam.remove_user_from_group().group_name(group.group_name()).user_name("ana.moreno").send().await.expect("removed");
                }
                iam.delete_user().user_name("ana.moreno").send().await.expect("deleted");
                iam.create_user().user_name("ana.moreno").send().await.expect("made anew");
            }
            iam.add_user_to_group().group_name(&name).user_name("ana.moreno").send().await.expect("added");
            let since = world.sim().calls();
            world.advance(Span::minutes(75)).await;
            assert!(grant(&world, id).await.window.ended.is_some(), "{:#?}", grant(&world, id).await);
            assert!(writes(&world, since).is_empty(), "neither is there to be changed");
            let still = iam.get_group().group_name(&name).send().await.expect("read");
            assert!(still.users().iter().any(|user| user.user_name() == "ana.moreno"), "another's");
        }
    }
);

both_engines!(World::builder().estate(small());
    async fn a_name_is_not_used_again_while_an_add_under_it_may_be_under_way(world) {
        let estate = Estate::connect_with_iam(&world).await;
        let what = estate.iam_groups[0].clone();
        // Ana's add is lost, and AWS will see it no more; who is to know?
        let lost = Fault::on(ADD).by(Party::Stint).nth(1);
        world.sim().faults().add(lost, Effect::LoseBefore);
        let first = estate.grant(&world, what.id, HOUR).await;
        world.run_due().await;
        assert_eq!(grant(&world, first).await.status(world.now()), GrantState::Provisioning);
        let iam = world.aws().iam;
        iam.delete_user().user_name("ana.moreno").send().await.expect("deleted");
        iam.create_user().user_name("Ana.Moreno").send().await.expect("made anew, in capitals");
        world.advance(Span::minutes(5)).await;
        directory::sync(&world.cx("cy"), estate.connection.id).await.expect("read");
        let new = world.aws().iam_user_id("ana.moreno").await;
        let principal = world.link(estate.connection.id, "bo", &new).await;
        let since = world.sim().calls();
        let other = Estate { iam_user: Some((new, principal)), ..Estate { connection: estate.connection.clone(),
            user: estate.user.clone(), principal: estate.principal, assignments: Vec::new(), groups: Vec::new(),
            iam_user: None, iam_groups: vec![what.clone()] } };
        let second = other.grant(&world, what.id, HOUR).await;
        world.advance(Span::minutes(8)).await;
        assert!(writes(&world, since).is_empty(), "not while Ana's may still arrive");
        let waits = grant(&world, second).await;
        assert_eq!(waits.status(world.now()), GrantState::Provisioning);
        world.advance(Span::minutes(6)).await;
        let given = grant(&world, second).await;
        assert_eq!(given.status(world.now()), GrantState::Active, "{given:#?}");
        assert!(other.has(&world, &what).await);
        world.advance(Span::minutes(90)).await;
        assert!(!other.has(&world, &what).await);
        for id in [first, second] {
            assert!(grant(&world, id).await.window.ended.is_some());
        }
    }
);

both_engines!(World::builder().estate(small());
    async fn an_eleventh_group_fails_with_words_that_help(world) {
        let estate = Estate::connect_with_iam(&world).await;
        let iam = world.aws().iam;
        for what in estate.iam_groups.iter().skip(1).take(10) {
            let Place::IamGroup(group) = place(what) else { panic!("an IAM group") };
            let name = group_name(&world, group).await;
            iam.add_user_to_group().group_name(name).user_name("ana.moreno").send().await.expect("added");
        }
        let id = estate.grant(&world, estate.iam_groups[0].id, HOUR).await;
        world.settle().await;
        let failed = grant(&world, id).await;
        assert_eq!(failed.status(world.now()), GrantState::Failed);
        let note = failed.window.closed.expect("closed").note.expect("a reason");
        assert!(note.contains("LimitExceeded") && note.contains("take ana.moreno out of a group"), "{note}");
    }
);

both_engines!(World::builder().estate(small());
    async fn standing_membership_of_an_iam_group_is_used_and_left_alone(world) {
        let estate = Estate::connect_with_iam(&world).await;
        let what = &estate.iam_groups[0];
        let Place::IamGroup(group) = place(what) else { panic!("an IAM group") };
        let name = group_name(&world, group).await;
        let iam = world.aws().iam;
        iam.add_user_to_group().group_name(&name).user_name("ana.moreno").send().await.expect("added");
        let since = world.sim().calls();
        let id = estate.grant(&world, what.id, HOUR).await;
        world.settle().await;
        assert_eq!(grant(&world, id).await.status(world.now()), GrantState::Active);
        world.advance(Span::minutes(75)).await;
        assert_eq!(grant(&world, id).await.window.ended.expect("ended").remains, Remains::Standing);
        assert!(estate.has(&world, what).await);
        assert!(writes(&world, since).is_empty());
    }
);

both_engines!(World::builder().estate(small());
    async fn a_sync_knows_iam_by_ids_and_keeps_its_history(world) {
        let estate = Estate::connect_with_iam(&world).await;
        let cx = world.cx("cy");
        let con = estate.connection.id;
        let [kept, gone] = [&estate.iam_groups[0], &estate.iam_groups[1]];
        let [Place::IamGroup(kept_id), Place::IamGroup(gone_id)] = [place(kept), place(gone)] else {
            panic!("IAM groups")
        };
        let kept_name = group_name(&world, kept_id).await;
        let gone_name = group_name(&world, gone_id).await;
        let iam = world.aws().iam;
        for group in [&kept_name, &gone_name] {
            iam.add_user_to_group().group_name(group).user_name("ana.moreno").send().await.expect("added");
        }
        directory::sync(&cx, con).await.expect("read");
        let principal = estate.iam_user.as_ref().expect("Ana").1;
        for what in [kept, gone] {
            let held = directory::history(&cx, principal, what.id).await.expect("history");
            assert_eq!(held.iter().filter(|row| row.ended_at.is_none()).count(), 1);
        }
        // One is renamed and stays what it is; the other is deleted, and its name comes back.
        iam.update_group().group_name(&kept_name).new_group_name("renamed").send().await.expect("renamed");
        for user in iam.get_group().group_name(&gone_name).send().await.expect("read").users() {
            iam.remove_user_from_group().group_name(&gone_name).user_name(user.user_name()).send().await.expect("removed");
        }
        iam.delete_group().group_name(&gone_name).send().await.expect("deleted");
        iam.create_group().group_name(&gone_name).send().await.expect("made anew");
        iam.add_user_to_group().group_name(&gone_name).user_name("ana.moreno").send().await.expect("added");
        world.sim().clock().advance(Span::minutes(2).as_micros());
        directory::sync(&cx, con).await.expect("read");
        let mut q = cx.read().await.expect("a reader");
        let now = directory::entitlement(&mut q, kept.id).await.expect("read").expect("known");
        assert_eq!((now.name.as_str(), now.gone_at), ("IAM group renamed", None));
        let now = directory::entitlement(&mut q, gone.id).await.expect("read").expect("known");
        assert!(now.gone_at.is_some());
        drop(q);
        let held = directory::history(&cx, principal, gone.id).await.expect("history");
        assert!(held.iter().all(|row| row.ended_at.is_some()), "nobody is in a group that is gone");
        let held = directory::history(&cx, principal, kept.id).await.expect("history");
        assert_eq!(held.len(), 1, "the same membership under another name");
        let all = directory::list_entitlements(&cx, con, &gone_name.to_lowercase(), &Paging::default()).await.expect("listed");
        assert_eq!(all.items.iter().filter(|e| e.gone_at.is_none()).count(), 1, "a group of its own");
        // A role that leads to another account has none of this: nothing is taken for gone.
        let member = world.facts().member_role_arn.expect("a member's role");
        let place = format!("/api/v1/connections/{con}");
        world.as_user("cy").patch(&place, json!({"role_arn": member})).await.ok();
        let ran = directory::sync(&cx, con).await;
        assert!(ran.is_err());
        let mut q = cx.read().await.expect("a reader");
        let now = directory::entitlement(&mut q, kept.id).await.expect("read").expect("known");
        assert_eq!(now.gone_at, None);
    }
);
