//! What rules cost, of `bench policy`, with 10,000 users and 50,000 entitlements:
//!
//! - `evaluate_us`: which of 16 rules applies to a question, from plain facts to the answer; beside what
//!   Cedar alone takes for the same conditions over the same entities;
//! - `check_ms`: what is checked when such a policy is saved;
//! - `explain_ms`: who would have to approve, before somebody asks; with approvers in groups, and with
//!   approvers of whom a condition is true, which is asked of everybody;
//! - `replay_100k_s`: a draft held against 100,000 requests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use stint_db::{Val, args};
use stint_domain::condition::{Circumstances, Condition, Person, Scene, Thing};
use stint_domain::entitlement::EntitlementKey;
use stint_domain::policy::{Approvers, Chooser, PolicyBody, Route, Rule, Step};
use stint_domain::{
    ApplicationId, ConnectionId, EntitlementId, GroupId, PolicyVersionId, PrincipalId, RequestId,
    Span, UserId,
};
use stint_server::catalog::{self, ContentRule, DefaultTerms, NewCatalog, Rules};
use stint_server::requests::replay;
use stint_server::requests::{self, Probe};
use stint_server::{identity, policies};
use stint_testkit::{Engine, World};
use uuid::Uuid;

use crate::as_of::Dice;
use crate::policy::{id, millis, p95, thing, write};
use crate::said::{Said, now};

const USERS: u64 = 10_000;
const RULES: usize = 16;
const QUESTIONS: usize = 2_000;
const LOOKS: usize = 100;
const REQUESTS: u64 = 100_000;

stint_db::statements! {
    quiet PEOPLE = "insert into users (id, name, email, email_key, search_text, department, title, active, created_at, version) \
        select r.id, r.name, r.name || '@acme.example', r.name || '@acme.example', r.name, r.department, r.title, true, $2, 1 \
        from {rows $1 id:uuid name:text department:text title:text} r";
    quiet MANAGERS = "update users set manager_id = $1 where department is not null and id <> $1";
    quiet MEMBERS = "insert into group_members (group_id, user_id, added_at) select $2, r.id, $3 from {rows $1 id:uuid} r";
    quiet HOLDER = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, first_seen, last_seen) \
        values ($1, $2, 'identity_center_user', 'bench-holder', 'bench-holder', 'bench-holder', $3, $3)";
    quiet ASKED = "insert into requests (id, requester_id, beneficiary_id, connection_id, principal_id, principal_kind, \
            entitlement_id, policy_version_id, reason, search_key, duration, via, submitted_at, state, carried, late, reminded, \
            closed_at, closed_by, emergency, conflicts, others, version) \
        select r.id, r.who, r.who, $2, $3, 'identity_center_user', r.what, $4, 'bench', 'bench', r.length, 'page', r.moment, \
            'cancelled', 0, false, false, r.moment, r.who, false, '[]', '[]', 1 \
        from {rows $1 id:uuid who:uuid what:uuid length:int moment:int} r";
    quiet ANALYZE_RULES = "analyze";
}

fn person(n: u64) -> UserId {
    UserId(id(7, n))
}

fn department(n: u64) -> String {
    format!("Dep{:02}", n % 20)
}

/// Sixteen that are read to their end by most questions: what a company writes over the years.
fn conditions() -> Vec<String> {
    let rule = |n: usize| match n % 4 {
        0 => format!(
            "principal has department && principal.department == \"Dep{:02}\" && context.minutes <= {}",
            n + 40,
            30 + n
        ),
        1 => format!(
            "resource has account && resource.account in OrganizationalUnit::\"ou-{:02}\" && context.hour >= 22",
            n % 10
        ),
        2 => format!(
            "resource has permission_set && resource.permission_set like \"*Admin{n}*\" && !context.for_group"
        ),
        _ => format!(
            "principal has manager && principal.manager has title && principal.manager.title == \"Director {n}\""
        ),
    };
    let mut all: Vec<String> = (0..RULES - 1).map(rule).collect();
    all.push("context.minutes <= 60".to_owned());
    all
}

fn step(approvers: Approvers) -> Step {
    Step::new("Approvers", approvers, 2)
}

fn body(approvers: Approvers, shortest: bool) -> PolicyBody {
    let steps = Route::Steps(vec![step(approvers)]);
    let rules = conditions().into_iter().enumerate();
    let rules = rules.map(|(n, when)| Rule {
        name: format!("Rule {n}"),
        when: Condition::new(&when),
        // The draft asks more people of short ones.
        route: match shortest && n + 1 == RULES {
            true => Route::AutoApprove,
            false => steps.clone(),
        },
        max_duration: None,
        until_revoked: None,
        reason: None,
        ticket: None,
        step_up: None,
    });
    PolicyBody {
        rules: rules.collect(),
        ..PolicyBody::new(steps, Span::hours(8))
    }
}

