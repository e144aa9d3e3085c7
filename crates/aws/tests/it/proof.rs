//! The generated policies are sufficient and minimal.
//!
//! Everything the connector does is done with IAM enforced and exactly the generated policy: it
//! works. Then every (statement, action, resource pattern) is taken out, one at a time, and what is
//! done again meets a refusal of that very action.

use std::collections::BTreeSet;

use stint_aws::{
    Answer, AttemptKind, Estate, IamGroup, IamKnown, Lane, Members, PairKey, Polled, Queue, Reach,
};
use stint_aws_sim::{Answered, EstateSpec as SimEstate, Facts, Party};
use stint_domain::Span;
use stint_domain::entitlement::PrincipalKind;
use stint_iam_policy::{Features, IamScope, Own, Policy, UserLife, Weight};

use crate::world::World;

mod life;

use life::Member;

fn estate() -> SimEstate {
    SimEstate {
        seed: 7,
        accounts: 4,
        permission_sets: 4,
        users: 8,
        groups: 4,
        memberships: 4,
        assignments: 4,
        iam_users: 8,
        iam_groups: 6,
        iam_roles: 0,
        iam_memberships: 4,
    }
}

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Whose policy it is.
#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Role,
    User,
    /// The role in a member account, which the connector's own enters.
    Member,
}

struct Case {
    name: &'static str,
    whose: Whose,
    /// Made for the world they are for.
    features: fn(&World) -> Features,
}

fn center(world: &World) -> Features {
    Features {
        identity_center: true,
        own: Own::Role(world.facts.connector_role_arn.clone()),
        ..Features::of("aws", &world.facts.management_account)
    }
}

/// The connector's user, as the set-up writes it once the key has told who it is.
fn itself(world: &World, rotates: bool) -> Own {
    Own::User {
        arn: Some(world.facts.connector_user.arn.clone()),
        rotates,
    }
}

fn named(world: &World) -> IamScope {
    let group = |name: &str| {
        format!(
            "arn:aws:iam::{}:group/{name}",
            world.facts.management_account
        )
    };
    IamScope {
        user_path: "/people/".to_owned(),
        user_prefix: "ana".to_owned(),
        groups: vec![group("Developers"), group("Op*")],
        ..IamScope::everything()
    }
}

/// The queue of change events, before it is made.
fn queue_arn(world: &World) -> String {
    let Facts {
        region,
        management_account,
        ..
    } = &world.facts;
    format!("arn:aws:sqs:{region}:{management_account}:stint-changes")
}

/// The role in member accounts.
const MEMBER: &str = "StintMember";

const CASES: &[Case] = &[
    Case {
        name: "Identity Center",
        whose: Whose::Role,
        features: center,
    },
    Case {
        name: "Identity Center, faster",
        whose: Whose::Role,
        features: |world| Features {
            faster: true,
            ..center(world)
        },
    },
    Case {
        name: "with the management account",
        whose: Whose::Role,
        features: |world| Features {
            management_account: true,
            ..center(world)
        },
    },
    Case {
        name: "with IAM users and groups",
        whose: Whose::Role,
        features: |world| Features {
            iam: Some(IamScope::everything()),
            ..center(world)
        },
    },
    Case {
        name: "with named IAM groups and a prefix, encrypted",
        whose: Whose::Role,
        features: |world| Features {
            iam: Some(named(world)),
            kms_key: Some(KEY.to_owned()),
            ..center(world)
        },
    },
    Case {
        name: "with IAM roles, and IAM read in few calls",
        whose: Whose::Role,
        features: |world| Features {
            faster: true,
            iam: Some(IamScope::everything()),
            iam_roles: true,
            ..center(world)
        },
    },
    Case {
        name: "by access key, with everything",
        whose: Whose::User,
        features: |world| Features {
            faster: true,
            management_account: true,
            iam: Some(named(world)),
            iam_roles: true,
            own: itself(world, false),
            ..center(world)
        },
    },
    Case {
        name: "with the life of IAM users",
        whose: Whose::Role,
        features: |world| Features {
            iam: Some(IamScope::everything()),
            iam_user_life: Some(UserLife {
                boundary: Some(life::BOUNDARY.to_owned()),
            }),
            ..center(world)
        },
    },
    Case {
        name: "with change events",
        whose: Whose::Role,
        features: |world| Features {
            change_events: Some(queue_arn(world)),
            ..center(world)
        },
    },
    Case {
        name: "with member accounts",
        whose: Whose::Role,
        features: |world| Features {
            member_role: Some(MEMBER.to_owned()),
            ..center(world)
        },
    },
    Case {
        name: "inside a member account",
        whose: Whose::Member,
        features: |_| Features {
            faster: true,
            iam: Some(IamScope::everything()),
            iam_roles: true,
            ..Features::of("aws", "*")
        },
    },
    Case {
        name: "by access key, with a key that is rotated",
        whose: Whose::User,
        features: |world| Features {
            own: itself(world, true),
            ..center(world)
        },
    },
    Case {
        name: "with the tags of accounts",
        whose: Whose::Role,
        features: |world| Features {
            account_tags: true,
            ..center(world)
        },
    },
];

