//! What is found wrong with a policy that can be read.

use stint_iam_policy::{Document, Kind, Severity, connector_permissions, trust_policy};

fn statement(statement: &str) -> String {
    format!("{{\n\"Version\": \"2012-10-17\",\n\"Statement\": [\n{statement}\n]}}")
}

fn of(kind: Kind, text: &str) -> Vec<(&'static str, String)> {
    let document = Document::parse(text).expect("a policy");
    document
        .findings(kind)
        .into_iter()
        .map(|finding| {
            assert!(finding.position.is_some());
            (
                finding.code,
                format!("{}: {}", finding.place, finding.problem),
            )
        })
        .collect()
}

#[test]
fn each_slip_is_found_and_said() {
    for (text, code, expected) in [
        (
            r#"{"Effect":"Allow","Action":["iam:GetUser","iam:ListUser"],"Resource":"*"}"#,
            "unknown_action",
            "Statement[0].Action[1]: `iam:ListUser`: AWS Identity and Access Management (IAM) has no such action; did you mean `iam:ListUsers`?",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:Lisst*","Resource":"*"}"#,
            "unknown_action",
            "Statement[0].Action[0]: `iam:Lisst*` matches no action of AWS Identity and Access Management (IAM)",
        ),
        (
            r#"{"Effect":"Allow","Action":"identitystores:ListUsers","Resource":"*"}"#,
            "unknown_service",
            "Statement[0].Action[0]: `identitystores:ListUsers`: there is no service `identitystores`; did you mean `identitystore`?",
        ),
        // AWS reference §6.4: the condition that can never hold.
        (
            r#"{"Effect":"Allow","Action":["iam:CreateUser","iam:ListUsers"],"Resource":"*","Condition":{"StringLike":{"iam:UserName":"app-*"}}}"#,
            "unknown_key",
            "Statement[0].Condition.StringLike.iam:UserName: no request carries `iam:UserName`: this never holds, so the statement never applies",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringNotLike":{"iam:UserName":"app-*"}}}"#,
            "unknown_key",
            "Statement[0].Condition.StringNotLike.iam:UserName: no request carries `iam:UserName`: this always holds",
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:UserId2":"x"}}}"#,
            "unknown_key",
            "Statement[0].Condition.StringEquals.aws:UserId2: no request carries `aws:UserId2`: this never holds, so the statement never applies; did you mean `aws:userid`?",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:DeleteUser","Resource":"*","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}"#,
            "key_never_sent",
            "Statement[0].Condition.StringEquals.sts:ExternalId: none of the actions here is sent with `sts:ExternalId`: this never holds, so the statement never applies",
        ),
        (
            r#"{"Effect":"Allow","Action":["iam:AttachUserPolicy","iam:GetUser"],"Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/x"}}}"#,
            "key_not_always_sent",
            "Statement[0].Condition.ArnEquals.iam:PolicyARN: `iam:PolicyARN` is not sent with iam:GetUser: this statement never allows that",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"NumericLessThan":{"aws:PrincipalAccount":"5"}}}"#,
            "wrong_operator",
            "Statement[0].Condition.NumericLessThan.aws:PrincipalAccount: `aws:PrincipalAccount` holds text, which NumericLessThan does not compare",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:TagUser","Resource":"*","Condition":{"StringEquals":{"aws:TagKeys":"team"}}}"#,
            "set_operator_missing",
            "Statement[0].Condition.StringEquals.aws:TagKeys: a request may carry several values of `aws:TagKeys`: write ForAnyValue: or ForAllValues: before StringEquals",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}}"#,
            "set_operator_on_one_value",
            "Statement[0].Condition.ForAllValues:StringEquals.aws:PrincipalOrgID: `aws:PrincipalOrgID` has one value, and ForAllValues also holds where it is missing: leave the prefix out",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:ListUsers","Resource":"arn:aws:iam::111122223333:user/*"}"#,
            "never_applies",
            "Statement[0]: this statement never applies: iam:ListUsers is judged on `*` alone",
        ),
        (
            r#"{"Effect":"Allow","Action":["iam:GetUser","iam:AddUserToGroup"],"Resource":"arn:aws:iam::*:user/${aws:username}"}"#,
            "resource_mismatch",
            "Statement[0].Action[1]: `iam:AddUserToGroup` never applies here: iam:AddUserToGroup is judged on arn:${Partition}:iam::${Account}:group/${GroupNameWithPath}",
        ),
        (
            r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:userName2}"}"#,
            "unknown_key",
            "Statement[0].Resource[0]: no request carries `aws:userName2`: this matches nothing; did you mean `aws:username`?",
        ),
    ] {
        let found = of(Kind::Identity, &statement(text));
        assert_eq!(found, [(code, expected.to_owned())], "{text}");
    }
    let old = r#"{"Statement":{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"}}"#;
    let found = of(Kind::Identity, old);
    assert_eq!(
        found,
        [(
            "variable_is_text",
            "Statement[0].Resource[0]: `${aws:username}` is plain text in edition 2008-10-17: write \"Version\": \"2012-10-17\"".to_owned()
        )]
    );
}

#[test]
fn what_is_right_is_left_alone() {
    for text in [
        r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":["ec2:Anything","lambda:*"],"Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringEquals":{"ec2:Region":"x"}}}"#,
        r#"{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::*:user/${aws:username}"}"#,
        r#"{"Effect":"Allow","Action":"sso:CreateAccountAssignment","Resource":["arn:aws:sso:::instance/*","arn:aws:sso:::account/1"]}"#,
        r#"{"Effect":"Deny","NotAction":"iam:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
        r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":["${aws:username}/*"]}}}"#,
        r#"{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-2:*:${aws:username}-queue"}"#,
    ] {
        assert_eq!(of(Kind::Identity, &statement(text)), [], "{text}");
    }
    let mine = connector_permissions("aws", "111122223333").to_text();
    assert_eq!(of(Kind::Identity, &mine), []);
    let trust = trust_policy("arn:aws:iam::222233334444:user/stint-host", "stint-5f0c");
    assert_eq!(of(Kind::Trust, &trust.to_text()), []);
}

#[test]
fn findings_stand_in_the_order_of_the_text_with_errors_among_them() {
    let text = "{\n  \"Statement\": [\n    { \"Effect\": \"Allow\", \"Action\": \"iam:Nothing\",\n      \"Principal\": \"*\", \"Resource\": \"*\" }\n  ]\n}";
    let document = Document::parse(text).expect("a policy");
    let found: Vec<String> = document
        .findings(Kind::Identity)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "line 3, column 36: Statement[0].Action[0]: `iam:Nothing`: AWS Identity and Access Management (IAM) has no such action",
            "line 4, column 7: Statement[0].Principal: Principal belongs into trust and resource policies only",
        ]
    );
    let severities: Vec<Severity> = document
        .findings(Kind::Identity)
        .iter()
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(severities, [Severity::Warning, Severity::Error]);
}
