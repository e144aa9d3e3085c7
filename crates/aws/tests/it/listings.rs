//! However the IAM of an account is listed, it is the same; and what AWS refuses, what moves
//! meanwhile and what fails are told apart.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use stint_aws::{ErrorKind, Estate, IamKnown, IamReading, Lane, Members};
use stint_aws_sim::{Effect, EstateSpec, Fault, Gate};
use stint_domain::Span;
use stint_domain::sync::iam::{Counts, Listing};

use crate::world::World;

const SYNC: Lane = Lane::Sync;
const LISTS: &[&str] = &["iam:ListUsers", "iam:ListGroups"];
const GAAD: &str = "iam:GetAccountAuthorizationDetails";

fn spec(seed: u64, users: u32, groups: u32, memberships: u32, roles: u32) -> EstateSpec {
    EstateSpec {
        seed,
        accounts: 4,
        permission_sets: 3,
        users: 8,
        groups: 2,
        memberships: 2,
        assignments: 2,
        iam_users: users,
        iam_groups: groups,
        iam_roles: roles,
        iam_memberships: memberships,
    }
}

/// Steps of a seeded row of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

/// A role of the estate's account that may do just this.
async fn limited(world: &World, name: &str, actions: &[&str]) -> Estate {
    let iam = world.onlooker_iam();
    let trust =
        stint_iam_policy::trust_policy(&world.facts.host.arn, &world.facts.connector_external_id);
    let made = iam
        .create_role()
        .role_name(name)
        .assume_role_policy_document(trust.to_text())
        .send()
        .await
        .unwrap();
    let may = serde_json::json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
    iam.put_role_policy()
        .role_name(name)
        .policy_name("may")
        .policy_document(may.to_string())
        .send()
        .await
        .unwrap();
    let arn = made.role().unwrap().arn().to_owned();
    world.role(&arn, &world.facts.connector_external_id)
}

/// What of a reading does not depend on how it was made.
#[derive(Debug, PartialEq, Eq)]
struct Same {
    users: BTreeMap<String, (String, String)>,
    groups: BTreeMap<String, String>,
    joined: BTreeSet<(String, String)>,
    roles: BTreeMap<String, (String, Option<i32>)>,
}

fn same(reading: &IamReading) -> Same {
    let all: BTreeSet<&String> = reading.groups.iter().map(|it| &it.what.id).collect();
    let whole: BTreeSet<&String> = reading.whole.keys().collect();
    assert_eq!(whole, all, "every group was read");
    assert!(reading.unread.is_empty());
    let users = reading.users.iter().map(|it| &it.what);
    let users = users.map(|it| (it.id.clone(), (it.name.clone(), it.path.clone())));
    let groups = reading.groups.iter().map(|it| &it.what);
    let joined = reading.joined.iter();
    let roles = reading.roles.iter().flat_map(|(roles, _)| roles);
    Same {
        users: users.collect(),
        groups: groups.map(|it| (it.id.clone(), it.name.clone())).collect(),
        joined: joined
            .map(|it| (it.group.clone(), it.user.clone()))
            .collect(),
        roles: roles
            .map(|it| {
                (
                    it.what.id.clone(),
                    (it.what.trust.clone(), it.what.max_session),
                )
            })
            .collect(),
    }
}