impl Case {
    /// Does everything with this policy; gives what AWS refused, and what became of it.
    async fn run(&self, policy: &Policy) -> Run {
        let world = World::of(estate());
        let features = (self.features)(&world);
        if features.kms_key.is_some() {
            world
                .sim
                .encrypt_identity_center(features.kms_key.as_deref());
        }
        let text = policy.to_text();
        let estate = world.estate(|s| {
            s.iam = features.iam.is_some();
            s.features = features.clone();
            s.members =
                (self.whose == Whose::Member || features.member_role.is_some()).then(|| Members {
                    role: MEMBER.to_owned(),
                    external_id: "stint-m".to_owned(),
                });
            if self.whose == Whose::User {
                s.reach = Reach::AccessKey(stint_aws::AccessKey {
                    id: world.facts.connector_user.access_key_id.clone(),
                    secret: world.facts.connector_user.secret_access_key.clone().into(),
                    account: world.facts.management_account.clone(),
                });
            }
        });
        let member = match estate.spec().members {
            Some(_) => Some(life::make_member(&world).await),
            None => None,
        };
        let arn = match (self.whose, &member) {
            (Whose::Member, Some(member)) => &member.role_arn,
            (Whose::User, _) => &world.facts.connector_user.arn,
            _ => &world.facts.connector_role_arn,
        };
        let put = match self.whose {
            Whose::User => world.sim.put_user_permissions(arn, &text),
            Whose::Role | Whose::Member => world.sim.put_role_permissions(arn, &text),
        };
        put.expect("AWS takes it");
        if self.whose == Whose::Member {
            // The connector itself may enter, and no more.
            let enters = Features {
                member_role: Some(MEMBER.to_owned()),
                ..Features::of("aws", &world.facts.management_account)
            };
            let own = &world.facts.connector_role_arn;
            let put = world
                .sim
                .put_role_permissions(own, &enters.policy().to_text());
            put.expect("AWS takes it");
        }
        let queue = match &features.change_events {
            Some(_) => Some(life::make_queue(&world).await),
            None => None,
        };
        let inline = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
        let put = world.onlooker_sso().put_inline_policy_to_permission_set();
        let put = put
            .instance_arn(&world.facts.instance_arn)
            .inline_policy(inline);
        let set = world.sim.permission_set_arn("prod-admin").expect("there");
        put.permission_set_arn(set).send().await.expect("put");
        let mark = world.mark();
        let mut all = Doing {
            world: &world,
            estate: &estate,
            features: &features,
            queue,
            member,
            failed: Vec::new(),
            tested: Vec::new(),
        };
        match self.whose {
            Whose::Member => all.inside().await,
            Whose::Role | Whose::User => all.everything().await,
        }
        let tested = all.tested;
        let mut refused = all.failed;
        let calls = world.sim.journal_since(mark);
        let calls: Vec<_> = calls
            .into_iter()
            .filter(|it| it.party == Party::Stint)
            .collect();
        for call in &calls {
            let Answered::Error { code, .. } = &call.answer else {
                continue;
            };
            // That the role asks for its External ID is looked at, and seen.
            if code.contains("AccessDenied") && call.operation != "sts:AssumeRole" {
                refused.push(call.operation.clone());
            }
        }
        Run { refused, tested }
    }
}