/// Facts of a question, all made from numbers.
struct Facts {
    people: Vec<Person>,
    things: Vec<Thing>,
}

impl Facts {
    fn new() -> Self {
        let person = |n: u64| Person {
            id: person(n),
            name: format!("person-{n:05}"),
            email: format!("person-{n:05}@acme.example"),
            department: Some(department(n)),
            title: Some(format!("Title {}", n % 7)),
            manager: (n > 0).then(|| person(n / 10)),
            groups: (0..5).map(|g| GroupId(id(11, (n + g) % 50))).collect(),
        };
        let thing = |n: u64| Thing {
            id: EntitlementId(id(3, n)),
            name: format!("set{:02} on team-{:04}", n % 50, n / 50),
            key: EntitlementKey::AccountAssignment {
                account: format!("{:012}", 200_000_000_000 + n / 50),
                permission_set: format!("arn:aws:sso:::permissionSet/bench-{}", n % 50),
            },
            account_name: Some(format!("team-{:04}", n / 50)),
            path: vec![
                "r-bench".into(),
                "ou-all".into(),
                format!("ou-{:02}", n % 10),
            ],
            lost: false,
            tags: Some([("env".to_owned(), "prod".to_owned())].into()),
            permission_set: Some(format!("Set{:02}", n % 50)),
            group: None,
            application: ApplicationId(id(12, 1)),
            application_name: "AWS".to_owned(),
            connection: "prod".to_owned(),
        };
        Self {
            people: (0..USERS).map(person).collect(),
            things: (0..1_000).map(thing).collect(),
        }
    }

    /// Which rule applies, by what Stint asks.
    fn ours(&self, chooser: &Chooser, who: usize, what: usize, minutes: i64) -> Option<usize> {
        let requester = &self.people[who];
        let manager = &self.people[who / 10];
        let how = Circumstances {
            duration: Span::minutes(minutes),
            start: None,
            for_group: false,
            now: "2027-03-29T06:30:00Z".parse().expect("a time"),
            zone: "UTC".to_owned(),
        };
        let others = std::slice::from_ref(manager);
        let scene = Scene::new(requester, requester, others, &self.things[what], &how);
        chooser.choose(&scene.expect("one world")).expect("told")
    }

    /// The same by Cedar alone: the same entities and attributes, no more.
    fn bare(&self, sets: &[PolicySet], who: usize, what: usize, minutes: i64) -> Option<usize> {
        let thing = &self.things[what];
        let mut entities = Vec::new();
        let users: BTreeSet<usize> = [who, who / 10].into();
        for user in users {
            entities.push(bare_person(&self.people[user]));
        }
        let mut above: HashSet<EntityUid> = HashSet::new();
        for unit in &thing.path {
            let unit = uid("OrganizationalUnit", unit);
            let parents = std::mem::replace(&mut above, HashSet::from([unit.clone()]));
            entities.push(Entity::new(unit, HashMap::new(), parents).expect("a unit"));
        }
        let EntitlementKey::AccountAssignment { account, .. } = &thing.key else {
            unreachable!("all are assignments")
        };
        let account = uid("Account", account);
        let named = |name: &str| HashMap::from([("name".to_owned(), text(name))]);
        let name = thing.account_name.as_deref().unwrap_or_default();
        entities.push(Entity::new(account.clone(), named(name), above).expect("an account"));
        let application = uid("Application", &thing.application.to_string());
        let known = named(&thing.application_name);
        entities.push(Entity::new(application.clone(), known, HashSet::new()).expect("one"));
        let attributes = HashMap::from([
            ("name".to_owned(), text(&thing.name)),
            ("kind".to_owned(), text("account_assignment")),
            ("application".to_owned(), text(&thing.application_name)),
            ("connection".to_owned(), text(&thing.connection)),
            (
                "permission_set".to_owned(),
                text(thing.permission_set.as_deref().unwrap_or_default()),
            ),
            (
                "account".to_owned(),
                RestrictedExpression::new_entity_uid(account),
            ),
        ]);
        let resource = uid("Entitlement", &thing.id.to_string());
        let held = Entity::new(resource.clone(), attributes, HashSet::from([application]));
        entities.push(held.expect("an entitlement"));
        let entities = Entities::from_entities(entities, None).expect("one world");
        let principal = uid("User", &self.people[who].id.to_string());
        let moment = "2027-03-29T06:30:00.000Z";
        let user = || RestrictedExpression::new_entity_uid(principal.clone());
        let context = Context::from_pairs([
            ("requester".to_owned(), user()),
            ("beneficiary".to_owned(), user()),
            (
                "minutes".to_owned(),
                RestrictedExpression::new_long(minutes),
            ),
            ("hour".to_owned(), RestrictedExpression::new_long(6)),
            ("weekday".to_owned(), text("monday")),
            (
                "for_group".to_owned(),
                RestrictedExpression::new_bool(false),
            ),
            ("now".to_owned(), RestrictedExpression::new_datetime(moment)),
            (
                "start".to_owned(),
                RestrictedExpression::new_datetime(moment),
            ),
        ]);
        let action = uid("Action", "ask");
        let context = context.expect("a context");
        let request = Request::new(principal.clone(), action, resource, context, None);
        let request = request.expect("a question");
        let authorizer = Authorizer::new();
        let allows = |set: &PolicySet| {
            authorizer
                .is_authorized(&request, set, &entities)
                .decision()
                == Decision::Allow
        };
        sets.iter().position(allows)
    }
}

