//! Change events: what is read again because of them, what is not believed, and what it costs.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stint_db::CommitPoint;
use stint_domain::Span;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::sync::HoldRule;
use stint_server::connections::{self, FeedsChange};
use stint_server::directory::{self, Freshness, SyncRun};
use stint_server::http::Paging;
use stint_testkit::sim::{Effect, EstateSpec, Fault, Party};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, place};

/// A connected estate whose changes are told to a queue that Stint reads.
struct Heard {
    estate: Estate,
    queue: String,
}

impl Heard {
    async fn of(world: &World) -> Self {
        Self::as_is(world, Estate::connect(world).await).await
    }

    async fn as_is(world: &World, estate: Estate) -> Self {
        let queue = world.aws().tell_changes().await;
        let change = FeedsChange {
            queue_url: Some(queue.clone()),
            ..FeedsChange::default()
        };
        connections::set_feeds(&world.cx("cy"), estate.connection.id, change)
            .await
            .expect("the queue is taken");
        world.clock().advance(Span::seconds(60));
        Self { estate, queue }
    }

    async fn freshness(&self, world: &World) -> Freshness {
        directory::freshness(&world.cx("cy"), self.estate.connection.id)
            .await
            .expect("told")
    }

    /// How many objects wait.
    async fn waiting(&self, world: &World) -> i64 {
        let all = self.freshness(world).await.classes;
        all.iter().map(|class| class.waiting).sum()
    }

    /// Reads everything; what that finds otherwise, the events had not brought.
    async fn whole(&self, world: &World) -> SyncRun {
        directory::sync(&world.cx("cy"), self.estate.connection.id)
            .await
            .expect("read")
    }

    /// Whether the entitlement is held by this Identity Center user or group itself.
    async fn holds(&self, world: &World, key: &EntitlementKey, who: &str) -> bool {
        let mut q = world.app().db.reader().await.expect("a reader");
        let id = self.estate.connection.id;
        let all = directory::all_entitlements(&mut q, id).await.expect("read");
        let Some(what) = all.iter().find(|it| it.key == *key) else {
            return false;
        };
        let Some(who) = directory::principal_by_aws_id(&mut q, id, who)
            .await
            .expect("read")
        else {
            return false;
        };
        let pair = stint_domain::entitlement::Pair {
            connection: id,
            principal: who.id,
            entitlement: what.id,
        };
        directory::holds(&mut q, &pair).await.expect("read")
    }

    async fn principal(&self, world: &World, id: &str) -> Option<directory::Principal> {
        let mut q = world.app().db.reader().await.expect("a reader");
        let of = self.estate.connection.id;
        directory::principal_by_aws_id(&mut q, of, id)
            .await
            .expect("read")
    }
}

fn group(id: &str) -> EntitlementKey {
    EntitlementKey::GroupMembership {
        group: id.to_owned(),
    }
}

/// Lets time pass as it does: queues are read every few seconds, and what is due is done.
async fn pass(world: &World, span: Span) {
    let mut left = span.as_seconds();
    while left > 0 {
        world.advance(Span::seconds(left.min(10))).await;
        left -= 10;
    }
}

/// Calls of Stint's since then, but for those on queues.
fn calls(world: &World, since: u64) -> Vec<String> {
    let all = world.sim().journal_since(since).into_iter();
    all.filter(|call| call.party == Party::Stint && !call.operation.starts_with("sqs:"))
        .map(|call| call.operation)
        .collect()
}

fn last(world: &World) -> u64 {
    world.sim().journal().last().map_or(0, |call| call.no)
}

/// From the change to its delivery a minute passes, and to the directory two more at most.
const SOON: Span = Span::minutes(3);

both_engines!(World::builder();
    async fn what_others_change_is_known_within_two_minutes_of_its_event(world) {
        let heard = Heard::of(&world).await;
        let (aws, user) = (world.aws(), heard.estate.user.clone());
        let given = heard.estate.assignments[0].key.clone();
        let Place::Set(account, set) = place(&heard.estate.assignments[0]) else { panic!("a set") };
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        assert!(!heard.holds(&world, &given, &user).await);

        aws.assign(account, set, &user).await;
        aws.join(team, &user).await;
        pass(&world, SOON).await;
        assert!(heard.holds(&world, &given, &user).await, "assigned");
        assert!(heard.holds(&world, &group(team), &user).await, "joined");

        aws.unassign(account, set, &user).await;
        aws.leave(team, &user).await;
        world.sim().disable_user(&user).expect("disabled");
        pass(&world, SOON).await;
        assert!(!heard.holds(&world, &given, &user).await, "taken away");
        assert!(!heard.holds(&world, &group(team), &user).await, "left");
        let seen = heard.principal(&world, &user).await.expect("known");
        assert_eq!(seen.active, Some(false), "disabled");
        assert_eq!(heard.waiting(&world).await, 0);
        let run = heard.whole(&world).await;
        assert_eq!((run.appeared, run.ended), (0, 0), "{run:?}");
    }
);