/// What a reading leaves for the next one to know.
fn known(reading: &IamReading) -> IamKnown {
    let groups = reading.groups.iter().map(|it| &it.what);
    let count = |n: usize| u64::try_from(n).unwrap();
    IamKnown {
        counts: Some(Counts {
            users: count(reading.users.len()),
            groups: count(reading.groups.len()),
            roles: reading.roles.as_ref().map_or(0, |it| count(it.0.len())),
        }),
        groups: groups.map(|it| (it.name.clone(), it.id.clone())).collect(),
        denied: reading.denied.iter().map(|it| (*it).to_owned()).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listing_of_random_estates_gives_the_same() {
    let mut dice = Dice(0x5eed_1234);
    let mut met: BTreeMap<&str, u32> = BTreeMap::new();
    for round in 0..12 {
        let (users, groups) = (dice.below(120) + 1, dice.below(40));
        let pairs = dice.below(users * groups.min(10) + 1);
        let n = |n: u64| u32::try_from(n).unwrap();
        let roles = n(dice.below(60));
        let estate = spec(round + 1, n(users), n(groups), n(pairs), roles);
        let world = World::of(estate);
        let mut answers = Vec::new();
        for (at, listings) in [
            vec!["iam:GetGroup"],
            vec!["iam:ListGroupsForUser"],
            vec![GAAD],
            vec!["iam:GetGroup", "iam:ListGroupsForUser", GAAD],
        ]
        .into_iter()
        .enumerate()
        {
            let mut actions = [LISTS, &["iam:ListRoles"], &listings[..]].concat();
            if dice.below(2) == 0 {
                actions.extend(["iam:GetCredentialReport", "iam:GenerateCredentialReport"]);
            }
            if dice.below(2) == 0 {
                actions.push("iam:ListAccountAliases");
            }
            let role = limited(&world, &format!("limited-{at}"), &actions).await;
            let first = role.iam_reading(&IamKnown::default(), SYNC).await.unwrap();
            let again = role.iam_reading(&known(&first), SYNC).await.unwrap();
            *met.entry(first.listing.as_str()).or_default() += 1;
            *met.entry(again.listing.as_str()).or_default() += 1;
            let (mut first, mut again) = (same(&first), same(&again));
            for read in [&mut first, &mut again] {
                // The roles made here are more with every one.
                read.roles
                    .retain(|_, (trust, _)| !trust.contains("sts:ExternalId"));
            }
            assert_eq!(first, again, "{users} users, {groups} groups, {actions:?}");
            answers.push(first);
        }
        for other in &answers[1..] {
            assert_eq!(&answers[0], other, "{users} users, {groups} groups");
        }
        assert_eq!(answers[0].joined.len(), usize::try_from(pairs).unwrap());
    }
    assert_eq!(met.len(), 3, "each listing was used: {met:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cheapest_is_taken_and_no_more_is_called_than_it_takes() {
    let world = World::of(spec(9, 1_200, 150, 3_000, 40));
    let role = limited(&world, "all", &["iam:*"]).await;
    let since = world.mark();
    let first = role.iam_reading(&IamKnown::default(), SYNC).await.unwrap();
    assert_eq!(first.listing, Listing::Details);
    let called = world.called(since);
    let count = |calls: &[String], name: &str| calls.iter().filter(|it| *it == name).count();
    assert_eq!(count(&called, "iam:ListUsers"), 2, "to know what is cheap");
    assert_eq!(count(&called, "iam:GetGroup"), 0);
    // 1 200 users and those an estate has anyway, 150 groups, 40 roles and two.
    assert_eq!(count(&called, GAAD), 10, "{called:?}");
    let since = world.mark();
    let again = role.iam_reading(&known(&first), SYNC).await.unwrap();
    assert_eq!(again.listing, Listing::Details);
    let called = world.called(since);
    assert_eq!(
        count(&called, "iam:ListUsers"),
        0,
        "the report tells who signed in"
    );
    assert_eq!(count(&called, GAAD), 10);
    assert_eq!(called.len(), 10 + 3, "and roles, report, alias: {called:?}");
    assert!(again.report.is_some());
    let roles = again.roles.unwrap().0;
    assert!(
        roles
            .iter()
            .all(|it| it.what.whole && it.what.max_session.is_some())
    );
    // Few groups: each is asked.
    let small = World::of(spec(9, 300, 2, 100, 0));
    let read = small.estate.iam_reading(&IamKnown::default(), SYNC).await;
    assert_eq!(read.unwrap().listing, Listing::ByGroup);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_asked_for_again_while_there_is_another_way() {
    let world = World::of(spec(3, 30, 12, 40, 5));
    let actions = [LISTS, &["iam:ListGroupsForUser"]].concat();
    let role = limited(&world, "source-0", &actions).await;
    let read = role.iam_reading(&IamKnown::default(), SYNC).await.unwrap();
    assert_eq!(read.listing, Listing::ByUser);
    assert!(read.report.is_none() && read.alias.is_none() && read.roles.is_none());
    let refused: Vec<_> = read.denied.iter().copied().collect();
    assert_eq!(
        refused,
        [
            GAAD,
            "iam:GetCredentialReport",
            "iam:GetGroup",
            "iam:ListAccountAliases",
            "iam:ListRoles"
        ]
    );
    let since = world.mark();
    let again = role.iam_reading(&known(&read), SYNC).await.unwrap();
    assert!(again.denied.is_empty());
    let called: BTreeSet<String> = world.called(since).into_iter().collect();
    let expected = actions.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(called, expected);
    // Nothing is permitted as far as is known: it is asked once more.
    let mut nothing = known(&read);
    nothing.denied.insert("iam:ListGroupsForUser".to_owned());
    let read = role.iam_reading(&nothing, SYNC).await.unwrap();
    assert_eq!(read.listing, Listing::ByUser);
    let none = limited(&world, "none", &["iam:ListAccountAliases"]).await;
    let error = none
        .iam_reading(&IamKnown::default(), SYNC)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(!error.ends_everything());
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_fail_are_no_reason_to_go_another_way() {
    for (action, code) in [
        ("iam:GetGroup", "InvalidClientTokenId"),
        ("iam:GetGroup", "ExpiredToken"),
        ("iam:GetGroup", "SignatureDoesNotMatch"),
        ("iam:GetCredentialReport", "InvalidClientTokenId"),
        ("iam:ListRoles", "ExpiredToken"),
    ] {
        let world = World::of(spec(3, 300, 3, 40, 5));
        let since = world.mark();
        let fault = Fault::on(action);
        world.sim.faults().add(fault, Effect::refuse(code));
        let read = world.estate.iam_reading(&IamKnown::default(), SYNC).await;
        let error = read.unwrap_err();
        assert!(error.ends_everything(), "{action} {code}: {error}");
        let called = world.called(since);
        assert!(!called.iter().any(|it| it == GAAD), "{called:?}");
    }
    // A failing page is no reason either, and nothing is half read.
    let world = World::of(spec(3, 300, 3, 40, 5));
    let broken = Fault::on("iam:GetGroup").from(2);
    world.sim.faults().add(broken, Effect::Broken);
    let read = world.estate.iam_reading(&IamKnown::default(), SYNC).await;
    assert_eq!(read.unwrap_err().kind, ErrorKind::Internal);
}

/// Begins a reading and stops it at the `nth` call of this operation.
async fn stopped_at(
    world: &World,
    estate: &Estate,
    known: &IamKnown,
    (operation, nth): (&str, u64),
) -> (Gate, tokio::task::JoinHandle<IamReading>) {
    let gate = Gate::new();
    let fault = Fault::on(operation).nth(nth);
    world.sim.faults().add(fault, Effect::Hold(gate.clone()));
    let (estate, known) = (estate.clone(), known.clone());
    let mut reading =
        tokio::spawn(async move { estate.iam_reading(&known, SYNC).await.expect("read") });
    tokio::select! {
        () = gate.arrived() => {}
        read = &mut reading => panic!("it never came there: {read:?}"),
    }
    (gate, reading)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_a_group_that_moves_meanwhile_is_taken_for_nobody() {
    // Users fill the first page of details, groups come on the second.
    let world = World::of(spec(4, 200, 30, 300, 0));
    let role = limited(
        &world,
        "details",
        &[GAAD, "iam:ListUsers", "iam:ListGroups"],
    )
    .await;
    let first = role.iam_reading(&IamKnown::default(), SYNC).await.unwrap();
    assert_eq!(first.listing, Listing::Details);
    let before = known(&first);
    let members = |read: &IamReading, group: &str| -> BTreeSet<String> {
        let joined = read.joined.iter().filter(|it| it.group == group);
        joined.map(|it| it.user.clone()).collect()
    };
    let group = first.groups.iter().map(|it| &it.what);
    let group = group
        .max_by_key(|it| members(&first, &it.id).len())
        .unwrap();
    let were = members(&first, &group.id);
    assert!(!were.is_empty());
    let at = (GAAD, 2);
    let (gate, reading) = stopped_at(&world, &role, &before, at).await;
    let iam = world.onlooker_iam();
    let away = iam.update_group().group_name(&group.name);
    away.new_group_name("elsewhere").send().await.unwrap();
    let other = iam.create_group().group_name(&group.name).send().await;
    let other = other.unwrap().group().unwrap().group_id().to_owned();
    gate.release();
    let read = reading.await.unwrap();
    assert!(
        members(&read, &other).is_empty(),
        "those are not the new group's members"
    );
    for id in [&other, &group.id] {
        assert!(!read.whole.contains_key(id), "nothing is known of who left");
    }
    // Who may ask the group itself knows at once.
    let able = limited(&world, "able", &["iam:*"]).await;
    let read = able.iam_reading(&before, SYNC).await.unwrap();
    assert_eq!(read.listing, Listing::Details);
    assert_eq!(members(&read, &group.id), were);
    assert!(members(&read, &other).is_empty());
    assert_eq!(read.whole.len(), read.groups.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_a_user_that_moves_meanwhile_is_taken_for_nobody() {
    let world = World::of(spec(4, 20, 6, 40, 0));
    let actions = [LISTS, &["iam:ListGroupsForUser"]].concat();
    let role = limited(&world, "by-user", &actions).await;
    let first = role.iam_reading(&IamKnown::default(), SYNC).await.unwrap();
    let joined: HashMap<&str, usize> = first.joined.iter().fold(HashMap::new(), |mut all, it| {
        *all.entry(it.user.as_str()).or_default() += 1;
        all
    });
    let users = first.users.iter().map(|it| &it.what);
    let user = users.max_by_key(|it| joined.get(it.id.as_str())).unwrap();
    let (gate, reading) =
        stopped_at(&world, &role, &known(&first), ("iam:ListGroupsForUser", 1)).await;
    let iam = world.onlooker_iam();
    let away = iam.update_user().user_name(&user.name);
    away.new_user_name("elsewhere").send().await.unwrap();
    iam.create_user()
        .user_name(&user.name)
        .send()
        .await
        .unwrap();
    gate.release();
    let read = reading.await.unwrap();
    assert!(read.unread.contains(&user.id));
    assert!(!read.joined.iter().any(|it| it.user == user.id));
    let all = read.joined.len() + joined[user.id.as_str()];
    assert_eq!(all, first.joined.len(), "everybody else is read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_goes_meanwhile_is_left_for_the_next_time() {
    let world = World::of(spec(4, 700, 3, 40, 0));
    let estate = &world.estate;
    let first = estate
        .iam_reading(&IamKnown::default(), SYNC)
        .await
        .unwrap();
    assert_eq!(first.listing, Listing::ByGroup);
    let (gate, reading) = stopped_at(&world, estate, &known(&first), ("iam:GetGroup", 1)).await;
    let name = &first.groups[2].what.name;
    let iam = world.onlooker_iam();
    let away = iam.update_group().group_name(name);
    away.new_group_name("elsewhere").send().await.unwrap();
    gate.release();
    let read = reading.await.unwrap();
    assert!(!read.whole.contains_key(&first.groups[2].what.id));
    assert_eq!(read.whole.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_waited_for_used_for_four_hours_and_made_anew() {
    let world = World::of(spec(4, 30, 2, 10, 0));
    world.knobs(|knobs| {
        knobs.settle.polls = 3;
        knobs.settle.micros = 3_600_000_000;
    });
    let iam = world.onlooker_iam();
    let ana = iam.get_user().user_name("ana.moreno").send().await.unwrap();
    let ana = ana.user().unwrap().user_id().to_owned();
    iam.create_access_key()
        .user_name("ana.moreno")
        .send()
        .await
        .unwrap();
    let role = limited(&world, "all", &["iam:*"]).await;
    let reports = |from: u64| -> Vec<String> {
        let called = world.called(from).into_iter();
        called.filter(|it| it.contains("Report")).collect()
    };
    let since = world.mark();
    let read = role.iam_reading(&IamKnown::default(), SYNC).await.unwrap();
    let report = read.report.clone().expect("waited for");
    assert_eq!(
        reports(since)[..2],
        ["iam:GetCredentialReport", "iam:GenerateCredentialReport"]
    );
    let line = report
        .users
        .iter()
        .find(|it| it.name == "ana.moreno")
        .unwrap();
    let user = read
        .users
        .iter()
        .map(|it| &it.what)
        .find(|it| it.id == ana)
        .unwrap();
    assert_eq!(
        line.made_at.micros() / 1_000_000,
        user.made_at.micros() / 1_000_000
    );
    assert_eq!(
        (line.keys.len(), line.keys[0].active, line.mfa),
        (1, true, false)
    );
    assert!(report.root.is_some());
    world.advance(Span::hours(3));
    let since = world.mark();
    let again = role.iam_reading(&known(&read), SYNC).await.unwrap();
    assert_eq!(again.report.unwrap().made_at, report.made_at);
    assert_eq!(reports(since), ["iam:GetCredentialReport"]);
    world.advance(Span::hours(2));
    let anew = role.iam_reading(&known(&read), SYNC).await.unwrap();
    assert!(anew.report.unwrap().made_at > report.made_at);
}

/// A new account, and an administrator's IAM in it.
async fn account(world: &World, name: &str) -> (String, aws_sdk_iam::Client) {
    let organizations = aws_sdk_organizations::Client::new(&world.onlooker());
    let email = format!("{name}@acme.example");
    let asked = organizations
        .create_account()
        .account_name(name)
        .email(email);
    let asked = asked.send().await.unwrap();
    let request = asked
        .create_account_status()
        .unwrap()
        .id()
        .unwrap()
        .to_owned();
    let id = loop {
        let status = organizations.describe_create_account_status();
        let status = status
            .create_account_request_id(&request)
            .send()
            .await
            .unwrap();
        match status.create_account_status().unwrap().account_id() {
            Some(id) => break id.to_owned(),
            None => world.advance(Span::seconds(1)),
        }
    };
    let role = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
    let inside = aws_sdk_sts::Client::new(&world.onlooker()).assume_role();
    let inside = inside
        .role_arn(role)
        .role_session_name("admin")
        .send()
        .await
        .unwrap();
    let keys = inside.credentials().unwrap();
    let keys = aws_credential_types::Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        None,
        "onlooker",
    );
    (id, aws_sdk_iam::Client::new(&world.onlooker_with(keys)))
}

/// Lets Stint's role into an account, by this External ID.
async fn let_in(world: &World, inside: &aws_sdk_iam::Client, external_id: &str) {
    let trust = stint_iam_policy::trust_policy(&world.facts.connector_role_arn, external_id);
    let role = inside.create_role().role_name("StintMember");
    let role = role.assume_role_policy_document(trust.to_text());
    role.send().await.unwrap();
    let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#;
    let policy = inside.put_role_policy().role_name("StintMember");
    let policy = policy.policy_name("may").policy_document(may);
    policy.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_account_is_entered_by_its_own_role_and_external_id() {
    let world = World::of(spec(4, 5, 2, 4, 0));
    let iam = world.onlooker_iam();
    let policy = iam.put_role_policy().role_name("StintConnector");
    let policy = policy.policy_name("members").policy_document(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/StintMember"}]}"#,
    );
    policy.send().await.unwrap();
    let members = Members {
        role: "StintMember".to_owned(),
        external_id: "stint-m".to_owned(),
    };
    let estate = world.estate(|spec| spec.members = Some(members.clone()));
    let (one, inside) = account(&world, "one").await;
    let_in(&world, &inside, &members.external_id_of(&one)).await;
    inside.create_user().user_name("zoe").send().await.unwrap();
    inside
        .create_group()
        .group_name("ops")
        .send()
        .await
        .unwrap();
    let add = inside
        .add_user_to_group()
        .user_name("zoe")
        .group_name("ops");
    add.send().await.unwrap();
    let member = estate.member(&one).expect("members are its business");
    assert_eq!(member.account(SYNC).await.unwrap(), one);
    let read = member
        .iam_reading(&IamKnown::default(), SYNC)
        .await
        .unwrap();
    assert_eq!(read.joined.len(), 1);
    assert!(
        world.estate.member(&one).is_none(),
        "not where nobody said so"
    );
    // The role of another account, with the External ID of the first.
    let (two, elsewhere) = account(&world, "two").await;
    let_in(&world, &elsewhere, &members.external_id_of(&one)).await;
    let error = estate
        .member(&two)
        .unwrap()
        .iam_reading(&IamKnown::default(), SYNC)
        .await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.member(), error.kind),
        (Some(two.as_str()), ErrorKind::Credentials)
    );
    assert_eq!(error.cause().unwrap().kind, ErrorKind::Denied);
    assert!(
        !error.ends_everything(),
        "it is that account's refusal only"
    );
    // What fails of the estate's own credentials is no account's refusal.
    estate.forget_member(&one);
    let stale = world.estate(|spec| {
        spec.members = Some(members.clone());
        spec.session_name = "another".to_owned();
        spec.reach = stint_aws::Reach::Role {
            role_arn: world.facts.connector_role_arn.clone(),
            external_id: "wrong".to_owned(),
        };
    });
    let error = stale
        .member(&one)
        .unwrap()
        .iam_reading(&IamKnown::default(), SYNC)
        .await;
    let error = error.unwrap_err();
    assert_eq!((error.member(), error.kind), (None, ErrorKind::Credentials));
    assert!(error.ends_everything());
}
