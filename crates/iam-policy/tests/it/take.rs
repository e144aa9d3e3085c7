//! What is done with a text of unknown origin; shared with the fuzz target.

use stint_iam_policy::{
    Caller, Context, Document, Identity, Kind, Layers, Origin, Policy, Request, ResourceKind,
    ResourcePolicy, Simulation, Source, judge, simulate,
};

const KINDS: [Kind; 8] = [
    Kind::Trust,
    Kind::Identity,
    Kind::Managed,
    Kind::PermissionSet,
    Kind::Session,
    Kind::Resource,
    Kind::ServiceControl,
    Kind::ResourceControl,
];

/// The same with its conditions and principals in one order: an object has none.
fn ordered(mut policy: Policy) -> Policy {
    for statement in &mut policy.statements {
        let conditions = &mut statement.conditions;
        conditions.sort_by_key(|c| (c.operator.to_string(), c.key.clone()));
        if let Some(principals) = &mut statement.principals {
            principals.entries.sort_by_key(|entry| format!("{entry:?}"));
        }
    }
    policy
}

/// Everything that can be done with a text.
pub(crate) fn take(text: &str) {
    for kind in KINDS {
        let _ = Document::read(text, kind);
    }
    let Ok(document) = Document::parse(text) else {
        return;
    };
    let policy = document.policy();
    let again = Policy::parse(&policy.to_text()).expect("what was read can be written");
    assert_eq!(ordered(again), ordered(policy.clone()), "{text}");
    for kind in KINDS {
        let _ = document.findings(kind);
    }
    let context = Context::new()
        .with("aws:username", "ana")
        .with("aws:SourceIp", "10.1.2.3");
    for identity in [
        Identity::Root,
        Identity::User {
            arn: "arn:aws:iam::111122223333:user/ana".to_owned(),
        },
    ] {
        let caller = Caller {
            account: "111122223333".to_owned(),
            identity,
        };
        for kind in [
            ResourceKind::Ordinary,
            ResourceKind::Key,
            ResourceKind::Role,
        ] {
            let source = Source::written("p", Origin::User, &document);
            let layers = Layers {
                identity: vec![source],
                boundary: Some(source),
                session: Some(vec![source]),
                resource: Some(ResourcePolicy { source, kind }),
                ..Layers::default()
            };
            let verdict = judge(
                &layers,
                &Request {
                    caller: &caller,
                    action: "iam:GetUser",
                    resource: "arn:aws:iam::111122223333:user/ana",
                    context: &context,
                },
            );
            let _ = verdict.to_string();
            let _ = simulate(&Simulation {
                layers: &layers,
                caller: &caller,
                actions: &["iam:GetUser".to_owned(), "nonsense".to_owned()],
                resources: &["*".to_owned(), String::new()],
                context: &context,
            });
        }
    }
}
