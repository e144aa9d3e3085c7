//! Operators, their missing-key rules, and case.

use stint_iam_policy::{Caller, Context, Identity, Policy, Request, evaluate_identity};

/// Whether `{operator: {key: values}}` holds.
fn holds(operator: &str, key: &str, values: &str, context: &Context) -> bool {
    holds_in("2012-10-17", operator, key, values, context)
}

fn holds_in(version: &str, operator: &str, key: &str, values: &str, context: &Context) -> bool {
    let text = format!(
        r#"{{"Version":"{version}","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"{key}":{values}}}}}}}}}"#
    );
    let policy = Policy::parse(&text).expect("a policy");
    let caller = Caller {
        account: "222233334444".to_owned(),
        identity: Identity::Root,
    };
    let request = Request {
        caller: &caller,
        action: "a:B",
        resource: "*",
        context,
    };
    evaluate_identity(&policy, &request).is_allowed()
}

#[test]
fn every_operator_says_yes_and_no() {
    for (operator, wanted, yes, no) in [
        ("StringEquals", r#""abc""#, "abc", "Abc"),
        ("StringEquals", r#"["x","abc"]"#, "abc", "ab"),
        ("StringEquals", r#""a*c""#, "a*c", "abc"),
        ("StringNotEquals", r#"["x","abc"]"#, "Abc", "abc"),
        ("StringEqualsIgnoreCase", r#""abc""#, "ABC", "abd"),
        ("StringNotEqualsIgnoreCase", r#""abc""#, "abd", "ABC"),
        ("StringLike", r#""a*c?""#, "abbbcd", "abbbc"),
        ("StringNotLike", r#""a*c""#, "abcd", "ac"),
        ("NumericEquals", "5", "5.0", "6"),
        ("NumericNotEquals", r#""5""#, "6", "5"),
        ("NumericLessThan", "5", "4.9", "5"),
        ("NumericLessThanEquals", "5", "5", "5.1"),
        ("NumericGreaterThan", "5", "6", "5"),
        ("NumericGreaterThanEquals", "5", "5", "4"),
        (
            "DateEquals",
            r#""2026-01-02T03:04:05Z""#,
            "2026-01-02T04:04:05+01:00",
            "2026-01-02T03:04:06Z",
        ),
        (
            "DateNotEquals",
            r#""2026-01-02""#,
            "2026-01-02T00:00:01Z",
            "2026-01-02T00:00:00Z",
        ),
        (
            "DateLessThan",
            r#""2026-01-02T00:00:00Z""#,
            "2026-01-01T23:59:59Z",
            "2026-01-02T00:00:00Z",
        ),
        (
            "DateLessThanEquals",
            r#""2026-01-02T00:00:00Z""#,
            "2026-01-02T00:00:00Z",
            "2026-01-02T00:00:01Z",
        ),
        (
            "DateGreaterThan",
            "1767312000",
            "2026-01-02T00:00:01Z",
            "2026-01-02T00:00:00Z",
        ),
        (
            "DateGreaterThanEquals",
            r#""2026-01-02T00:00:00Z""#,
            "1767312000",
            "1767311999",
        ),
        ("Bool", "true", "True", "false"),
        ("BinaryEquals", r#""QmluYXJ5""#, "QmluYXJ5", "Qml"),
        ("IpAddress", r#""10.0.0.0/8""#, "10.200.1.1", "11.0.0.1"),
        ("IpAddress", r#""0.0.0.0/0""#, "203.0.113.9", "::1"),
        (
            "IpAddress",
            r#""2001:db8::/32""#,
            "2001:db8:1::1",
            "2001:db9::1",
        ),
        ("IpAddress", r#""10.1.2.3""#, "10.1.2.3", "10.1.2.4"),
        ("NotIpAddress", r#""10.0.0.0/8""#, "11.0.0.1", "10.0.0.1"),
        (
            "ArnEquals",
            r#""arn:aws:iam::*:role/a*""#,
            "arn:aws:iam::1:role/abc",
            "arn:aws:iam::1:role/b",
        ),
        (
            "ArnLike",
            r#""arn:aws:*:role/a""#,
            "",
            "arn:aws:iam::1:role/a",
        ),
        (
            "ArnNotEquals",
            r#""arn:aws:iam::1:role/a""#,
            "arn:aws:iam::2:role/a",
            "arn:aws:iam::1:role/a",
        ),
        (
            "ArnNotLike",
            r#""arn:aws:iam::*:*""#,
            "arn:aws:sts::1:x",
            "arn:aws:iam::1:x",
        ),
    ] {
        if !yes.is_empty() {
            assert!(
                holds(operator, "k:a", wanted, &Context::new().with("k:a", yes)),
                "{operator} {wanted} {yes}"
            );
        }
        assert!(
            !holds(operator, "k:a", wanted, &Context::new().with("k:a", no)),
            "{operator} {wanted} {no}"
        );
    }
}

#[test]
fn key_names_have_no_case_and_values_do() {
    let context = Context::new().with("STS:externalid", "Abc");
    assert!(holds(
        "StringEquals",
        "sts:ExternalId",
        r#""Abc""#,
        &context
    ));
    assert!(!holds(
        "StringEquals",
        "sts:ExternalId",
        r#""abc""#,
        &context
    ));
}

#[test]
fn a_missing_key_fails_positive_and_passes_negated_and_if_exists() {
    let nothing = Context::new();
    for (operator, value, expected) in [
        ("StringEquals", r#""a""#, false),
        ("StringLike", r#""*""#, false),
        ("NumericLessThan", "5", false),
        ("DateLessThan", "5", false),
        ("Bool", "true", false),
        ("IpAddress", r#""0.0.0.0/0""#, false),
        ("ArnLike", r#""arn:*:*:*:*:*""#, false),
        ("StringNotEquals", r#""a""#, true),
        ("StringNotLike", r#""*""#, true),
        ("NumericNotEquals", "5", true),
        ("DateNotEquals", "5", true),
        ("NotIpAddress", r#""0.0.0.0/0""#, true),
        ("ArnNotLike", r#""arn:*:*:*:*:*""#, true),
        ("StringEqualsIfExists", r#""a""#, true),
        ("BoolIfExists", "true", true),
        ("Null", "true", true),
        ("Null", "false", false),
        ("ForAnyValue:StringEquals", r#""a""#, false),
        ("ForAnyValue:StringNotEquals", r#""a""#, false),
        ("ForAllValues:StringEquals", r#""a""#, true),
    ] {
        assert_eq!(
            holds(operator, "k:a", value, &nothing),
            expected,
            "{operator}"
        );
    }
    let there = Context::new().with("k:a", "a");
    assert!(!holds("Null", "k:a", "true", &there));
    assert!(holds("Null", "k:a", "false", &there));
    assert!(!holds("StringEqualsIfExists", "k:a", r#""b""#, &there));
}

#[test]
fn several_values_are_any_or_all() {
    let mut context = Context::new();
    context.set("aws:TagKeys", ["team".to_owned(), "cost".to_owned()]);
    for (operator, values, expected) in [
        ("ForAnyValue:StringEquals", r#"["cost","x"]"#, true),
        ("ForAnyValue:StringEquals", r#"["x"]"#, false),
        ("ForAllValues:StringEquals", r#"["cost","team","x"]"#, true),
        ("ForAllValues:StringEquals", r#"["cost"]"#, false),
        ("ForAnyValue:StringNotEquals", r#"["cost"]"#, true),
        ("ForAllValues:StringNotEquals", r#"["cost"]"#, false),
        ("ForAllValues:StringNotEquals", r#"["x"]"#, true),
    ] {
        assert_eq!(
            holds(operator, "aws:TagKeys", values, &context),
            expected,
            "{operator} {values}"
        );
    }
}

#[test]
fn variables_are_put_in_only_by_the_newer_edition() {
    let context = Context::new()
        .with("aws:username", "a*a")
        .with("k:a", "home/a*a");
    assert!(holds(
        "StringEquals",
        "k:a",
        r#""home/${aws:username}""#,
        &context
    ));
    assert!(holds(
        "StringLike",
        "k:a",
        r#""home/${AWS:UserName}""#,
        &context
    ));
    // What came in through a variable is text, not a wildcard.
    let other = Context::new()
        .with("aws:username", "a*a")
        .with("k:a", "home/aba");
    assert!(!holds(
        "StringLike",
        "k:a",
        r#""home/${aws:username}""#,
        &other
    ));
    assert!(!holds_in(
        "2008-10-17",
        "StringEquals",
        "k:a",
        r#""home/${aws:username}""#,
        &context
    ));
    // No value and no default: matches nothing.
    let bare = Context::new().with("k:a", "home/");
    assert!(!holds(
        "StringLike",
        "k:a",
        r#""home/${aws:username}*""#,
        &bare
    ));
    assert!(holds(
        "StringEquals",
        "k:a",
        r#""home/${aws:username, ''}""#,
        &bare
    ));
    let starred = Context::new().with("k:a", "*?$");
    assert!(holds("StringLike", "k:a", r#""${*}${?}${$}""#, &starred));
    assert!(!holds(
        "StringLike",
        "k:a",
        r#""${*}""#,
        &Context::new().with("k:a", "x")
    ));
}
