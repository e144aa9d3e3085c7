//! Properties of the decision over all layers.

use proptest::prelude::*;
use stint_iam_policy::{
    Caller, Context, Identity, Layers, OrganizationLevel, Origin, Policy, Request, ResourceKind,
    ResourcePolicy, Source, Verdict, judge,
};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "999988887777";

/// Everything that may apply, as owned data.
#[derive(Debug, Clone)]
struct World {
    caller: Caller,
    identity: Vec<Policy>,
    boundary: Option<Policy>,
    session: Option<Vec<Policy>>,
    service_control: Vec<Vec<Policy>>,
    resource_control: Vec<Vec<Policy>>,
    resource: Option<(Policy, ResourceKind)>,
    foreign: bool,
    management: Option<&'static str>,
    service_linked: bool,
    action: &'static str,
    resource_arn: &'static str,
    context: Context,
}

impl World {
    fn judged(&self) -> Verdict {
        fn sources(policies: &[Policy]) -> Vec<Source<'_>> {
            policies
                .iter()
                .map(|policy| Source::of("p", Origin::None, policy))
                .collect()
        }
        fn levels(levels: &[Vec<Policy>]) -> Vec<OrganizationLevel<'_>> {
            levels
                .iter()
                .map(|policies| OrganizationLevel {
                    name: "level",
                    policies: sources(policies),
                })
                .collect()
        }
        let layers = Layers {
            identity: sources(&self.identity),
            boundary: self
                .boundary
                .as_ref()
                .map(|policy| Source::of("b", Origin::None, policy)),
            session: self.session.as_deref().map(sources),
            service_control: levels(&self.service_control),
            resource_control: levels(&self.resource_control),
            resource: self.resource.as_ref().map(|(policy, kind)| ResourcePolicy {
                source: Source::of("r", Origin::Resource, policy),
                kind: *kind,
            }),
            resource_account: self.foreign.then_some(OTHER),
            management_account: self.management,
            service_linked: self.service_linked,
        };
        judge(
            &layers,
            &Request {
                caller: &self.caller,
                action: self.action,
                resource: self.resource_arn,
                context: &self.context,
            },
        )
    }

    fn is_allowed(&self) -> bool {
        self.judged().is_allowed()
    }
}

