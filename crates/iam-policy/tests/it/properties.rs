//! Properties over generated input.

use proptest::prelude::*;
use stint_iam_policy::{
    Caller, Context, Identity, Policy, Request, evaluate_identity, evaluate_trust, glob,
};

/// The definition itself: slow, obviously right.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(('*', rest)), _) => (0..=text.len()).any(|n| naive(rest, &text[n..])),
        (Some(('?', rest)), Some((_, tail))) => naive(rest, tail),
        (Some((c, rest)), Some((d, tail))) => c == d && naive(rest, tail),
        (Some(_), None) => false,
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop_oneof![
        Just("Allow".to_owned()),
        Just("Deny".to_owned()),
        Just("*".to_owned()),
        Just("sts:AssumeRole".to_owned()),
        Just("2012-10-17".to_owned()),
        Just("arn:aws:iam::111122223333:role/a".to_owned()),
        Just("${aws:username}".to_owned()),
        Just("${".to_owned()),
        Just("10.0.0.0/8".to_owned()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        word.prop_map(Into::into),
    ];
    let name = prop_oneof![
        Just("Version".to_owned()),
        Just("Statement".to_owned()),
        Just("Effect".to_owned()),
        Just("Principal".to_owned()),
        Just("NotPrincipal".to_owned()),
        Just("AWS".to_owned()),
        Just("Action".to_owned()),
        Just("NotAction".to_owned()),
        Just("Resource".to_owned()),
        Just("Condition".to_owned()),
        Just("StringLike".to_owned()),
        Just("ForAllValues:StringNotEqualsIfExists".to_owned()),
        Just("IpAddress".to_owned()),
        Just("DateLessThan".to_owned()),
        Just("aws:username".to_owned()),
        ".{0,6}",
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

/// A statement that is well-formed more often than not.
fn policy() -> impl Strategy<Value = Policy> {
    let action = prop_oneof!["[ab]{1,2}:[A-Za-z*?]{1,6}", Just("*".to_owned())];
    let resource = prop_oneof![
        Just("*".to_owned()),
        "arn:aws:[a-z]{1,3}::[0-9]{0,2}:[a-z/*?]{0,8}"
    ];
    let value = "[ -~]{0,8}";
    let operator = prop_oneof![
        Just("StringEquals"),
        Just("StringNotLike"),
        Just("ForAnyValue:StringLike"),
        Just("ForAllValues:StringEqualsIgnoreCase"),
        Just("ArnLikeIfExists"),
    ];
    let statement = (
        any::<bool>(),
        prop::collection::vec(action, 1..4),
        prop::collection::vec(resource, 1..3),
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(
            (
                operator,
                "[a-z]{1,3}:[a-z]{1,3}",
                prop::collection::vec(value, 1..3),
            ),
            0..3,
        ),
    )
        .prop_map(
            |(allow, actions, resources, not_action, not_resource, conditions)| {
                let mut block = serde_json::Map::new();
                for (operator, key, values) in conditions {
                    block
                        .entry(operator)
                        .or_insert_with(|| serde_json::json!({}))
                        .as_object_mut()
                        .expect("an object")
                        .insert(key, values.into());
                }
                serde_json::json!({
                    "Effect": if allow { "Allow" } else { "Deny" },
                    if not_action { "NotAction" } else { "Action" }: actions,
                    if not_resource { "NotResource" } else { "Resource" }: resources,
                    "Condition": block,
                })
            },
        );
    prop::collection::vec(statement, 1..4).prop_map(|statements| {
        let text =
            serde_json::json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Policy::parse(&text).expect("generated to be right")
    })
}

proptest! {
    #[test]
    fn the_matcher_is_the_definition(pattern in "[ab*?]{0,9}", text in "[ab/:]{0,9}") {
        let p: Vec<char> = pattern.chars().collect();
        let t: Vec<char> = text.chars().collect();
        prop_assert_eq!(glob(&pattern, &text), naive(&p, &t));
    }

    #[test]
    fn a_text_without_wildcards_matches_itself_only(a in "[a-zé:/]{0,6}", b in "[a-zé:/]{0,6}") {
        prop_assert_eq!(glob(&a, &b), a == b);
        prop_assert!(glob("*", &a));
    }

    #[test]
    fn reading_never_panics(text in ".{0,200}") {
        let _ = Policy::parse(&text);
    }

    #[test]
    fn reading_and_judging_any_json_never_panics(value in json()) {
        if let Ok(policy) = Policy::parse(&value.to_string()) {
            let caller = Caller { account: "1".to_owned(), identity: Identity::Root };
            let context = Context::new().with("aws:username", "x");
            let request = Request { caller: &caller, action: "sts:AssumeRole", resource: "*", context: &context };
            let _ = evaluate_trust(&policy, &request);
            let _ = evaluate_identity(&policy, &request);
        }
    }

    #[test]
    fn a_policy_survives_its_text(policy in policy()) {
        prop_assert_eq!(Policy::parse(&policy.to_text()), Ok(policy.clone()));
        prop_assert_eq!(Policy::parse(&policy.to_json().to_string()), Ok(policy));
    }

    #[test]
    fn a_deny_never_widens(policy in policy(), action in "[ab]{1,2}:[A-Za-z]{1,6}") {
        let caller = Caller { account: "1".to_owned(), identity: Identity::Root };
        let context = Context::new();
        let request = Request { caller: &caller, action: &action, resource: "arn:aws:a::1:b", context: &context };
        let before = evaluate_identity(&policy, &request).is_allowed();
        let deny = Policy::parse(r#"{"Statement":{"Effect":"Deny","Action":"a:*","Resource":"*"}}"#)
            .expect("a policy");
        let mut narrower = policy.clone();
        narrower.statements.extend(deny.statements);
        let after = evaluate_identity(&narrower, &request).is_allowed();
        prop_assert_eq!(after, before && !action.starts_with("a:"));
    }
}
