//! Errors point at the place and say what to write.

use stint_iam_policy::{Effect, Kind, Policy, PrincipalEntry, Version};

/// The place and the problem; where there is no place, the position.
fn refused(text: &str) -> String {
    let mut error = Policy::parse(text).expect_err("must be refused");
    let (line, column) = error.position.expect("a text has places");
    assert!(line <= text.lines().count().max(1) && column <= text.len() + 1);
    if !error.place.is_empty() {
        error.position = None;
    }
    error.to_string()
}

#[test]
fn a_document_is_read_as_written() {
    let policy = Policy::parse(
        r#"{"Version":"2012-10-17","Id":"p","Statement":[{"Sid":"One","Effect":"Deny",
            "Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/x/y"],"Service":"ec2.amazonaws.com"},
            "NotAction":["sts:*","iam:Get?ser"],
            "Condition":{"Bool":{"aws:SecureTransport":false},"NumericLessThan":{"sts:DurationSeconds":[3600,1.5]}}}]}"#,
    )
    .expect("a policy");
    assert_eq!(policy.version, Version::V2012);
    let statement = &policy.statements[0];
    assert_eq!(statement.effect, Effect::Deny);
    assert!(statement.actions.negated);
    assert_eq!(statement.conditions[0].values, ["false"]);
    assert_eq!(statement.conditions[1].values, ["3600", "1.5"]);
    assert_eq!(
        statement.principals.as_ref().expect("principals").entries,
        [
            PrincipalEntry::Account("111122223333".to_owned()),
            PrincipalEntry::Arn("arn:aws:iam::111122223333:role/x/y".to_owned()),
            PrincipalEntry::Service("ec2.amazonaws.com".to_owned()),
        ]
    );
    assert_eq!(Policy::parse(&policy.to_text()).as_ref(), Ok(&policy));
    assert_eq!(Policy::parse(&policy.to_json().to_string()), Ok(policy));
}

#[test]
fn errors_name_the_place() {
    for (text, expected) in [
        ("{\n  \"Version\": }", "line 2, column 14: expected a value"),
        ("", "line 1, column 1: the text ends too early"),
        ("[]", "line 1, column 1: expected an object, found a list"),
        ("{}", "line 1, column 1: Statement is missing"),
        (
            r#"{"Statement":[]}"#,
            "Statement: a policy has at least one statement",
        ),
        (
            r#"{"Version":"2012-10-18","Statement":[]}"#,
            "Version: `2012-10-18` is no edition of the language: write 2012-10-17",
        ),
        (
            r#"{"Statment":[]}"#,
            "Statment: a policy has Version, Id and Statement only; did you mean `Statement`?",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Action":"c:D"}]}"#,
            "line 1, column 48: `Action` is written twice",
        ),
        (
            r#"{"Statement":[{"Effect":"allow","Action":"a:B"}]}"#,
            "Statement[0].Effect: `allow` is neither Allow nor Deny",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow"}]}"#,
            "Statement[0]: Action is missing",
        ),
        (
            r#"{"Statement":{"Action":"a:B"}}"#,
            "Statement: Effect is missing",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"AssumeRole"}]}"#,
            "Statement[0].Action: `AssumeRole` is no action: write service:Name, such as sts:AssumeRole, or *",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":[]}]}"#,
            "Statement[0].Action: the list is empty",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":["a:B",1]}]}"#,
            "Statement[0].Action[1]: expected a text, found a number",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","NotAction":"c:D"}]}"#,
            "Statement[0].NotAction: Action and NotAction exclude each other",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Resource":"bucket"}]}"#,
            "Statement[0].Resource: `bucket` is no resource: write a whole ARN or *",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Resources":"*"}]}"#,
            "Statement[0].Resources: a statement has no such element; did you mean `Resource`?",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Principal":"arn:x"}]}"#,
            r#"Statement[0].Principal: `arn:x`: only * may stand alone; write {"AWS": "arn:x"}"#,
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Principal":{}}]}"#,
            "Statement[0].Principal: names nobody",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Principal":{"Aws":"*"}}]}"#,
            "Statement[0].Principal.Aws: no such kind of principal: there are AWS, Service, Federated and CanonicalUser",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"StringEqual":{"a:b":"c"}}}]}"#,
            "Statement[0].Condition.StringEqual: `StringEqual` is no condition operator; did you mean `StringEquals`?",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"ForEach:StringEquals":{"a:b":"c"}}}]}"#,
            "Statement[0].Condition.ForEach:StringEquals: `ForEach:` is no prefix; there are ForAnyValue: and ForAllValues:",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"StringEquals":{"ExternalId":"c"}}}]}"#,
            "Statement[0].Condition.StringEquals.ExternalId: a condition key is written prefix:Name, such as sts:ExternalId",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"NumericEquals":{"a:b":"five"}}}]}"#,
            "Statement[0].Condition.NumericEquals.a:b: `five` is no value for NumericEquals",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"IpAddress":{"a:b":"10.0.0.0/33"}}}]}"#,
            "Statement[0].Condition.IpAddress.a:b: `10.0.0.0/33` is no value for IpAddress",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"DateLessThan":{"a:b":"tomorrow"}}}]}"#,
            "Statement[0].Condition.DateLessThan.a:b: `tomorrow` is no value for DateLessThan",
        ),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"a:B","Condition":{"StringEquals":{"a:b":{}}}}]}"#,
            "Statement[0].Condition.StringEquals.a:b: expected a value, found an object",
        ),
        (
            r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"a:B"},{"Sid":"a","Effect":"Allow","Action":"a:B"}]}"#,
            "Statement[1].Sid: `a` is used twice",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn principals_with_parts_left_open_are_refused() {
    for principal in [
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::*:root",
        "1111222233334",
        "arn:aws:iam::111122223333:group/admins",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:s3:::bucket",
        "",
    ] {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"a:B","Principal":{{"AWS":"{principal}"}}}}}}"#
        );
        let message = refused(&text);
        assert!(
            message.starts_with("Statement.Principal.AWS: "),
            "{message}"
        );
    }
}

#[test]
fn a_policy_is_checked_against_its_purpose() {
    let check = |text: &str, kind| {
        Policy::parse(text)
            .expect("a policy")
            .check(kind)
            .map_err(|wrong| wrong.to_string())
    };
    let bare = r#"{"Statement":[{"Effect":"Allow","Action":"a:B"}]}"#;
    assert_eq!(
        check(bare, Kind::Trust),
        Err("Statement[0]: a trust policy says who: Principal is missing".to_owned())
    );
    assert_eq!(
        check(bare, Kind::Identity),
        Err("Statement[0]: Resource is missing".to_owned())
    );
    let open = r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"111122223333"}}]}"#;
    assert_eq!(
        check(open, Kind::Trust),
        Err(
            "Statement[0].NotPrincipal: NotPrincipal with Allow would let in everybody else"
                .to_owned()
        )
    );
}