both_engines!(World::builder();
    async fn things_that_come_and_go_are_known_too(world) {
        let heard = Heard::of(&world).await;
        let (aws, facts) = (world.aws(), world.facts());
        let store = facts.identity_store_id.clone();
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };

        // Somebody new, of whom the event says no id, put at once into a group that is new, too.
        let nadja = aws.new_user("nadja").await;
        let made = aws.store.create_group().identity_store_id(&store).display_name("Newcomers");
        let newcomers = made.send().await.expect("made").group_id().to_owned();
        aws.join(&newcomers, &nadja).await;
        let made = aws.sso.create_permission_set().instance_arn(&facts.instance_arn).name("Fresh");
        let made = made.send().await.expect("made");
        let set = made.permission_set().and_then(|it| it.permission_set_arn()).expect("an ARN").to_owned();
        let Place::Set(account, _) = place(&heard.estate.assignments[0]) else { panic!("a set") };
        aws.assign(account, &set, &nadja).await;
        pass(&world, SOON).await;
        let seen = heard.principal(&world, &nadja).await.expect("known");
        assert_eq!((seen.name.as_str(), seen.gone_at), ("nadja", None));
        assert!(heard.holds(&world, &group(&newcomers), &nadja).await);
        let key = EntitlementKey::AccountAssignment { account: account.to_owned(), permission_set: set.clone() };
        assert!(heard.holds(&world, &key, &nadja).await);
        let run = heard.whole(&world).await;
        assert_eq!((run.appeared, run.ended), (0, 0), "{run:?}");

        // Renamed; then gone, with what hung on it.
        aws.rename_group(team, "Old hands").await;
        aws.store.delete_user().identity_store_id(&store).user_id(&nadja).send().await.expect("deleted");
        aws.store.delete_group().identity_store_id(&store).group_id(&newcomers).send().await.expect("deleted");
        pass(&world, SOON).await;
        let renamed = heard.principal(&world, team).await.expect("known");
        assert_eq!(renamed.name, "Old hands");
        let gone = heard.principal(&world, &nadja).await.expect("known");
        assert!(gone.gone_at.is_some());
        assert!(!heard.holds(&world, &group(&newcomers), &nadja).await);
        assert!(heard.holds(&world, &key, &nadja).await, "AWS leaves the assignments of who is deleted");
        let run = heard.whole(&world).await;
        assert_eq!((run.appeared, run.ended), (0, 0), "{run:?}");
    }
);

both_engines!(World::builder();
    async fn what_a_permission_set_allows_is_read_again_when_its_policies_change(world) {
        let heard = Heard::of(&world).await;
        let Place::Set(_, set) = place(&heard.estate.assignments[0]) else { panic!("a set") };
        let cy = world.as_user("cy");
        let inline = async || {
            let at = format!("/api/v1/permission-sets?connection={}", heard.estate.connection.id);
            let all = cy.get(&at).await.ok()["items"].clone();
            let all = all.as_array().expect("items");
            let mine = all.iter().find(|it| it["arn"] == *set).expect("the set");
            mine["policies"]["inline"].clone()
        };
        let put = async |action: &str| {
            let inline = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": action, "Resource": "*" } });
            let put = world.aws().sso.put_inline_policy_to_permission_set().inline_policy(inline.to_string());
            put.instance_arn(world.facts().instance_arn).permission_set_arn(set).send().await.expect("put");
            pass(&world, SOON).await;
            json!(inline.to_string())
        };
        let given = put("s3:*").await;
        assert_eq!(inline().await, given);
        // Where AWS does not let them be read, what was known stays, and nothing waits.
        let closed = Fault::on("sso:GetInlinePolicyForPermissionSet").by(Party::Stint);
        let closed = world.sim().faults().add(closed, Effect::refuse("AccessDenied"));
        put("ec2:*").await;
        assert_eq!((inline().await, heard.waiting(&world).await), (given, 0));
        world.sim().faults().remove(closed);
        let given = put("sqs:*").await;
        assert_eq!(inline().await, given);
    }
);