struct Run {
    /// What AWS refused to do.
    refused: Vec<String>,
    /// What the test of the connection says may not be done: no proof that anything needs it.
    tested: Vec<String>,
}

struct Doing<'a> {
    world: &'a World,
    estate: &'a Estate,
    features: &'a Features,
    queue: Option<Queue>,
    member: Option<Member>,
    failed: Vec<String>,
    tested: Vec<String>,
}

impl Doing<'_> {
    fn note<T>(&mut self, result: Result<T, stint_aws::AwsError>) -> Option<T> {
        result
            .map_err(|error| self.failed.push(error.to_string()))
            .ok()
    }

    async fn everything(&mut self) {
        let report = self.estate.test().await;
        for line in report.actions {
            if line.able != stint_aws::Able::Works {
                self.tested.push(format!("{} {:?}", line.action, line.note));
            }
        }
        self.reading().await;
        let (bo, ana) = (person(&self.world.facts.bo), person(&self.world.facts.ana));
        let user = self.world.assignment_of(&bo, "prod-admin", "prod-payments");
        let PairKey::Assignment {
            instance_arn,
            account,
            permission_set,
            ..
        } = &user
        else {
            panic!("an assignment");
        };
        let group = PairKey::Assignment {
            instance_arn: instance_arn.clone(),
            account: account.clone(),
            permission_set: permission_set.clone(),
            principal_kind: PrincipalKind::IdentityCenterGroup,
            principal_id: self.world.sim.group_id("platform").expect("there"),
        };
        for key in [user.clone(), group, self.world.membership()] {
            self.both_ways(&[key]).await;
        }
        let pending = self
            .estate
            .creations_in_progress(&user, Lane::Provision)
            .await;
        self.note(pending);
        if self.features.management_account {
            let of = |who: &str| {
                let mut key = self.world.assignment_of(who, "prod-admin", "prod-payments");
                if let PairKey::Assignment { account, .. } = &mut key {
                    account.clone_from(&self.world.facts.management_account);
                }
                key
            };
            self.both_ways(&[of(&ana), of(&bo)]).await;
        }
        if self.features.iam.is_some() {
            self.iam().await;
        }
        if self.features.iam_roles {
            self.iam_whole(self.estate).await;
        }
        if self.features.iam_user_life.is_some() {
            self.life_of_a_user().await;
        }
        if let Some(queue) = self.queue.clone() {
            self.change_events(&queue).await;
        }
        if let Some(member) = &self.member {
            let entered = self.estate.member(&member.account).expect("entered");
            let me = entered.identity().await;
            self.note(me);
        }
        if matches!(self.features.own, Own::User { rotates: true, .. }) {
            self.rotation().await;
        }
    }

    /// What is done in a member account.
    async fn inside(&mut self) {
        let member = self.member.clone().expect("a member account");
        let entered = self.estate.member(&member.account).expect("entered");
        self.iam_whole(&entered).await;
        self.both_ways(&[member.group]).await;
    }

    /// The IAM of an account as a sync reads it: of one of which nothing is known, and of one that
    /// is so large that few calls are the cheapest.
    async fn iam_whole(&mut self, of: &Estate) {
        let read = of.iam_reading(&IamKnown::default(), Lane::Sync).await;
        self.note(read);
        let counts = stint_domain::sync::iam::Counts {
            users: 1_200,
            groups: 150,
            roles: 40,
        };
        let known = IamKnown {
            counts: Some(counts),
            ..IamKnown::default()
        };
        let read = of.iam_reading(&known, Lane::Sync).await;
        self.note(read);
    }

    async fn reading(&mut self) {
        let lane = Lane::Sync;
        let Some(instance) = self.estate.instance().await.ok() else {
            let again = self.estate.instance().await;
            self.note(again);
            return;
        };
        let arn = &instance.instance_arn;
        let accounts = self.estate.accounts(None, lane).all().await;
        self.note(accounts);
        let sets = self.estate.permission_sets(arn, None, lane).all().await;
        if let Some(set) = self.note(sets).and_then(|it| it.first().cloned()) {
            let one = self.estate.permission_set(arn, &set, lane).await;
            self.note(one);
        }
        let account = self.world.sim.account_id("prod-payments").expect("there");
        let set = self
            .world
            .sim
            .permission_set_arn("prod-admin")
            .expect("there");
        let there = self
            .estate
            .provisioned_sets(arn, &account, None, lane)
            .all()
            .await;
        self.note(there);
        let rows = self
            .estate
            .assignments(arn, &account, &set, None, lane)
            .all()
            .await;
        self.note(rows);
        let store = &instance.identity_store_id;
        let users = self.estate.users(store, None, lane).all().await;
        self.note(users);
        let groups = self.estate.groups(store, None, lane).all().await;
        self.note(groups);
        let group = self.world.sim.group_id("platform").expect("there");
        let members = self
            .estate
            .memberships(store, &group, None, lane)
            .all()
            .await;
        self.note(members);
        if self.features.account_tags {
            let management = self.world.facts.management_account.clone();
            for of in [account.clone(), management] {
                let tags = self.estate.account_tags(&of, lane).await;
                self.note(tags);
            }
        }
        if self.features.faster {
            let places = self
                .estate
                .accounts_of_set(arn, &set, None, lane)
                .all()
                .await;
            self.note(places);
            let ana = person(&self.world.facts.ana);
            let of = self
                .estate
                .memberships_of(store, &ana, None, lane)
                .all()
                .await;
            self.note(of);
            let policies = self.estate.set_policies(arn, &set, lane).await;
            self.note(policies);
            let tree = self.estate.organization_tree(true, lane).await;
            self.note(tree);
        }
    }

    /// Gives all, looks, takes all.
    async fn both_ways(&mut self, keys: &[PairKey]) {
        for key in keys {
            let read = self.estate.read(key, Lane::Provision).await;
            self.note(read);
            let written = self
                .estate
                .create(key, self.world.now(), Lane::Provision)
                .await;
            self.followed(key, AttemptKind::Create, written.answer)
                .await;
        }
        for key in keys {
            let read = self.estate.read(key, Lane::Revoke).await;
            let id = self.note(read).and_then(|it| it.membership_id);
            let now = self.world.now();
            let written = self
                .estate
                .delete(key, id.as_deref(), now, Lane::Revoke)
                .await;
            self.followed(key, AttemptKind::Delete, written.answer)
                .await;
        }
    }

    async fn followed(&mut self, key: &PairKey, kind: AttemptKind, answer: Answer) {
        let request_id = match answer {
            Answer::Succeeded { .. } => return,
            Answer::Accepted { request_id } => request_id,
            other => {
                self.failed.push(format!("{other:?}"));
                return;
            }
        };
        for _ in 0..20 {
            let polled = self
                .estate
                .poll(key, kind, &request_id, Lane::Provision)
                .await;
            match self.note(polled).map(|it| it.state) {
                Some(Polled::InProgress) => self.world.advance(Span::seconds(1)),
                Some(Polled::Failed { reason, .. }) => {
                    self.failed.push(reason);
                    return;
                }
                Some(Polled::Succeeded) | None => {
                    self.world.advance(Span::seconds(5));
                    return;
                }
            }
        }
        self.failed.push("never finished".to_owned());
    }

    async fn iam(&mut self) {
        let lane = Lane::Sync;
        let users = self.estate.iam_users(None, lane).all().await;
        let users = self.note(users).unwrap_or_default();
        let groups = self.estate.iam_groups(None, lane).all().await;
        let groups: Vec<IamGroup> = self.note(groups).unwrap_or_default();
        if self.features.faster {
            let alias = self.estate.account_alias(lane).await;
            self.note(alias);
        }
        let Some(user) = users.iter().find(|it| it.name == "ana.moreno") else {
            return;
        };
        for name in ["Developers", "Operators"] {
            let Some(group) = groups.iter().find(|it| it.name == name) else {
                self.failed.push(format!("there is no IAM group {name}"));
                continue;
            };
            let members = self.estate.iam_members(group, None, lane).all().await;
            self.note(members);
            let key = PairKey::IamMembership {
                account: self.world.facts.management_account.clone(),
                group: group.id.clone(),
                group_name: group.name.clone(),
                user: user.id.clone(),
                user_name: user.name.clone(),
            };
            self.both_ways(&[key]).await;
        }
    }
}

