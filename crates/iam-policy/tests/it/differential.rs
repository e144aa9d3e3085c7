//! Held against another reading of the same language: the crate iam-rs, which calls itself
//! provider-agnostic and unverified. Where both claim to know, generated policies and requests
//! have to come out the same; where they differ, the table below says so, and who is right.

use iam_rs::{Arn, ContextValue, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy};
use proptest::prelude::*;
use serde_json::{Value, json};
use stint_iam_policy::{Caller, Context, Decision, Identity, Policy, Request, evaluate_identity};

const USER: &str = "arn:aws:iam::111122223333:user/ana";

/// What a request carries, for both.
type Keys = Vec<(&'static str, Value)>;

fn ours(policy: &str, action: &str, resource: &str, keys: &Keys) -> &'static str {
    let policy = Policy::parse(policy).expect("a policy");
    let mut context = Context::new();
    for (key, value) in keys {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match value {
            Value::Array(many) => context.set(key, many.iter().map(text)),
            one => context.set(key, [text(one)]),
        }
    }
    let caller = Caller {
        account: "111122223333".to_owned(),
        identity: Identity::User {
            arn: USER.to_owned(),
        },
    };
    let request = Request {
        caller: &caller,
        action,
        resource,
        context: &context,
    };
    match evaluate_identity(&policy, &request) {
        Decision::Allowed { .. } => "Allow",
        Decision::Denied { .. } => "Deny",
        Decision::NotAllowed => "NotApplicable",
    }
}

fn theirs(policy: &str, action: &str, resource: &str, keys: &Keys) -> String {
    let Ok(policy) = IAMPolicy::from_json(policy) else {
        return "unreadable".to_owned();
    };
    let mut context = iam_rs::Context::new();
    for (key, value) in keys {
        let value = match value {
            Value::Bool(truth) => ContextValue::Boolean(*truth),
            Value::Number(number) => ContextValue::Number(number.as_f64().expect("finite")),
            Value::Array(many) => ContextValue::StringList(
                many.iter()
                    .map(|one| one.as_str().expect("texts").to_owned())
                    .collect(),
            ),
            other => ContextValue::String(other.as_str().expect("a text").to_owned()),
        };
        context.insert((*key).to_owned(), value);
    }
    let Ok(resource) = Arn::parse(resource) else {
        return "unreadable".to_owned();
    };
    let request = IAMRequest::new_with_context(
        Principal::Aws(PrincipalId::String(USER.to_owned())),
        action,
        resource,
        context,
    );
    match evaluate_policy(&policy, &request) {
        Ok(decision) => format!("{decision:?}"),
        Err(error) => format!("{error:?}"),
    }
}