both_engines!(World::builder();
    async fn an_account_that_moves_is_found_where_it_went(world) {
        let heard = Heard::of(&world).await;
        let aws = world.aws().organizations.clone();
        let Place::Set(account, _) = place(&heard.estate.assignments[0]) else { panic!("a set") };
        let parents = aws.list_parents().child_id(account).send().await.expect("listed");
        let from = parents.parents()[0].id().expect("an id").to_owned();
        let roots = aws.list_roots().send().await.expect("listed");
        let root = roots.roots()[0].id().expect("an id").to_owned();
        let made = aws.create_organizational_unit().parent_id(&root).name("Quarantine").send().await.expect("made");
        let unit = made.organizational_unit().and_then(|it| it.id()).expect("an id").to_owned();
        let moved = aws.move_account().account_id(account).source_parent_id(from).destination_parent_id(&unit);
        moved.send().await.expect("moved");
        let path = async || {
            let found = world.as_user("cy").get(&format!("/api/v1/accounts?account={account}")).await.ok();
            found["items"][0]["path"].as_str().expect("a path").to_owned()
        };
        assert!(!path().await.contains(&unit));
        pass(&world, SOON).await;
        assert_eq!(path().await, format!("{root}/{unit}"));
    }
);

fn with_iam() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 4,
        permission_sets: 5,
        users: 6,
        groups: 3,
        memberships: 4,
        assignments: 6,
        iam_users: 8,
        iam_groups: 4,
        iam_roles: 0,
        iam_memberships: 6,
    }
}

both_engines!(World::builder().estate(with_iam());
    async fn iam_is_heard_by_names_and_known_by_ids(world) {
        let heard = Heard::as_is(&world, Estate::connect_with_iam(&world).await).await;
        let iam = world.aws().iam;
        let (ana, _) = heard.estate.iam_user.clone().expect("Ana");
        let Place::IamGroup(id) = place(&heard.estate.iam_groups[0]) else { panic!("a group") };
        let key = heard.estate.iam_groups[0].key.clone();
        let named = heard.estate.iam_groups[0].aws_name.clone().expect("a name");
        iam.add_user_to_group().group_name(&named).user_name("ana.moreno").send().await.expect("added");
        pass(&world, SOON).await;
        assert!(heard.holds(&world, &key, &ana).await);

        // Her name becomes another's: she keeps what she has, and the other has nothing.
        iam.update_user().user_name("ana.moreno").new_user_name("ana.former").send().await.expect("renamed");
        let other = iam.create_user().user_name("ana.moreno").send().await.expect("made");
        let other = other.user().expect("a user").user_id().to_owned();
        iam.update_group().group_name(&named).new_group_name("renamed").send().await.expect("renamed");
        pass(&world, SOON).await;
        let seen = heard.principal(&world, &ana).await.expect("known");
        assert_eq!((seen.name.as_str(), seen.gone_at), ("ana.former", None));
        assert_eq!(heard.principal(&world, &other).await.expect("known").name, "ana.moreno");
        assert!(heard.holds(&world, &key, &ana).await);
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, heard.estate.connection.id).await.expect("read");
        let now = all.iter().find(|it| it.key == key).expect("there");
        assert_eq!(now.aws_name.as_deref(), Some("renamed"), "{id}");
        drop(q);

        iam.remove_user_from_group().group_name("renamed").user_name("ana.former").send().await.expect("removed");
        iam.delete_user().user_name("ana.moreno").send().await.expect("deleted");
        pass(&world, SOON).await;
        assert!(!heard.holds(&world, &key, &ana).await);
        assert!(heard.principal(&world, &other).await.expect("known").gone_at.is_some());
        let run = heard.whole(&world).await;
        assert_eq!((run.appeared, run.ended), (0, 0), "{run:?}");
    }
);

both_engines!(World::builder().estate(with_iam());
    async fn iam_users_that_may_not_be_looked_at_alone_are_read_by_one_list(world) {
        let heard = Heard::as_is(&world, Estate::connect_with_iam(&world).await).await;
        // As the generated policy has it where names are to begin so.
        let limited = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "iam:GetUser", "NotResource": "arn:aws:iam::*:user/app-*" },
        ] });
        let role = world.facts().connector_role_arn;
        world.sim().put_role_permissions(&role, &limited.to_string()).expect("a policy");
        let iam = world.aws().iam;
        let since = last(&world);
        let mut made = Vec::new();
        for n in 0..6 {
            let name = format!("bob-{n}");
            let user = iam.create_user().user_name(&name).send().await.expect("made");
            made.push((user.user().expect("a user").user_id().to_owned(), name));
        }
        pass(&world, SOON).await;
        for (id, name) in &made {
            let seen = heard.principal(&world, id).await.expect("known");
            assert_eq!((&seen.name, seen.gone_at), (name, None));
        }
        let trouble = |of: &Freshness| of.classes.iter().find_map(|class| class.error.clone());
        assert_eq!(trouble(&heard.freshness(&world).await), None);
        assert_eq!(heard.waiting(&world).await, 0);
        let called = calls(&world, since);
        let count = |action: &str| called.iter().filter(|it| *it == action).count();
        assert!(count("iam:GetUser") >= made.len(), "{called:?}");
        assert!((1..=2).contains(&count("iam:ListUsers")), "{called:?}");

        // Who is renamed or deleted is found the same way.
        let (renamed, deleted) = (&made[0], &made[1]);
        iam.update_user().user_name(&renamed.1).new_user_name("rob").send().await.expect("renamed");
        iam.delete_user().user_name(&deleted.1).send().await.expect("deleted");
        pass(&world, SOON).await;
        assert_eq!(heard.principal(&world, &renamed.0).await.expect("known").name, "rob");
        assert!(heard.principal(&world, &deleted.0).await.expect("known").gone_at.is_some());
        let run = heard.whole(&world).await;
        assert_eq!((run.appeared, run.ended), (0, 0), "{run:?}");
    }
);