fn person(of: &Option<stint_aws_sim::Person>) -> String {
    of.as_ref().expect("there").user_id.clone()
}

#[tokio::test]
async fn every_generated_policy_is_sufficient() {
    for case in CASES {
        let policy = (case.features)(&World::of(estate())).policy();
        let run = case.run(&policy).await;
        // What only makes it faster is tried, and done without.
        let mut features = (case.features)(&World::of(estate()));
        features.faster = true;
        let faster: Vec<String> = (features.parts().into_iter())
            .filter(|part| part.weight == Weight::Faster)
            .flat_map(|part| part.statement.actions.patterns)
            .collect();
        let mut refused = run.refused;
        refused.retain(|it| !faster.contains(it));
        assert_eq!(refused, [""; 0], "{}", case.name);
        assert_eq!(run.tested, [""; 0], "{}", case.name);
    }
}

/// One test for each case: every element that no earlier case has as well.
macro_rules! minimal {
    ($($name:ident $at:literal $least:literal),* $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            every_element_is_needed($at, $least).await;
        }
    )*};
}

minimal!(
    every_element_for_identity_center_is_needed 0 30,
    every_element_for_faster_reading_is_needed 1 1,
    every_element_for_the_management_account_is_needed 2 15,
    every_element_for_iam_users_and_groups_is_needed 3 6,
    every_element_for_named_groups_and_a_key_is_needed 4 5,
    every_element_for_iam_in_few_calls_is_needed 5 5,
    every_element_for_an_access_key_is_needed 6 3,
    every_element_for_the_life_of_iam_users_is_needed 7 20,
    every_element_for_change_events_is_needed 8 7,
    every_element_for_member_accounts_is_needed 9 1,
    every_element_inside_a_member_account_is_needed 10 4,
    every_element_for_rotating_a_key_is_needed 11 3,
    every_element_for_the_tags_of_accounts_is_needed 12 1,
);