fn condition() -> impl Strategy<Value = (&'static str, &'static str, Value)> {
    let text = || {
        prop_oneof![
            Just("a"),
            Just("b"),
            Just("ab"),
            Just("A"),
            Just("a*"),
            Just("*b"),
            Just("?"),
            Just("")
        ]
    };
    let texts = || prop::collection::vec(text(), 1..3).prop_map(|all| json!(all));
    let number = || prop_oneof![Just("1"), Just("2"), Just("2.5"), Just("-3")];
    let date = || {
        prop_oneof![
            Just("2026-01-01T00:00:00Z"),
            Just("2026-01-01T01:00:00+01:00"),
            Just("2025-12-31T23:59:59Z"),
            Just("1767225600")
        ]
    };
    let network = || {
        prop_oneof![
            Just("10.0.0.0/8"),
            Just("10.1.2.3"),
            Just("0.0.0.0/0"),
            Just("2001:db8::/32")
        ]
    };
    prop_oneof![
        (
            prop_oneof![
                Just("StringEquals"),
                Just("StringNotEquals"),
                Just("StringEqualsIgnoreCase"),
                Just("StringNotEqualsIgnoreCase"),
                Just("StringLike"),
                Just("StringNotLike"),
                Just("StringEqualsIfExists"),
                Just("StringNotLikeIfExists"),
            ],
            prop_oneof![Just("k:text"), Just("k:none")],
            texts()
        ),
        (
            prop_oneof![
                Just("ForAnyValue:StringEquals"),
                Just("ForAllValues:StringEquals"),
                Just("ForAnyValue:StringLike"),
                Just("ForAllValues:StringLike"),
                Just("ForAnyValue:StringNotEquals"),
                Just("ForAllValues:StringNotEquals"),
            ],
            prop_oneof![Just("k:many"), Just("k:none")],
            texts()
        ),
        (
            prop_oneof![
                Just("NumericEquals"),
                Just("NumericNotEquals"),
                Just("NumericLessThan"),
                Just("NumericLessThanEquals"),
                Just("NumericGreaterThan"),
                Just("NumericGreaterThanEqualsIfExists"),
            ],
            prop_oneof![Just("k:number"), Just("k:none")],
            number().prop_map(|one| json!(one))
        ),
        (
            prop_oneof![
                Just("DateEquals"),
                Just("DateNotEquals"),
                Just("DateLessThan"),
                Just("DateLessThanEquals"),
                Just("DateGreaterThan"),
                Just("DateGreaterThanEquals"),
            ],
            prop_oneof![Just("k:date"), Just("k:none")],
            date().prop_map(|one| json!(one))
        ),
        (
            prop_oneof![Just("Bool"), Just("BoolIfExists"), Just("Null")],
            prop_oneof![Just("k:truth"), Just("k:none")],
            prop_oneof![Just("true"), Just("false")].prop_map(|one| json!(one))
        ),
        (
            prop_oneof![Just("IpAddress"), Just("NotIpAddress")],
            prop_oneof![Just("k:address"), Just("k:none")],
            network().prop_map(|one| json!(one))
        ),
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let action = prop_oneof![
        Just("*"),
        Just("s3:*"),
        Just("s3:Get*"),
        Just("S3:getobject"),
        Just("s3:?etObject"),
        Just("iam:GetUser"),
        Just("iam:*User")
    ];
    let resource = prop_oneof![
        Just("*"),
        Just("arn:aws:s3:::bucket/*"),
        Just("arn:aws:s3:::bucket/a"),
        Just("arn:aws:s3:::buc?et/${aws:username}"),
        Just("arn:aws:iam::*:user/*"),
        Just("arn:aws:iam::111122223333:user/${aws:username, 'x'}"),
        Just("arn:*:iam::1111?2223333:user/an?")
    ];
    (
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::collection::vec(action, 1..3),
        prop::bool::weighted(0.2),
        prop::collection::vec(resource, 1..3),
        prop::collection::vec(condition(), 0..3),
    )
        .prop_map(
            |(allow, not_action, actions, not_resource, resources, conditions)| {
                let mut block = serde_json::Map::new();
                for (operator, key, values) in conditions {
                    let keys = block.entry(operator).or_insert_with(|| json!({}));
                    keys[key] = values;
                }
                let mut statement = json!({
                    "Effect": if allow { "Allow" } else { "Deny" },
                    if not_action { "NotAction" } else { "Action" }: actions,
                    if not_resource { "NotResource" } else { "Resource" }: resources,
                });
                if !block.is_empty() {
                    statement["Condition"] = Value::Object(block);
                }
                statement
            },
        )
}

fn keys() -> impl Strategy<Value = Keys> {
    (
        prop_oneof![Just("a"), Just("b"), Just("ab"), Just("A"), Just("abb")],
        prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("ab")], 1..3),
        prop_oneof![Just("1"), Just("2"), Just("2.5"), Just("4")],
        prop_oneof![
            Just("2026-01-01T00:00:00Z"),
            Just("2026-01-01T00:00:01Z"),
            Just("2025-06-01T00:00:00Z")
        ],
        any::<bool>(),
        prop_oneof![Just("10.1.2.3"), Just("11.0.0.1"), Just("2001:db8::1")],
        prop::option::of(prop_oneof![Just("ana"), Just("a")]),
    )
        .prop_map(|(text, many, number, date, truth, address, name)| {
            let mut keys: Keys = vec![
                ("k:text", json!(text)),
                ("k:many", json!(many)),
                ("k:number", json!(number)),
                ("k:date", json!(date)),
                ("k:truth", json!(truth)),
                ("k:address", json!(address)),
            ];
            // Without it the two differ: see the table.
            keys.push(("aws:username", json!(name.unwrap_or("bo"))));
            keys
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn both_come_to_the_same(
        statements in prop::collection::vec(statement(), 1..4),
        keys in keys(),
        action in prop_oneof![Just("s3:GetObject"), Just("s3:PutObject"), Just("iam:GetUser")],
        resource in prop_oneof![
            Just("arn:aws:s3:::bucket/a"),
            Just("arn:aws:s3:::bucket/ana"),
            Just("arn:aws:s3:::other"),
            Just("arn:aws:iam::111122223333:user/ana"),
            Just("arn:aws:iam::111122223333:user/x")
        ],
    ) {
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        prop_assert_eq!(
            ours(&policy, action, resource, &keys),
            theirs(&policy, action, resource, &keys),
            "{}", policy
        );
    }
}

/// A difference that is known.
struct Difference {
    why: &'static str,
    statement: &'static str,
    resource: &'static str,
    keys: fn() -> Keys,
    ours: &'static str,
    theirs: &'static str,
}

#[test]
fn every_known_difference_is_still_one_and_has_its_reason() {
    const OBJECT: &str = "arn:aws:s3:::bucket/a";
    let mut surprises = Vec::new();
    let none: fn() -> Keys = Vec::new;
    for difference in [
        Difference {
            why: "ArnEquals is ArnLike (AWS reference §6.3 [D])",
            statement: r#""Resource":"*","Condition":{"ArnEquals":{"k:a":"arn:aws:iam::*:role/a*"}}"#,
            resource: OBJECT,
            keys: || vec![("k:a", json!("arn:aws:iam::1:role/ab"))],
            ours: "Allow",
            theirs: "NotApplicable",
        },
        Difference {
            why: "each part of an ARN by itself (IAM user guide, Condition operators [D])",
            statement: r#""Resource":"*","Condition":{"ArnLike":{"k:a":"arn:aws:x:*:1:finance/*"}}"#,
            resource: OBJECT,
            keys: || vec![("k:a", json!("arn:aws:x:r:9:store/abc:1:finance/d"))],
            ours: "NotApplicable",
            theirs: "Allow",
        },
        Difference {
            why: "a variable without value matches nothing (IAM user guide, Variables [D])",
            statement: r#""Resource":"arn:aws:s3:::bucket/${aws:username}a""#,
            resource: OBJECT,
            keys: none,
            ours: "NotApplicable",
            theirs: "Allow",
        },
        Difference {
            why: "what comes in through a variable is text, not a wildcard [K]",
            statement: r#""Resource":"arn:aws:s3:::bucket/${aws:username}""#,
            resource: OBJECT,
            keys: || vec![("aws:username", json!("*"))],
            ours: "NotApplicable",
            theirs: "Allow",
        },
        Difference {
            why: "${*} is a star (IAM user guide, Variables, Special characters [D])",
            statement: r#""Resource":"arn:aws:s3:::bucket/${*}""#,
            resource: "arn:aws:s3:::bucket/*",
            keys: none,
            ours: "Allow",
            theirs: "NotApplicable",
        },
        Difference {
            why: "variables in the values of conditions (IAM user guide, Variables [D])",
            statement: r#""Resource":"*","Condition":{"StringEquals":{"k:a":"${aws:username}"}}"#,
            resource: OBJECT,
            keys: || vec![("aws:username", json!("ana")), ("k:a", json!("ana"))],
            ours: "Allow",
            theirs: "NotApplicable",
        },
        Difference {
            why: "a * that ends a part reaches on (IAM user guide, Resource [D])",
            statement: r#""Resource":"arn:aws:iam::*:user/a""#,
            resource: "arn:aws:iam::1:2:user/a",
            keys: none,
            ours: "Allow",
            theirs: "InvalidRequest(\"Invalid resource ARN\")",
        },
        Difference {
            why: "base64 has case: these are other bytes (IAM user guide, Condition operators [D])",
            statement: r#""Resource":"*","Condition":{"BinaryEquals":{"k:a":"QUJD"}}"#,
            resource: OBJECT,
            keys: || vec![("k:a", json!("qujd"))],
            ours: "NotApplicable",
            theirs: "Allow",
        },
        Difference {
            why: "an empty value is none to the set operators (IAM user guide, Multivalued context keys [D])",
            statement: r#""Resource":"*","Condition":{"ForAnyValue:StringEquals":{"k:a":""}}"#,
            resource: OBJECT,
            keys: || vec![("k:a", json!([""]))],
            ours: "NotApplicable",
            theirs: "Allow",
        },
        Difference {
            why: "of several values of a negated operator none may match [K]: they take any",
            statement: r#""Resource":"*","Condition":{"StringNotEquals":{"k:a":"a"}}"#,
            resource: OBJECT,
            keys: || vec![("k:a", json!(["a", "b"]))],
            ours: "NotApplicable",
            theirs: "Allow",
        },
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*",{}}}]}}"#,
            difference.statement
        );
        let keys = (difference.keys)();
        let found = (
            ours(&policy, "s3:GetObject", difference.resource, &keys),
            theirs(&policy, "s3:GetObject", difference.resource, &keys),
        );
        if found != (difference.ours, difference.theirs.to_owned()) {
            surprises.push((difference.why, found));
        }
    }
    assert_eq!(surprises, []);
    // Editions: variables are text in the older one (AWS reference §6.3).
    let old = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::bucket/${aws:username}"}]}"#;
    let keys = vec![("aws:username", json!("a"))];
    assert_eq!(ours(old, "s3:GetObject", OBJECT, &keys), "NotApplicable");
    assert_eq!(theirs(old, "s3:GetObject", OBJECT, &keys), "Allow");
}
