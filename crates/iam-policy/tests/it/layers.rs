//! Several policies at once: who has to allow, and what the answer names.

use stint_iam_policy::{
    Because, Caller, Context, Identity, Layer, Layers, OrganizationLevel, Origin, Policy, Request,
    ResourceKind, ResourcePolicy, Source, Verdict, judge, judge_all,
};

pub(crate) const ACCOUNT: &str = "111122223333";
const OTHER: &str = "999988887777";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:changes";
const USER: &str = "arn:aws:iam::111122223333:user/ana";
const ROLE: &str = "arn:aws:iam::111122223333:role/ops";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/ops/ana";
const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/ana";

pub(crate) fn caller(identity: Identity) -> Caller {
    Caller {
        account: ACCOUNT.to_owned(),
        identity,
    }
}

fn user() -> Caller {
    caller(Identity::User {
        arn: USER.to_owned(),
    })
}

fn session() -> Caller {
    caller(Identity::Session {
        role: ROLE.to_owned(),
        session: SESSION.to_owned(),
    })
}

fn federated() -> Caller {
    caller(Identity::FederatedUser {
        user: USER.to_owned(),
        session: FEDERATED.to_owned(),
    })
}

pub(crate) fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#
    ))
    .expect("a policy")
}

fn allow(action: &str) -> Policy {
    policy(&format!(
        r#"{{"Sid":"yes","Effect":"Allow","Action":"{action}","Resource":"*"}}"#
    ))
}

fn deny(action: &str) -> Policy {
    policy(&format!(
        r#"{{"Sid":"no","Effect":"Deny","Action":"{action}","Resource":"*"}}"#
    ))
}

fn grant(principal: &str) -> Policy {
    policy(&format!(
        r#"{{"Sid":"grant","Effect":"Allow","Principal":{principal},"Action":"sqs:*","Resource":"*"}}"#
    ))
}

fn trust(principal: &str) -> Policy {
    policy(&format!(
        r#"{{"Sid":"trust","Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}"#
    ))
}

fn source<'a>(name: &'a str, policy: &'a Policy) -> Source<'a> {
    Source::of(name, Origin::None, policy)
}