fn uid(kind: &str, name: &str) -> EntityUid {
    let kind = kind.parse().expect("a name");
    EntityUid::from_type_name_and_id(kind, cedar_policy::EntityId::new(name))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn bare_person(it: &Person) -> Entity {
    let mut attributes = HashMap::from([
        ("name".to_owned(), text(&it.name)),
        ("email".to_owned(), text(&it.email)),
    ]);
    for (name, value) in [("department", &it.department), ("title", &it.title)] {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), text(value));
        }
    }
    if let Some(manager) = it.manager {
        let manager = RestrictedExpression::new_entity_uid(uid("User", &manager.to_string()));
        attributes.insert("manager".to_owned(), manager);
    }
    let groups = it
        .groups
        .iter()
        .map(|group| uid("Group", &group.to_string()));
    Entity::new(
        uid("User", &it.id.to_string()),
        attributes,
        groups.collect(),
    )
    .expect("a person")
}

/// Nothing of a database: on whichever engine, once.
pub(crate) fn evaluate() {
    let facts = Facts::new();
    let chooser = Chooser::of(&body(Approvers::default(), false)).expect("sound");
    let head = "permit(principal, action == Action::\"ask\", resource) when { ";
    let sets: Vec<PolicySet> = (conditions().iter())
        .map(|text| format!("{head}{text} }};").parse().expect("a policy"))
        .collect();
    let mut dice = Dice(7);
    let mut below = |most: u64| usize::try_from(dice.below(most)).unwrap();
    let asked: Vec<(usize, usize, i64)> = (0..QUESTIONS)
        .map(|n| {
            (
                below(USERS),
                below(1_000),
                if n % 3 == 0 { 45 } else { 240 },
            )
        })
        .collect();
    let mut times = BTreeMap::from([("ours", f64::MAX), ("bare", f64::MAX)]);
    // The best of some turns of each, one after the other: what else the machine does counts less.
    for _ in 0..5 {
        let began = now();
        let ours: Vec<_> = (asked.iter())
            .map(|(who, what, minutes)| facts.ours(&chooser, *who, *what, *minutes))
            .collect();
        let took = millis(began) * 1_000.0 / QUESTIONS as f64;
        times
            .entry("ours")
            .and_modify(|best| *best = best.min(took));
        let began = now();
        let bare: Vec<_> = (asked.iter())
            .map(|(who, what, minutes)| facts.bare(&sets, *who, *what, *minutes))
            .collect();
        let took = millis(began) * 1_000.0 / QUESTIONS as f64;
        times
            .entry("bare")
            .and_modify(|best| *best = best.min(took));
        assert_eq!(ours, bare, "both say the same");
        assert!(ours.contains(&Some(RULES - 1)) && ours.contains(&None));
    }
    let said = Said {
        bench: "policy",
        case: format!("{RULES} rules, {USERS} users"),
    };
    said.figure("evaluate_us", times["ours"], "us", 1.5 * times["bare"]);
}

async fn people(world: &World) {
    let rows: Vec<_> = (0..USERS)
        .map(|n| {
            let title = format!("Title {}", n % 7);
            args![person(n), format!("person-{n:05}"), department(n), title]
        })
        .collect();
    for chunk in rows.chunks(1_000) {
        let rows = Val::rows(chunk.to_vec());
        write(world, &PEOPLE, args![rows, world.now()]).await;
    }
    write(world, &MANAGERS, args![person(0)]).await;
}

/// A group of two hundred of them.
async fn approvers(world: &World) -> GroupId {
    let new = identity::NewGroup {
        name: "Approvers".to_owned(),
        description: String::new(),
    };
    let made = identity::create_group(&world.cx("cy"), new).await;
    let group = made.expect("a group").id;
    let rows = Val::rows((100..300).map(|n| args![person(n)]));
    write(world, &MEMBERS, args![rows, group, world.now()]).await;
    group
}