both_engines!(World::builder();
    async fn an_event_is_a_hint_and_nothing_it_claims_is_believed(world) {
        let heard = Heard::of(&world).await;
        let facts = world.facts();
        let row = world.sim().assignments().into_iter().find(|row| row.principal_type == "USER").expect("a row");
        let held = EntitlementKey::AccountAssignment { account: row.account_id.clone(), permission_set: row.permission_set_arn.clone() };
        assert!(heard.holds(&world, &held, &row.principal_id).await);
        let claim = |name: &str, account: &str, set: &str, who: &str| json!({
            "version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "source": "aws.sso",
            "account": facts.management_account, "time": "2026-11-23T08:00:00Z", "region": facts.region, "resources": [],
            "detail": {
                "eventSource": "sso.amazonaws.com", "eventName": name,
                "requestParameters": { "instanceArn": facts.instance_arn, "targetId": account, "targetType": "AWS_ACCOUNT",
                    "permissionSetArn": set, "principalType": "USER", "principalId": who },
            },
        }).to_string();
        let Place::Set(account, set) = place(&heard.estate.assignments[0]) else { panic!("a set") };
        let given = heard.estate.assignments[0].key.clone();
        let aws = world.aws();
        aws.send_message(&heard.queue, &claim("DeleteAccountAssignment", &row.account_id, &row.permission_set_arn, &row.principal_id)).await;
        aws.send_message(&heard.queue, &claim("CreateAccountAssignment", account, set, &heard.estate.user)).await;
        let before = last(&world);
        pass(&world, SOON).await;
        assert_eq!(calls(&world, before), ["sso:ListAccountAssignments"; 2], "each is read, once");
        assert!(heard.holds(&world, &held, &row.principal_id).await, "it was not deleted");
        assert!(!heard.holds(&world, &given, &heard.estate.user).await, "it was not made");
    }
);

both_engines!(World::builder();
    async fn what_is_none_of_ours_is_counted_and_taken_out(world) {
        let heard = Heard::of(&world).await;
        let facts = world.facts();
        let event = |account: &str, name: &str| json!({
            "version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "source": "aws.sso",
            "account": account, "time": "2026-11-23T08:00:00Z", "region": facts.region, "resources": [],
            "detail": { "eventSource": "sso.amazonaws.com", "eventName": name, "requestParameters": {} },
        }).to_string();
        let aws = world.aws();
        for body in [
            "no event", "{}",
            &event("999988887777", "UpdatePermissionSet"),
            &event(&facts.management_account, "ListInstances"),
            &event(&facts.management_account, "PaintInstance"),
        ] {
            aws.send_message(&heard.queue, body).await;
        }
        let before = last(&world);
        pass(&world, SOON).await;
        assert!(calls(&world, before).is_empty());
        let (_, feed) = heard.freshness(&world).await.feed.expect("a queue");
        assert_eq!((feed.messages, feed.malformed, feed.ignored, feed.unknown, feed.hints), (5, 2, 2, 1, 0));
        assert_eq!(feed.last_unknown.as_deref(), Some("aws.sso: PaintInstance"));
        // They do not come again.
        pass(&world, Span::minutes(10)).await;
        let (_, feed) = heard.freshness(&world).await.feed.expect("a queue");
        assert_eq!(feed.messages, 5);
    }
);

both_engines!(World::builder();
    async fn a_message_is_taken_out_only_once_its_hints_are_kept(world) {
        let heard = Heard::of(&world).await;
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        let (team, user) = (team.to_owned(), heard.estate.user.clone());
        world.aws().join(&team, &user).await;
        world.clock().advance(Span::seconds(61));
        // It dies when it was about to keep what the message says.
        world.expect_failures();
        world.crash_at(1, CommitPoint::Before);
        world.run_due().await;
        assert!(world.crashed());
        world.restart().await;
        let (_, feed) = heard.freshness(&world).await.feed.expect("a queue");
        assert_eq!(feed.hints, 0, "nothing was kept");
        // SQS shows it again, and now it is.
        pass(&world, Span::minutes(5)).await;
        assert!(heard.holds(&world, &group(&team), &user).await);
    }
);