async fn every_element_is_needed(at: usize, least: usize) {
    let world = World::of(estate());
    let elements = |policy: &Policy| -> Vec<(usize, [String; 3])> {
        let statements = policy.statements.iter().enumerate();
        let all = statements.flat_map(|(at, it)| {
            let resources = it.resources.as_ref().expect("resources");
            let pairs = it.actions.patterns.iter().flat_map(|action| {
                let resources = resources.patterns.iter();
                resources.map(move |resource| (action.clone(), resource.clone()))
            });
            pairs.map(move |(action, resource)| {
                (at, [it.sid.clone().unwrap_or_default(), action, resource])
            })
        });
        all.collect()
    };
    let before = CASES
        .iter()
        .take(at)
        .map(|case| (case.features)(&world).policy());
    let before: BTreeSet<[String; 3]> = before
        .flat_map(|policy| elements(&policy).into_iter().map(|(_, element)| element))
        .collect();
    let case = &CASES[at];
    let policy = (case.features)(&world).policy();
    let mut tried = 0;
    for (statement, element) in elements(&policy) {
        if before.contains(&element) {
            continue;
        }
        let [_, action, resource] = &element;
        let run = case
            .run(&lacking(&policy, statement, action, resource))
            .await;
        tried += 1;
        assert!(
            run.refused.iter().any(|it| it.contains(action.as_str())),
            "{}: {action} on {resource} is allowed for nothing; refused were {:?}",
            case.name,
            run.refused
        );
    }
    assert!(tried >= least, "{}: {tried}", case.name);
}

/// The policy without one action on one resource.
fn lacking(policy: &Policy, at: usize, action: &str, resource: &str) -> Policy {
    let mut without = policy.clone();
    let statement = &mut without.statements[at];
    statement.actions.patterns.retain(|it| it != action);
    let mut rest = policy.statements[at].clone();
    rest.sid = None;
    rest.actions.patterns = vec![action.to_owned()];
    let resources = rest.resources.as_mut().expect("resources");
    resources.patterns.retain(|it| it != resource);
    if !resources.patterns.is_empty() {
        without.statements.push(rest);
    }
    without
        .statements
        .retain(|it| !it.actions.patterns.is_empty());
    without
}