fn level<'a>(name: &'a str, policies: &[&'a Policy]) -> OrganizationLevel<'a> {
    OrganizationLevel {
        name,
        policies: policies.iter().map(|policy| source(name, policy)).collect(),
    }
}

fn on(source: Source<'_>, kind: ResourceKind) -> Option<ResourcePolicy<'_>> {
    Some(ResourcePolicy { source, kind })
}

fn send(layers: &Layers<'_>, caller: &Caller) -> Verdict {
    judge(
        layers,
        &Request {
            caller,
            action: "sqs:SendMessage",
            resource: QUEUE,
            context: &Context::new(),
        },
    )
}

/// The layer that withholds, or `None` where it is allowed.
fn silent(verdict: &Verdict) -> Option<Layer> {
    match &verdict.because {
        Because::NoAllow { layer, .. } => Some(*layer),
        Because::Denied(deny) => panic!("denied by {deny}"),
        _ => None,
    }
}

#[test]
fn groups_and_the_user_allow_together_and_the_statement_is_named() {
    let (mine, theirs) = (allow("s3:*"), allow("sqs:Send*"));
    let layers = Layers {
        identity: vec![
            Source::of("own", Origin::User, &mine),
            Source::of("operators", Origin::Group, &theirs),
        ],
        ..Layers::default()
    };
    let verdict = send(&layers, &user());
    assert!(verdict.is_allowed());
    assert_eq!(
        verdict.to_string(),
        "allowed by statement 1 (`yes`) of `operators`, an identity-based policy"
    );
    assert_eq!(verdict.matched[0].origin, Origin::Group);
    let nobody = send(&Layers::default(), &user());
    assert_eq!(silent(&nobody), Some(Layer::Identity));
    assert_eq!(
        nobody.message(USER, "sqs:SendMessage", QUEUE).as_deref(),
        Some(
            "User: arn:aws:iam::111122223333:user/ana is not authorized to perform: sqs:SendMessage on resource: arn:aws:sqs:eu-west-1:111122223333:changes because no identity-based policy allows the sqs:SendMessage action"
        )
    );
}

/// Every layer in turn denies, while all others allow.
#[test]
fn a_deny_in_any_layer_decides_and_is_worded_as_aws_does() {
    let (yes, no) = (allow("*"), deny("sqs:*"));
    let open = grant(r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/ops/ana"}"#);
    let closed =
        policy(r#"{"Sid":"no","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}"#);
    let rcp = policy(r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#);
    for (place, expected) in [
        (Layer::ServiceControl, "a service control policy"),
        (Layer::ResourceControl, "a resource control policy"),
        (Layer::Resource, "a resource-based policy"),
        (Layer::Identity, "an identity-based policy"),
        (Layer::Boundary, "a permissions boundary"),
        (Layer::Session, "a session policy"),
    ] {
        let pick = |layer: Layer| if layer == place { &no } else { &yes };
        let resource = if place == Layer::Resource {
            &closed
        } else {
            &open
        };
        let rail = if place == Layer::ResourceControl {
            &closed
        } else {
            &rcp
        };
        let layers = Layers {
            identity: vec![source("a", &yes), source("b", pick(Layer::Identity))],
            boundary: Some(source("c", pick(Layer::Boundary))),
            session: Some(vec![source("d", &yes), source("e", pick(Layer::Session))]),
            service_control: vec![
                level("root", &[&yes]),
                level("unit", &[&yes, pick(Layer::ServiceControl)]),
            ],
            resource_control: vec![level("root", &[&rcp, rail])],
            resource: on(source("q", resource), ResourceKind::Ordinary),
            ..Layers::default()
        };
        let verdict = send(&layers, &session());
        assert!(verdict.is_explicit_deny(), "{place:?}");
        let Because::Denied(deny) = &verdict.because else {
            panic!("{verdict}");
        };
        assert_eq!((deny.layer, deny.sid.as_deref()), (place, Some("no")));
        assert_eq!(
            verdict.refusal("sqs:SendMessage"),
            Some(format!("with an explicit deny in {expected}"))
        );
        // AWS's Simulate calls name the deny, but none of an organization's.
        let named = !matches!(place, Layer::ServiceControl | Layer::ResourceControl);
        assert_eq!(verdict.matched.len(), usize::from(named), "{place:?}");
    }
}

#[test]
fn every_level_of_the_organization_has_to_allow() {
    let (all, reads, sends) = (allow("*"), allow("sqs:Receive*"), allow("sqs:Send*"));
    let judged = |levels: Vec<OrganizationLevel<'_>>, management, service_linked| {
        let layers = Layers {
            identity: vec![source("own", &all)],
            service_control: levels,
            management_account: management,
            service_linked,
            ..Layers::default()
        };
        send(&layers, &session())
    };
    assert!(judged(vec![], None, false).is_allowed());
    assert!(
        judged(
            vec![level("root", &[&all]), level("unit", &[&reads, &sends])],
            None,
            false
        )
        .is_allowed()
    );
    let gap = || {
        vec![
            level("root", &[&all]),
            level("unit", &[&reads]),
            level("own", &[&all]),
        ]
    };
    let refused = judged(gap(), None, false);
    assert_eq!(
        refused.because,
        Because::NoAllow {
            layer: Layer::ServiceControl,
            at: Some("unit".to_owned())
        }
    );
    assert_eq!(refused.allowed_by_organization, Some(false));
    assert_eq!(
        refused.to_string(),
        "refused: no service control policy at unit allows it"
    );
    assert_eq!(
        refused.refusal("sqs:SendMessage").as_deref(),
        Some("because no service control policy allows the sqs:SendMessage action")
    );
    // A level where nothing is attached allows nothing.
    assert!(!judged(vec![level("root", &[])], None, false).is_allowed());
    // The management account and service-linked roles are not restricted (AWS reference §6.1).
    let exempt = judged(gap(), Some(ACCOUNT), false);
    assert!(exempt.is_allowed());
    assert_eq!(exempt.allowed_by_organization, None);
    assert!(!judged(gap(), Some(OTHER), false).is_allowed());
    assert!(judged(gap(), None, true).is_allowed());
}

#[test]
fn a_member_accounts_root_may_do_what_its_organization_lets_pass() {
    let root = caller(Identity::Root);
    let (all, reads) = (allow("*"), allow("sqs:Receive*"));
    assert_eq!(send(&Layers::default(), &root).because, Because::Root);
    for (allowed, expected) in [(&all, true), (&reads, false)] {
        let layers = Layers {
            service_control: vec![level("root", &[allowed])],
            ..Layers::default()
        };
        assert_eq!(send(&layers, &root).is_allowed(), expected);
    }
}

/// IAM user guide, *Policy evaluation logic*: resource-based policies and implicit denies in
/// other policy types (AWS reference §6.1.3 [D]).
#[test]
fn in_one_account_it_matters_how_the_resource_names_the_caller() {
    let nothing = allow("s3:*");
    let everything = allow("*");
    let (is_user, is_session, is_federated) = (user(), session(), federated());
    let account = r#"{"AWS":"111122223333"}"#;
    let named = |arn: &str| format!(r#"{{"AWS":"{arn}"}}"#);
    // Who, how named, and what holds it back: identity, boundary, session.
    for (who, principal, identity, boundary, session) in [
        (&is_user, named(USER), false, false, None),
        (&is_user, r#""*""#.to_owned(), false, true, None),
        (&is_user, account.to_owned(), true, true, None),
        (&is_session, named(SESSION), false, false, Some(false)),
        (&is_session, named(ROLE), false, true, Some(true)),
        (&is_session, r#""*""#.to_owned(), false, true, Some(true)),
        (&is_session, account.to_owned(), true, true, Some(true)),
        (&is_federated, named(FEDERATED), false, false, Some(false)),
        (&is_federated, named(USER), false, true, Some(true)),
    ] {
        let resource = grant(&principal);
        let judged = |mine: &Policy, bound: &Policy, narrow: Option<&Policy>| {
            let layers = Layers {
                identity: vec![source("own", mine)],
                boundary: Some(source("bound", bound)),
                session: narrow.map(|narrow| vec![source("narrow", narrow)]),
                resource: on(source("queue", &resource), ResourceKind::Ordinary),
                ..Layers::default()
            };
            silent(&send(&layers, who))
        };
        let of = |held: bool, layer| held.then_some(layer);
        let open = session.map(|_| &everything);
        assert_eq!(judged(&everything, &everything, open), None, "{principal}");
        assert_eq!(
            judged(&nothing, &everything, open),
            of(identity, Layer::Identity),
            "{principal}"
        );
        assert_eq!(
            judged(&everything, &nothing, open),
            of(boundary, Layer::Boundary),
            "{principal}"
        );
        if let Some(held) = session {
            assert_eq!(
                judged(&everything, &everything, Some(&nothing)),
                of(held, Layer::Session),
                "{principal}"
            );
        }
    }
}

#[test]
fn a_federated_session_without_a_session_policy_has_nothing_and_a_role_session_everything() {
    let all = allow("*");
    let mut layers = Layers {
        identity: vec![source("own", &all)],
        ..Layers::default()
    };
    assert!(send(&layers, &session()).is_allowed());
    assert_eq!(silent(&send(&layers, &federated())), Some(Layer::Session));
    let (one, other) = (allow("s3:*"), allow("sqs:*"));
    layers.session = Some(vec![source("inline", &one), source("managed", &other)]);
    assert!(send(&layers, &federated()).is_allowed(), "a union");
    layers.session = Some(Vec::new());
    assert_eq!(silent(&send(&layers, &session())), Some(Layer::Session));
}

#[test]
fn across_accounts_both_sides_have_to_allow() {
    let all = allow("*");
    let named = grant(r#"{"AWS":"arn:aws:iam::111122223333:user/ana"}"#);
    let account = grant(r#"{"AWS":"111122223333"}"#);
    let anyone = grant(r#""*""#);
    let others = grant(r#"{"AWS":"222222222222"}"#);
    let judged = |mine: Option<&Policy>, theirs: Option<&Policy>| {
        let layers = Layers {
            identity: mine.map(|mine| source("own", mine)).into_iter().collect(),
            resource: theirs.and_then(|own| on(source("queue", own), ResourceKind::Ordinary)),
            resource_account: Some(OTHER),
            ..Layers::default()
        };
        silent(&send(&layers, &user()))
    };
    for theirs in [&named, &account, &anyone] {
        assert_eq!(judged(Some(&all), Some(theirs)), None);
        assert_eq!(judged(None, Some(theirs)), Some(Layer::Identity));
    }
    assert_eq!(judged(Some(&all), Some(&others)), Some(Layer::Resource));
    assert_eq!(judged(Some(&all), None), Some(Layer::Resource));
}

/// AWS reference §6.1 [D]: the exact name is enough in one account; the account only hands the
/// question on; across accounts both are needed; without the trust policy nothing is.
#[test]
fn a_role_is_assumed_by_those_its_trust_policy_lets_in() {
    let (may, nothing) = (allow("sts:AssumeRole"), allow("s3:*"));
    let named = trust(r#"{"AWS":"arn:aws:iam::111122223333:user/ana"}"#);
    let account = trust(r#"{"AWS":"arn:aws:iam::111122223333:root"}"#);
    let others = trust(r#"{"AWS":"222222222222"}"#);
    for (mine, theirs, owner, expected) in [
        (&nothing, &named, ACCOUNT, None),
        (&nothing, &account, ACCOUNT, Some(Layer::Identity)),
        (&may, &account, ACCOUNT, None),
        (&may, &others, ACCOUNT, Some(Layer::Trust)),
        (&may, &named, OTHER, None),
        (&nothing, &named, OTHER, Some(Layer::Identity)),
        (&may, &others, OTHER, Some(Layer::Trust)),
    ] {
        let layers = Layers {
            identity: vec![source("own", mine)],
            resource: on(source("target", theirs), ResourceKind::Role),
            resource_account: Some(owner),
            ..Layers::default()
        };
        let verdict = judge(
            &layers,
            &Request {
                caller: &user(),
                action: "sts:AssumeRole",
                resource: "arn:aws:iam::999988887777:role/target",
                context: &Context::new(),
            },
        );
        assert_eq!(silent(&verdict), expected, "{owner} {verdict}");
        if expected == Some(Layer::Trust) {
            assert_eq!(
                verdict.refusal("sts:AssumeRole").as_deref(),
                Some("because no role trust policy allows the sts:AssumeRole action")
            );
        }
    }
}

#[test]
fn services_and_providers_have_what_the_resource_gives_them_and_nothing_else() {
    let all = allow("*");
    let trust = policy(
        r#"{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","Federated":"arn:aws:iam::111122223333:saml-provider/corp"},"Action":"sts:*"}"#,
    );
    let role = Layers {
        identity: vec![source("own", &all)],
        resource: on(source("target", &trust), ResourceKind::Role),
        ..Layers::default()
    };
    let bare = Layers {
        identity: vec![source("own", &all)],
        ..Layers::default()
    };
    let service = |name: &str| {
        caller(Identity::Service {
            name: name.to_owned(),
        })
    };
    let provider = |name: &str| {
        caller(Identity::Provider {
            name: name.to_owned(),
        })
    };
    for (who, expected) in [
        (service("ec2.amazonaws.com"), true),
        (service("lambda.amazonaws.com"), false),
        (
            provider("arn:aws:iam::111122223333:saml-provider/corp"),
            true,
        ),
        (provider("accounts.google.com"), false),
    ] {
        assert_eq!(send_sts(&role, &who).is_allowed(), expected, "{who:?}");
        assert!(!send_sts(&bare, &who).is_allowed());
    }
}

fn send_sts(layers: &Layers<'_>, caller: &Caller) -> Verdict {
    judge(
        layers,
        &Request {
            caller,
            action: "sts:AssumeRole",
            resource: ROLE,
            context: &Context::new(),
        },
    )
}

#[test]
fn resource_control_policies_guard_the_resources_of_member_accounts() {
    let all = allow("*");
    let open = grant(r#"{"AWS":"111122223333"}"#);
    let full = policy(r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#);
    let home = policy(
        r#"{"Sid":"home","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*",
            "Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-ours"}}}"#,
    );
    let judged = |context: &Context, management| {
        let layers = Layers {
            identity: vec![source("own", &all)],
            resource: on(source("queue", &open), ResourceKind::Ordinary),
            resource_account: Some(OTHER),
            resource_control: vec![level("root", &[&full, &home])],
            management_account: management,
            ..Layers::default()
        };
        judge(
            &layers,
            &Request {
                caller: &user(),
                action: "sqs:SendMessage",
                resource: QUEUE,
                context,
            },
        )
    };
    let stranger = Context::new().with("aws:PrincipalOrgID", "o-theirs");
    let ours = Context::new().with("aws:PrincipalOrgID", "o-ours");
    assert!(judged(&ours, None).is_allowed());
    assert!(judged(&stranger, None).is_explicit_deny());
    assert!(judged(&stranger, Some(ACCOUNT)).is_explicit_deny());
    assert!(
        judged(&stranger, Some(OTHER)).is_allowed(),
        "whose resource it is counts"
    );
}

#[test]
fn of_several_resources_all_have_to_be_allowed() {
    let own = policy(
        r#"{"Effect":"Allow","Action":"sso:*","Resource":["arn:aws:sso:::instance/i","arn:aws:sso:::account/1*"]},
           {"Effect":"Deny","Action":"sso:*","Resource":"arn:aws:sso:::account/13*"}"#,
    );
    let layers = Layers {
        identity: vec![source("own", &own)],
        ..Layers::default()
    };
    let judged = |resources: &[&str]| {
        judge_all(
            &layers,
            &Request {
                caller: &user(),
                action: "sso:CreateAccountAssignment",
                resource: "*",
                context: &Context::new(),
            },
            resources,
        )
    };
    let (instance, account) = ("arn:aws:sso:::instance/i", "arn:aws:sso:::account/12");
    assert!(judged(&[instance, account]).is_allowed());
    let set = "arn:aws:sso:::permissionSet/i/ps";
    let refused = judged(&[instance, set, account]);
    assert_eq!(silent(&refused), Some(Layer::Identity));
    assert!(judged(&[instance, set, "arn:aws:sso:::account/13"]).is_explicit_deny());
    assert!(
        !judged(&[]).is_allowed(),
        "no resource is the request's own"
    );
}

#[test]
fn nobody_can_be_kept_from_asking_who_they_are() {
    let none = deny("*");
    let layers = Layers {
        identity: vec![source("own", &none)],
        ..Layers::default()
    };
    for (action, expected) in [
        ("sts:GetCallerIdentity", true),
        ("STS:getcalleridentity", true),
        ("sts:GetSessionToken", true),
        ("sts:GetFederationToken", false),
    ] {
        let verdict = judge(
            &layers,
            &Request {
                caller: &user(),
                action,
                resource: "*",
                context: &Context::new(),
            },
        );
        assert_eq!(verdict.is_allowed(), expected, "{action}");
    }
}

#[test]
fn a_key_needs_its_own_policy() {
    let all = allow("*");
    let named = policy(
        r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}"#,
    );
    let strange = policy(
        r#"{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kms:*","Resource":"*"}"#,
    );
    for (own, expected) in [(&named, None), (&strange, Some(Layer::Resource))] {
        let layers = Layers {
            identity: vec![source("own", &all)],
            resource: on(source("key", own), ResourceKind::Key),
            ..Layers::default()
        };
        let verdict = judge(
            &layers,
            &Request {
                caller: &user(),
                action: "kms:Decrypt",
                resource: "arn:aws:kms:eu-west-1:111122223333:key/k",
                context: &Context::new(),
            },
        );
        assert_eq!(silent(&verdict), expected);
    }
}