both_engines!(World::builder();
    async fn an_absence_counts_only_against_what_was_seen_long_enough_before(world) {
        let heard = Heard::of(&world).await;
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        let (team, facts) = (team.to_owned(), world.facts());
        let event = json!({
            "version": "0", "id": "x", "detail-type": "AWS API Call via CloudTrail", "source": "aws.identitystore",
            "account": facts.management_account, "time": "2026-11-23T08:00:00Z", "region": facts.region, "resources": [],
            "detail": {
                "eventSource": "identitystore.amazonaws.com", "eventName": "CreateGroupMembership",
                "requestParameters": { "identityStoreId": facts.identity_store_id, "groupId": team },
            },
        }).to_string();
        world.aws().send_message(&heard.queue, &event).await;
        world.run_due().await;
        // Before the group is read because of it, another reading sees somebody in it whom the one
        // that comes does not: AWS may answer with the state of a while ago.
        world.clock().advance(Span::seconds(25));
        let pair = stint_domain::entitlement::Pair {
            connection: heard.estate.connection.id,
            principal: heard.estate.principal,
            entitlement: heard.estate.groups[0].id,
        };
        let seen = directory::Observed { began: world.now(), present: true, membership: None, absent_before: None };
        let cx = world.system();
        let mut tx = cx.begin(stint_db::Priority::Interactive).await.expect("begun");
        directory::observe(world.app(), &mut tx, &pair, &seen).await.expect("written");
        tx.commit().await.expect("written");
        world.advance(Span::seconds(20)).await;
        assert!(heard.holds(&world, &group(&team), &heard.estate.user).await, "seen a moment ago: not gone yet");
        world.advance(Span::seconds(20)).await;
        assert!(!heard.holds(&world, &group(&team), &heard.estate.user).await, "looked for again, and gone");
    }
);

both_engines!(World::builder();
    async fn a_reading_that_fails_changes_nothing_and_is_made_again(world) {
        let heard = Heard::of(&world).await;
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        let (team, user) = (team.to_owned(), heard.estate.user.clone());
        let members = world.aws().members(&team).await;
        let broken = Fault::on("identitystore:ListGroupMemberships").by(Party::Stint);
        let broken = world.sim().faults().add(broken, Effect::refuse("AccessDeniedException"));
        world.aws().join(&team, &user).await;
        pass(&world, SOON).await;
        for member in &members {
            assert!(heard.holds(&world, &group(&team), member).await, "nothing has ended");
        }
        let told = heard.freshness(&world).await;
        let class = told.classes.iter().find(|it| it.class == directory::Class::Memberships).expect("the class");
        assert_eq!(class.waiting, 1);
        assert!(class.error.as_deref().is_some_and(|why| why.contains("AccessDenied")), "{class:?}");
        world.sim().faults().remove(broken);
        pass(&world, Span::minutes(16)).await;
        assert!(heard.holds(&world, &group(&team), &user).await);
        assert_eq!(heard.waiting(&world).await, 0);
    }
);

both_engines!(World::builder().hold(HoldRule { percent: 100, rows: 2, least: 1 });
    async fn readings_that_would_end_too_much_together_ask_for_a_sync_that_asks(world) {
        let heard = Heard::of(&world).await;
        let aws = world.aws();
        // Three of one group leave, one after the other: each alone would be let through.
        let rows: Vec<(String, Vec<String>)> = {
            let mut all = Vec::new();
            let listed = aws.store.list_groups().identity_store_id(&world.facts().identity_store_id).send().await.expect("listed");
            for it in listed.groups() {
                all.push((it.group_id().to_owned(), aws.members(it.group_id()).await));
            }
            all
        };
        let mut left = Vec::new();
        for (team, members) in rows.iter().filter(|(_, members)| !members.is_empty()).take(3) {
            aws.leave(team, &members[0]).await;
            left.push((team.clone(), members[0].clone()));
            pass(&world, SOON).await;
        }
        assert_eq!(left.len(), 3, "enough groups");
        let ended = |heard: bool| usize::from(!heard);
        let mut gone = 0;
        for (team, user) in &left {
            gone += ended(heard.holds(&world, &group(team), user).await);
        }
        assert_eq!(gone, 2, "two may end by themselves");
        // The full sync that was asked for has read it, and lets a person say; or lets one end.
        pass(&world, Span::minutes(30)).await;
        let runs = directory::sync_runs(&world.cx("cy"), heard.estate.connection.id, None, &Paging::first(5)).await.expect("listed");
        assert!(runs.items.len() >= 2, "a full sync was asked for: {:?}", runs.items);
        assert_eq!(heard.waiting(&world).await, 0, "and what waited was covered by it");
    }
);