/// `connection` holds the 50,000 things of the other figures.
pub(crate) async fn measure(engine: Engine, world: &World, connection: ConnectionId) {
    people(world).await;
    let group = approvers(world).await;
    write(world, &ANALYZE_RULES, args![]).await;
    let said = Said {
        bench: "policy",
        case: format!("{}, {RULES} rules, {USERS} users", engine.as_str()),
    };
    let of_group = Approvers {
        groups: [group].into(),
        ..Approvers::default()
    };
    let who = "principal has department && principal.department == \"Dep07\" && principal != context.requester";
    let of_condition = Approvers {
        who: Some(Condition::new(who)),
        ..Approvers::default()
    };
    let cy = world.cx("cy");
    let mut checks = Vec::new();
    for approvers in [&of_group, &of_condition] {
        for _ in 0..10 {
            let new = policies::NewVersion {
                body: body(approvers.clone(), true),
                note: String::new(),
            };
            let mut q = world.app().db.reader().await.expect("a reader");
            let began = now();
            policies::check(&mut q, None, &new).await.expect("sound");
            checks.push(millis(began));
        }
    }
    said.figure("check_ms", p95(&mut checks), "ms", 2_000.0);
    let mut version: Option<(stint_domain::PolicyId, PolicyVersionId)> = None;
    for (name, approvers, rank) in [
        ("groups", of_group.clone(), 10),
        ("condition", of_condition, 9),
    ] {
        let new = policies::NewPolicy {
            name: format!("Bench {name}"),
            first: policies::NewVersion {
                body: body(approvers, false),
                note: String::new(),
            },
        };
        let policy = policies::create(&cy, new).await.expect("a policy");
        version = version.or(Some((policy.id, policy.latest.id)));
        let rules = Rules {
            contents: vec![ContentRule {
                name: "all".to_owned(),
                when: Condition::new("true"),
            }],
            audience_when: Some(Condition::new("principal.email like \"*@*\"")),
            terms: Some(DefaultTerms {
                policy: policy.id,
                max_duration: None,
                until_revoked: false,
            }),
            rank,
        };
        let new = NewCatalog {
            name: format!("Bench {name}"),
            rules,
            ..NewCatalog::default()
        };
        catalog::create(&cy, new).await.expect("a catalog");
        let cx = world.cx("ana");
        let mut looks = Vec::with_capacity(LOOKS);
        for n in 0..LOOKS as u64 {
            let probe = Probe {
                entitlement: thing(n * 7 % 1_000, n % 50),
                duration: Some(Span::hours(2)),
                reason: None,
                ticket: None,
                beneficiary: None,
                start: None,
                principal: None,
                emergency: false,
                until_revoked: false,
            };
            let began = now();
            let found = requests::preview(&cx, probe).await.expect("a preview");
            looks.push(millis(began));
            assert!(found.steps[0].approvers.len() >= 200);
        }
        let said = Said {
            bench: "policy",
            case: format!("{}, {USERS} users, approvers by {name}", engine.as_str()),
        };
        said.figure("explain_ms", p95(&mut looks), "ms", 50.0);
    }
    let (policy, version) = version.expect("made");
    asked(world, connection, version).await;
    let draft = body(of_group, true);
    let began = now();
    let found = replay::replay(&cy, policy, draft, 30)
        .await
        .expect("a replay");
    let took = began.elapsed().as_secs_f64();
    assert_eq!(found.requests as u64, REQUESTS, "all of them");
    assert!(found.changed > 0 && found.same > 0, "{found:?}");
    said.figure("replay_100k_s", took, "s", 10.0);
}

/// A hundred thousand requests of the last weeks.
async fn asked(world: &World, connection: ConnectionId, version: PolicyVersionId) {
    let holder = PrincipalId(id(13, 1));
    write(world, &HOLDER, args![holder, connection, world.now()]).await;
    let mut dice = Dice(11);
    let start = world.now() - Span::hours(24 * 20);
    let mut rows = Vec::with_capacity(1_000);
    for n in 0..REQUESTS {
        let at = start + Span::seconds(i64::try_from(n * 10).unwrap());
        let millis = u128::try_from(at.micros() / 1_000).unwrap();
        // As ids are: by when they were given.
        let id = Uuid::from_u128((millis << 80) | (7 << 76) | (2 << 62) | u128::from(n));
        let length = Span::minutes(if dice.below(3) == 0 { 45 } else { 240 });
        let who = person(dice.below(USERS));
        let what = thing(dice.below(1_000), dice.below(50));
        rows.push(args![RequestId(id), who, what, length, at]);
        if rows.len() == 1_000 {
            let rows = Val::rows(std::mem::take(&mut rows));
            write(world, &ASKED, args![rows, connection, holder, version]).await;
        }
    }
    write(world, &ANALYZE_RULES, args![]).await;
}