fn statements(with_principal: bool) -> impl Strategy<Value = Policy> {
    let action = prop_oneof![
        Just("*"),
        Just("a:*"),
        Just("a:One"),
        Just("a:Two"),
        Just("b:*")
    ];
    let resource = prop_oneof![
        3 => Just("*"),
        1 => Just("arn:aws:a:::x"),
        1 => Just("arn:aws:a:::y"),
    ];
    let principal = prop_oneof![
        Just(r#""*""#),
        Just(r#"{"AWS":"111122223333"}"#),
        Just(r#"{"AWS":"arn:aws:iam::111122223333:user/ana"}"#),
        Just(r#"{"AWS":"arn:aws:iam::111122223333:role/ops"}"#),
        Just(r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/ops/ana"}"#),
        Just(r#"{"AWS":"arn:aws:sts::111122223333:federated-user/ana"}"#),
        Just(r#"{"AWS":"222222222222"}"#),
        Just(r#"{"Service":"a.amazonaws.com"}"#),
    ];
    let condition = prop_oneof![
        4 => Just(""),
        1 => Just(r#","Condition":{"StringEquals":{"k:a":"yes"}}"#),
        1 => Just(r#","Condition":{"StringNotEquals":{"k:a":"yes"}}"#),
    ];
    let statement = (prop::bool::weighted(0.85), action, resource, principal, condition).prop_map(
        move |(allow, action, resource, principal, condition)| {
            let effect = if allow { "Allow" } else { "Deny" };
            let who = if with_principal {
                format!(r#""Principal":{principal},"#)
            } else {
                String::new()
            };
            format!(
                r#"{{"Effect":"{effect}",{who}"Action":"{action}","Resource":"{resource}"{condition}}}"#
            )
        },
    );
    prop::collection::vec(statement, 1..4).prop_map(|all| read(&all.join(",")))
}

fn read(statements: &str) -> Policy {
    Policy::parse(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#
    ))
    .expect("a policy")
}

fn caller() -> impl Strategy<Value = Caller> {
    prop_oneof![
        Just(Identity::Root),
        Just(Identity::User {
            arn: "arn:aws:iam::111122223333:user/ana".to_owned()
        }),
        Just(Identity::Session {
            role: "arn:aws:iam::111122223333:role/ops".to_owned(),
            session: "arn:aws:sts::111122223333:assumed-role/ops/ana".to_owned()
        }),
        Just(Identity::FederatedUser {
            user: "arn:aws:iam::111122223333:user/ana".to_owned(),
            session: "arn:aws:sts::111122223333:federated-user/ana".to_owned()
        }),
        Just(Identity::Service {
            name: "a.amazonaws.com".to_owned()
        }),
    ]
    .prop_map(|identity| Caller {
        account: ACCOUNT.to_owned(),
        identity,
    })
}

fn world() -> impl Strategy<Value = World> {
    let own = || statements(false);
    let named = || statements(true);
    let kind = prop_oneof![
        3 => Just(ResourceKind::Ordinary),
        1 => Just(ResourceKind::Key),
        1 => Just(ResourceKind::Role),
    ];
    let policies = (
        prop::collection::vec(own(), 0..3),
        prop::option::weighted(0.3, own()),
        prop::option::weighted(0.4, prop::collection::vec(own(), 0..3)),
        prop::collection::vec(prop::collection::vec(own(), 1..3), 0..2),
        prop::collection::vec(prop::collection::vec(named(), 1..3), 0..2),
        prop::option::weighted(0.6, (named(), kind)),
    );
    let rest = (
        caller(),
        prop::bool::weighted(0.3),
        prop::option::weighted(0.3, prop_oneof![Just(ACCOUNT), Just(OTHER)]),
        prop::bool::weighted(0.1),
        prop_oneof![Just("a:One"), Just("a:Two"), Just("b:One")],
        prop_oneof![Just("arn:aws:a:::x"), Just("arn:aws:a:::y"), Just("*")],
        prop::option::of(prop_oneof![Just("yes"), Just("no")]),
    );
    (policies, rest).prop_map(|(policies, rest)| {
        let (identity, boundary, session, service_control, resource_control, resource) = policies;
        let (caller, foreign, management, service_linked, action, resource_arn, key) = rest;
        World {
            caller,
            identity,
            boundary,
            session,
            service_control,
            resource_control,
            resource,
            foreign,
            management,
            service_linked,
            action,
            resource_arn,
            context: Context::new().with_option("k:a", key),
        }
    })
}

fn deny_all(named: bool) -> Policy {
    read(if named {
        r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#
    } else {
        r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#
    })
}

/// A copy into which a change was made.
fn but(world: &World, change: impl FnOnce(&mut World)) -> World {
    let mut other = world.clone();
    change(&mut other);
    other
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_explicit_deny_always_wins(world in world(), place in 0..6_usize) {
        let of_account = !matches!(world.caller.identity, Identity::Service { .. });
        let exempt_here = world.management == Some(ACCOUNT) || world.service_linked;
        let owner = if world.foreign { OTHER } else { ACCOUNT };
        let exempt_there = world.management == Some(owner) || world.service_linked;
        let denied = but(&world, |world| match place {
            0 => world.identity.push(deny_all(false)),
            1 => world.boundary = Some(deny_all(false)),
            2 => world.session.get_or_insert_default().push(deny_all(false)),
            3 => world.service_control.push(vec![deny_all(false)]),
            4 => world.resource_control.push(vec![deny_all(true)]),
            _ => world.resource = Some((deny_all(true), ResourceKind::Ordinary)),
        });
        // Whom a layer does not concern, it does not deny.
        let concerned = match place {
            0..=2 => of_account,
            3 => of_account && !exempt_here,
            // A denied principal `*` means services too.
            4 => !exempt_there,
            _ => true,
        };
        if concerned {
            prop_assert!(denied.judged().is_explicit_deny(), "{}", denied.judged());
        } else {
            prop_assert_eq!(denied.judged().is_explicit_deny(), world.judged().is_explicit_deny());
        }
    }

    #[test]
    fn an_allow_more_never_removes_access(
        world in world(),
        own in statements(false),
        named in statements(true),
        place in 0..6_usize,
    ) {
        // Only its allows.
        let allows = |mut policy: Policy| {
            policy.statements.retain(|s| s.effect == stint_iam_policy::Effect::Allow);
            policy.statements
        };
        let more = but(&world, |world| {
            let own = allows(own);
            let named = allows(named);
            let add = |to: Option<&mut Policy>, what| if let Some(policy) = to {
                policy.statements.extend(what);
            };
            match place {
                0 => add(world.identity.first_mut(), own),
                1 => add(world.boundary.as_mut(), own),
                2 => add(world.session.as_mut().and_then(|all| all.first_mut()), own),
                3 => add(world.service_control.first_mut().and_then(|all| all.first_mut()), own),
                4 => add(world.resource_control.first_mut().and_then(|all| all.first_mut()), named),
                _ => add(world.resource.as_mut().map(|(policy, _)| policy), named),
            }
        });
        if world.is_allowed() {
            prop_assert!(more.is_allowed(), "{} → {}", world.judged(), more.judged());
        }
    }

    #[test]
    fn what_narrows_never_adds(
        world in world(),
        own in statements(false),
        named in statements(true),
        place in 0..4_usize,
    ) {
        let federated = matches!(world.caller.identity, Identity::FederatedUser { .. });
        // A federated session has nothing before it is given a session policy.
        prop_assume!(!(federated && place == 0 && world.session.is_none()));
        let narrowed = but(&world, |world| match place {
            0 => if world.session.is_none() { world.session = Some(vec![own]) } else { world.session = Some(Vec::new()) },
            1 => if world.boundary.is_none() { world.boundary = Some(own) },
            2 => world.service_control.push(vec![own]),
            _ => world.resource_control.push(vec![named]),
        });
        if narrowed.is_allowed() {
            prop_assert!(world.is_allowed(), "{} → {}", world.judged(), narrowed.judged());
        }
    }

    #[test]
    fn a_federated_session_has_no_more_than_its_user(mut world in world()) {
        let session = "arn:aws:sts::111122223333:federated-user/ana".to_owned();
        let user = "arn:aws:iam::111122223333:user/ana".to_owned();
        world.caller.identity = Identity::FederatedUser { user: user.clone(), session };
        // Without a policy that names the session itself; those of an organization name nobody
        // in AWS either.
        world.resource = None;
        world.resource_control.clear();
        let whole = but(&world, |world| {
            world.caller.identity = Identity::User { arn: user };
            world.session = None;
        });
        if world.is_allowed() {
            prop_assert!(whole.is_allowed());
        }
    }

    /// Every refusal says why in AWS's form, and no permission says anything.
    #[test]
    fn every_decision_has_its_reason(world in world()) {
        let verdict = world.judged();
        let message = verdict.message("arn:x", world.action, world.resource_arn);
        prop_assert_eq!(message.is_none(), verdict.is_allowed());
        prop_assert!(!verdict.to_string().is_empty());
        if let Some(message) = message {
            let explicit = message.contains("with an explicit deny in ");
            prop_assert_eq!(explicit, verdict.is_explicit_deny());
            prop_assert!(explicit || message.ends_with(" action"));
        }
    }
}