both_engines!(World::builder();
    async fn a_queue_that_refuses_is_asked_once_a_minute_and_a_new_one_at_once(world) {
        let heard = Heard::of(&world).await;
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        let (team, user, id) = (team.to_owned(), heard.estate.user.clone(), heard.estate.connection.id);
        let denied = Fault::on("sqs:ReceiveMessage").by(Party::Stint);
        let denied = world.sim().faults().add(denied, Effect::refuse("AccessDenied"));
        pass(&world, Span::minutes(10)).await;
        let tries = world.sim().faults().hits(denied);
        assert!((8..=12).contains(&tries), "{tries} polls in ten minutes");
        let told = heard.freshness(&world).await.feed.expect("a queue").1;
        assert!(told.error.is_some_and(|why| why.contains("AccessDenied")));
        // Set anew it is asked at once.
        let same = FeedsChange { queue_url: Some(heard.queue.clone()), ..FeedsChange::default() };
        connections::set_feeds(&world.cx("cy"), id, same).await.expect("taken");
        world.advance(Span::seconds(10)).await;
        // Once more where it was set at the very moment of a poll.
        assert!((1..=2).contains(&(world.sim().faults().hits(denied) - tries)));
        world.sim().faults().remove(denied);
        world.aws().join(&team, &user).await;
        pass(&world, SOON).await;
        assert!(heard.holds(&world, &group(&team), &user).await, "and goes on");
    }
);

both_engines!(World::builder();
    async fn a_poll_that_fails_in_passing_is_made_again_at_once_and_is_no_trouble(world) {
        let heard = Heard::of(&world).await;
        pass(&world, SOON).await;
        let throttled = Fault::on("sqs:ReceiveMessage").by(Party::Stint);
        let throttled = world.sim().faults().add(throttled, Effect::refuse("OverLimit"));
        pass(&world, Span::seconds(40)).await;
        let tries = world.sim().faults().hits(throttled);
        assert!(tries >= 3, "{tries} polls in 40 seconds");
        let error = async || heard.freshness(&world).await.feed.expect("a queue").1.error;
        assert_eq!(error().await, None, "it is heard until then");
        pass(&world, Span::minutes(3)).await;
        assert!(error().await.is_some_and(|why| why.contains("OverLimit")), "what lasts is said");
        world.sim().faults().remove(throttled);
        pass(&world, Span::minutes(2)).await;
        assert_eq!(error().await, None);
    }
);

both_engines!(World::builder();
    async fn what_may_not_be_taken_out_of_a_queue_is_said(world) {
        let heard = Heard::of(&world).await;
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        let (team, user) = (team.to_owned(), heard.estate.user.clone());
        for operation in ["sqs:DeleteMessage", "sqs:DeleteMessageBatch"] {
            let denied = Fault::on(operation).by(Party::Stint);
            world.sim().faults().add(denied, Effect::refuse("AccessDenied"));
        }
        world.aws().join(&team, &user).await;
        pass(&world, SOON).await;
        assert!(heard.holds(&world, &group(&team), &user).await, "it is heard all the same");
        let told = heard.freshness(&world).await.feed.expect("a queue").1;
        assert!(told.error.is_some_and(|why| why.contains("AccessDenied")));
    }
);

both_engines!(World::builder();
    async fn who_is_read_again_because_of_an_event_is_compared_with_people(world) {
        let eve_in_aws = world.aws().new_person("eve", "eve@acme.example").await;
        world.aws().new_person("mallory", "mallory@acme.example").await;
        let heard = Heard::of(&world).await;
        // Both became people of Stint's since everything was read; only of one comes an event.
        let eve = world.add_person("eve", &[]).await.id.to_string();
        let mallory = world.add_person("mallory", &[]).await.id.to_string();
        world.sim().disable_user(&eve_in_aws).expect("disabled");
        pass(&world, SOON).await;
        let links = world.as_user("cy").get("/api/v1/links?limit=200").await.ok();
        let of = |user: &str| links["items"].as_array().expect("links").iter().filter(|it| it["user_id"] == user).count();
        assert_eq!((of(&eve), of(&mallory)), (1, 0), "{links:#}");
        assert_eq!(heard.waiting(&world).await, 0);
    }
);

both_engines!(World::builder();
    async fn an_hour_in_which_nothing_changes_costs_nothing(world) {
        let heard = Heard::of(&world).await;
        pass(&world, Span::minutes(5)).await;
        let before = last(&world);
        pass(&world, Span::minutes(50)).await;
        let made = calls(&world, before);
        assert!(made.len() < 20, "{} calls: {made:?}", made.len());
        assert_eq!(heard.waiting(&world).await, 0);
    }
);

both_engines!(World::builder();
    async fn a_thousand_events_of_one_group_are_one_reading(world) {
        let heard = Heard::of(&world).await;
        let Place::Group(team) = place(&heard.estate.groups[0]) else { panic!("a group") };
        let (team, user, aws) = (team.to_owned(), heard.estate.user.clone(), world.aws());
        for _ in 0..60 {
            aws.join(&team, &user).await;
            aws.leave(&team, &user).await;
        }
        aws.join(&team, &user).await;
        let before = last(&world);
        pass(&world, SOON).await;
        let made = calls(&world, before);
        let read = made.iter().filter(|it| *it == "identitystore:ListGroupMemberships").count();
        assert!(read <= 2, "{made:?}");
        assert!(heard.holds(&world, &group(&team), &user).await);
    }
);

/// What was changed, to be counted once however often.
type Changed = BTreeSet<(String, String)>;

both_engines!(World::builder().hold(HoldRule { percent: 100, rows: 100_000, least: 100_000 })
        .estate(EstateSpec { accounts: 40, permission_sets: 20, users: 300, groups: 300, memberships: 900, assignments: 600, ..with_iam() });
    async fn a_hundred_foreign_changes_cost_about_a_call_each_whatever_the_weather(world) {
        let heard = Heard::of(&world).await;
        let (aws, facts) = (world.aws(), world.facts());
        let faults = world.sim().faults();
        // A tenth of the events is lost, comes twice, or comes late and so in another order.
        let deliver = || Fault::on("events:Deliver");
        faults.add(deliver().odds(0.034, 1), Effect::LoseBefore);
        faults.add(deliver().odds(0.034, 2), Effect::Twice);
        faults.add(deliver().odds(0.034, 3), Effect::ArriveLate { micros: 90_000_000 });
        let store = facts.identity_store_id.clone();
        let mut groups = Vec::new();
        let mut listed = aws.store.list_groups().identity_store_id(&store).into_paginator().items().send();
        while let Some(it) = listed.next().await {
            groups.push(it.expect("listed").group_id().to_owned());
        }
        let mut users = Vec::new();
        let mut listed = aws.store.list_users().identity_store_id(&store).into_paginator().items().send();
        while let Some(it) = listed.next().await {
            users.push(it.expect("listed").user_id().to_owned());
        }
        let places: Vec<(String, String)> = heard.estate.assignments.iter().filter_map(|it| match place(it) {
            Place::Set(account, set) => Some((account.to_owned(), set.to_owned())),
            _ => None,
        }).collect();
        let mut changed = Changed::new();
        let before = last(&world);
        let mut seed = 7_u64;
        let mut next = |most: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((seed >> 33) % u64::try_from(most).unwrap()).unwrap()
        };
        let mut made = 0;
        while made < 100 {
            let user = users[next(users.len())].clone();
            let done = match next(10) {
                0..=4 => {
                    let (account, set) = places[next(places.len())].clone();
                    let row = stint_testkit::sim::Row::Assignment {
                        account: account.clone(), permission_set: set.clone(), principal_type: "USER".into(), principal: user,
                    };
                    let done = if next(2) == 0 { aws.add(&row).await } else { aws.take(&row).await };
                    done.then_some((account, set))
                }
                5..=8 => {
                    let team = groups[next(groups.len())].clone();
                    let row = stint_testkit::sim::Row::Membership { group: team.clone(), user };
                    let done = aws.add(&row).await || aws.take(&row).await;
                    done.then(|| ("members".to_owned(), team))
                }
                _ => {
                    let now = world.sim().disable_user(&user).is_ok();
                    now.then(|| ("user".to_owned(), user))
                }
            };
            if let Some(object) = done {
                changed.insert(object);
                made += 1;
            }
            world.advance(Span::seconds(7)).await;
        }
        pass(&world, Span::minutes(6)).await;
        assert_eq!(heard.waiting(&world).await, 0);
        let cost = calls(&world, before).len();
        let syncs = directory::sync_runs(&world.cx("cy"), heard.estate.connection.id, None, &Paging::first(9)).await.expect("listed");
        assert_eq!(syncs.items.len(), 1, "no full sync was made meanwhile");
        let lost = world.sim().event_rules()[0].lost;
        let run = heard.whole(&world).await;
        println!(
            "changed: {made} changes of {} objects, {lost} events lost: {cost} calls; the next sync found {} new and {} gone",
            changed.len(), run.appeared, run.ended
        );
        assert!(cost <= changed.len() * 3 / 2 + 20, "{cost} calls for {} objects", changed.len());
        assert!(lost > 0 && run.appeared + run.ended <= i64::try_from(lost).unwrap(), "what is missing was lost: {run:?}");
    }
);

both_engines!(World::builder();
    async fn a_queue_is_the_connections_own(world) {
        let heard = Heard::of(&world).await;
        let api = world.as_user("cy");
        let at = format!("/api/v1/connections/{}/feeds", heard.estate.connection.id);
        let told = api.get(&at).await.ok();
        assert_eq!(told["queue_url"], heard.queue);
        let account = heard.estate.connection.credential.account();
        for (url, code) in [
            ("https://example.com/q", "invalid_queue_url"),
            ("https://sqs.eu-central-1.amazonaws.com/999988887777/q", "invalid_queue_url"),
            (&*format!("https://sqs.ap-south-1.amazonaws.com/{account}/q"), "invalid_queue_url"),
        ] {
            api.patch(&at, json!({ "queue_url": url })).await.refused(422, code);
        }
        api.patch(&at, json!({ "queue": 1 })).await.refused(422, "invalid_body");
        world.as_user("dee").patch(&at, json!({ "queue_url": "" })).await.refused(403, "forbidden");
        // Another connection may not take its messages.
        let other = connections::NewConnection {
            application: heard.estate.connection.application,
            name: "other".into(),
            credential: connections::NewCredential::Host { account: account.clone() },
            region: world.facts().region,
            iam: false,
            owners: Vec::new(),
        };
        let other = connections::create(&world.cx("cy"), other).await.expect("made");
        let theirs = format!("/api/v1/connections/{}/feeds", other.id);
        api.patch(&theirs, json!({ "queue_url": heard.queue })).await.refused(409, "queue_already_read");
        let told = api.patch(&at, json!({ "queue_url": "" })).await.ok();
        assert_eq!(told.get("queue_url"), None::<&Value>);
        api.patch(&theirs, json!({ "queue_url": heard.queue })).await.ok();
        let fresh = api.get(&format!("/api/v1/connections/{}/freshness", heard.estate.connection.id)).await.ok();
        assert_eq!(fresh.get("events"), None::<&Value>);
    }
);

both_engines!(World::builder();
    async fn who_is_active_comes_from_scim_where_the_identity_store_does_not_say(world) {
        world.sim().knobs(|knobs| knobs.omit_user_status = true);
        let heard = Heard::of(&world).await;
        let id = heard.estate.connection.id;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let sim = world.sim().clone();
        let served = tokio::spawn(async move { sim.serve(listener).await });
        let (token, secret) = world.sim().create_scim_token().expect("a token");
        let endpoint = format!("http://127.0.0.1:{port}/{}/scim/v2/", world.facts().scim_tenant_id);
        let change = FeedsChange {
            scim_endpoint: Some(endpoint),
            scim_token: Some(secret.into()),
            ..FeedsChange::default()
        };
        connections::set_feeds(&world.cx("cy"), id, change).await.expect("taken");
        let tested = async || {
            let tested = connections::test(&world.cx("cy"), id).await.expect("tested");
            let checks = tested.last_test.expect("a report").checks;
            let found = checks.into_iter().find(|it| it.name == "scim").expect("a row");
            (found.outcome, found.what)
        };
        assert_eq!(tested().await.0, connections::Outcome::Ok);

        // One user, asked for by itself.
        let user = heard.estate.user.clone();
        world.sim().disable_user(&user).expect("disabled");
        pass(&world, SOON).await;
        assert_eq!(heard.principal(&world, &user).await.expect("known").active, Some(false));

        // Everybody, since an event does not say who came; and those a list without cursors leaves out.
        for cursors in [true, false] {
            world.sim().knobs(|knobs| knobs.scim_cursors = cursors);
            let new = world.aws().new_user(if cursors { "nadja" } else { "otto" }).await;
            pass(&world, SOON).await;
            assert_eq!(heard.principal(&world, &new).await.expect("known").active, Some(true), "cursors: {cursors}");
            assert_eq!(heard.principal(&world, &user).await.expect("known").active, Some(false));
        }

        // A token that is good no more: the status stays, and somebody is told.
        world.sim().delete_scim_token(&token.id).expect("deleted");
        world.aws().new_user("paula").await;
        pass(&world, SOON).await;
        assert_eq!(heard.principal(&world, &user).await.expect("known").active, Some(false));
        let told = world.as_user("cy").get(&format!("/api/v1/connections/{id}/feeds")).await.ok();
        assert!(told["scim_error"].as_str().is_some_and(|why| why.contains("SCIM token")), "{told:#}");
        assert!(!told.to_string().contains("secret"), "{told:#}");
        let (outcome, what) = tested().await;
        assert!(outcome == connections::Outcome::Warning && what.contains("SCIM token"), "{what}");
        served.abort();
    }
);
