//! The worked examples of AWS's own documentation: each test names the page of the *IAM user
//! guide* whose example it re-tells, with names of our own, and asks what the page says comes
//! out.

use stint_iam_policy::{
    Because, Caller, Context, Decision, Document, Identity, Kind, Layer, Layers, Origin, Policy,
    Request, ResourceKind, ResourcePolicy, Source, Verdict, evaluate_identity, judge,
};

const ACCOUNT: &str = "123456789012";

fn user(name: &str) -> Caller {
    Caller {
        account: ACCOUNT.to_owned(),
        identity: Identity::User {
            arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
        },
    }
}

fn read(statements: &str) -> Policy {
    Policy::parse(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#
    ))
    .expect("a policy")
}

fn context(keys: &[(&str, &str)]) -> Context {
    keys.iter()
        .fold(Context::new(), |all, (key, value)| all.with(key, *value))
}

/// `allowed`, `denied` or `-` (nothing speaks of it).
fn said(policy: &Policy, action: &str, resource: &str, context: &Context) -> &'static str {
    let caller = user("david");
    let decision = evaluate_identity(
        policy,
        &Request {
            caller: &caller,
            action,
            resource,
            context,
        },
    );
    match decision {
        Decision::Allowed { .. } => "allowed",
        Decision::Denied { .. } => "denied",
        Decision::NotAllowed => "-",
    }
}

type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

fn table(policy: &Policy, rows: &[Row<'_>]) {
    for (action, resource, keys, expected) in rows {
        assert_eq!(
            said(policy, action, resource, &context(keys)),
            *expected,
            "{action} on {resource} with {keys:?}"
        );
    }
}

fn asked(layers: &Layers<'_>, caller: &Caller, action: &str, resource: &str) -> Verdict {
    judge(
        layers,
        &Request {
            caller,
            action,
            resource,
            context: &Context::new(),
        },
    )
}

/// *Policy evaluation logic*, section "Example identity-based and resource-based policy
/// evaluation".
#[test]
fn evaluation_logic_carlos_and_his_buckets() {
    let own = read(
        r#"{"Sid":"AllowS3ListRead","Effect":"Allow","Action":["s3:GetBucketLocation","s3:ListAllMyBuckets"],"Resource":"arn:aws:s3:::*"},
           {"Sid":"AllowS3Self","Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::carlos/*","arn:aws:s3:::carlos"]},
           {"Sid":"DenyS3Logs","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::*log*"}"#,
    );
    let bucket = read(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/carlos"},"Action":"s3:*","Resource":["arn:aws:s3:::carlos/*","arn:aws:s3:::carlos"]}"#,
    );
    let none = read(r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}"#);
    let carlos = user("carlos");
    let of = |own: &Policy, bucket: Option<&Policy>, resource: &str| {
        let layers = Layers {
            identity: vec![Source::of("own", Origin::User, own)],
            resource: bucket.map(|bucket| ResourcePolicy {
                source: Source::of("bucket", Origin::Resource, bucket),
                kind: ResourceKind::Ordinary,
            }),
            ..Layers::default()
        };
        asked(&layers, &carlos, "s3:PutObject", resource)
    };
    let refused = of(&own, None, "arn:aws:s3:::carlos-logs/file");
    assert_eq!(
        refused.to_string(),
        "denied by statement 3 (`DenyS3Logs`) of `own`, an identity-based policy"
    );
    let file = "arn:aws:s3:::carlos/file";
    assert!(of(&own, Some(&bucket), file).is_allowed(), "both allow");
    assert!(of(&own, None, file).is_allowed(), "one is enough");
    assert!(
        of(&none, Some(&bucket), file).is_allowed(),
        "the other is too"
    );
    assert!(!of(&none, None, file).is_allowed());
}

/// *Policy evaluation logic*, section "The difference between explicit and implicit denies".
#[test]
fn evaluation_logic_reports_are_denied_explicitly() {
    let policy = read(
        r#"{"Sid":"AllowGetList","Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"},
           {"Sid":"DenyReports","Effect":"Deny","Action":"iam:*Report","Resource":"*"}"#,
    );
    table(
        &policy,
        &[
            ("iam:GetUser", "*", &[], "allowed"),
            ("iam:ListRoles", "*", &[], "allowed"),
            ("iam:CreatePolicy", "*", &[], "-"),
            ("iam:GetOrganizationsAccessReport", "*", &[], "denied"),
            ("iam:GenerateCredentialReport", "*", &[], "denied"),
        ],
    );
}

/// *Permissions boundaries for IAM entities*: the boundary of ShirleyRodriguez.
#[test]
fn boundaries_limit_and_do_not_give() {
    let boundary =
        read(r#"{"Effect":"Allow","Action":["s3:*","cloudwatch:*","ec2:*"],"Resource":"*"}"#);
    let own = read(r#"{"Effect":"Allow","Action":"iam:CreateUser","Resource":"*"}"#);
    let more = read(r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#);
    let shirley = user("shirley");
    let layers = Layers {
        identity: vec![
            Source::of("own", Origin::User, &own),
            Source::of("more", Origin::UserManaged, &more),
        ],
        boundary: Some(Source::of("boundary", Origin::UserManaged, &boundary)),
        ..Layers::default()
    };
    let create = asked(&layers, &shirley, "iam:CreateUser", "*");
    assert_eq!(
        create.refusal("iam:CreateUser").as_deref(),
        Some("because no permissions boundary allows the iam:CreateUser action")
    );
    assert!(asked(&layers, &shirley, "s3:GetObject", "arn:aws:s3:::b/o").is_allowed());
    let put = asked(&layers, &shirley, "s3:PutObject", "arn:aws:s3:::b/o");
    assert!(matches!(
        put.because,
        Because::NoAllow {
            layer: Layer::Identity,
            ..
        }
    ));
}

/// *Permissions boundaries for IAM entities*, section "Delegating responsibility to others using
/// permissions boundaries": Zhang's own boundary.
#[test]
fn boundaries_delegated_only_with_the_same_boundary() {
    let boundary = read(
        r#"{"Sid":"CreateOrChangeOnlyWithBoundary","Effect":"Allow","Action":["iam:CreateUser","iam:AttachUserPolicy"],"Resource":"*",
            "Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/XCompanyBoundaries"}}},
           {"Sid":"OtherTasks","Effect":"Allow","Action":["iam:GetUser","iam:DeleteUser","iam:DeletePolicy"],"Resource":"*"},
           {"Sid":"NoBoundaryPolicyEdit","Effect":"Deny","Action":["iam:CreatePolicyVersion","iam:DeletePolicy"],"Resource":["arn:aws:iam::123456789012:policy/XCompanyBoundaries"]},
           {"Sid":"NoBoundaryUserDelete","Effect":"Deny","Action":"iam:DeleteUserPermissionsBoundary","Resource":"*"}"#,
    );
    let right: &[(&str, &str)] = &[(
        "iam:PermissionsBoundary",
        "arn:aws:iam::123456789012:policy/XCompanyBoundaries",
    )];
    let wrong: &[(&str, &str)] = &[(
        "iam:PermissionsBoundary",
        "arn:aws:iam::123456789012:policy/Other",
    )];
    let someone = "arn:aws:iam::123456789012:user/nikhil";
    table(
        &boundary,
        &[
            ("iam:CreateUser", someone, right, "allowed"),
            ("iam:CreateUser", someone, wrong, "-"),
            ("iam:CreateUser", someone, &[], "-"),
            ("iam:AttachUserPolicy", someone, right, "allowed"),
            ("iam:DeleteUser", someone, &[], "allowed"),
            (
                "iam:DeleteUserPermissionsBoundary",
                someone,
                right,
                "denied",
            ),
            (
                "iam:DeletePolicy",
                "arn:aws:iam::123456789012:policy/XCompanyBoundaries",
                &[],
                "denied",
            ),
            (
                "iam:DeletePolicy",
                "arn:aws:iam::123456789012:policy/Other",
                &[],
                "allowed",
            ),
        ],
    );
}

/// *AWS: Allows MFA-authenticated IAM users to manage their own credentials on the My Security
/// Credentials page*.
#[test]
fn self_management_needs_mfa_for_all_but_a_few_actions() {
    let policy = read(
        r#"{"Sid":"AllowViewAccountInfo","Effect":"Allow","Action":["iam:GetAccountSummary","iam:ListVirtualMFADevices"],"Resource":"*"},
           {"Sid":"AllowManageOwnPasswords","Effect":"Allow","Action":["iam:ChangePassword","iam:GetUser"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
           {"Sid":"AllowManageOwnAccessKeys","Effect":"Allow","Action":["iam:CreateAccessKey","iam:DeleteAccessKey"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
           {"Sid":"AllowManageOwnVirtualMFADevice","Effect":"Allow","Action":"iam:CreateVirtualMFADevice","Resource":"arn:aws:iam::*:mfa/${aws:username}"},
           {"Sid":"DenyAllExceptListedIfNoMFA","Effect":"Deny","NotAction":["iam:CreateVirtualMFADevice","iam:GetUser","iam:ListVirtualMFADevices"],"Resource":"*",
            "Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
    );
    let (own, other) = (
        "arn:aws:iam::123456789012:user/david",
        "arn:aws:iam::123456789012:user/zoe",
    );
    let with: &[(&str, &str)] = &[
        ("aws:username", "david"),
        ("aws:MultiFactorAuthPresent", "true"),
    ];
    let without: &[(&str, &str)] = &[
        ("aws:username", "david"),
        ("aws:MultiFactorAuthPresent", "false"),
    ];
    let long_term: &[(&str, &str)] = &[("aws:username", "david")];
    table(
        &policy,
        &[
            ("iam:GetUser", own, without, "allowed"),
            ("iam:GetUser", own, long_term, "allowed"),
            ("iam:GetUser", other, with, "-"),
            ("iam:ChangePassword", own, with, "allowed"),
            ("iam:ChangePassword", own, without, "denied"),
            ("iam:CreateAccessKey", own, with, "allowed"),
            ("iam:CreateAccessKey", own, long_term, "denied"),
            ("iam:CreateAccessKey", other, with, "-"),
            (
                "iam:CreateVirtualMFADevice",
                "arn:aws:iam::123456789012:mfa/david",
                long_term,
                "allowed",
            ),
            ("s3:ListAllMyBuckets", "*", without, "denied"),
        ],
    );
}

/// *IAM policy elements: Variables and tags*, sections "Introduction" and "Where you can use
/// policy variables".
#[test]
fn variables_make_one_policy_for_everybody() {
    let home = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::homes","Condition":{"StringLike":{"s3:prefix":["${aws:username}/*"]}}},
           {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::homes/${aws:username}/*"},
           {"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::123456789012:user/${aws:username}"},
           {"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-2:*:${aws:username}-queue"},
           {"Effect":"Allow","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::bucket/${aws:PrincipalTag/department}"}"#;
    let policy = read(home);
    let david: &[(&str, &str)] = &[
        ("aws:username", "David"),
        ("aws:PrincipalTag/department", "HR"),
    ];
    let listing: &[(&str, &str)] = &[("aws:username", "David"), ("s3:prefix", "David/2026")];
    let prying: &[(&str, &str)] = &[("aws:username", "David"), ("s3:prefix", "Zoe/2026")];
    table(
        &policy,
        &[
            ("s3:ListBucket", "arn:aws:s3:::homes", listing, "allowed"),
            ("s3:ListBucket", "arn:aws:s3:::homes", prying, "-"),
            (
                "s3:GetObject",
                "arn:aws:s3:::homes/David/a/b",
                david,
                "allowed",
            ),
            ("s3:GetObject", "arn:aws:s3:::homes/Zoe/a", david, "-"),
            ("s3:GetObject", "arn:aws:s3:::homes/David/a", &[], "-"),
            (
                "iam:UpdateAccessKey",
                "arn:aws:iam::123456789012:user/David",
                david,
                "allowed",
            ),
            (
                "iam:UpdateAccessKey",
                "arn:aws:iam::123456789012:user/david",
                david,
                "-",
            ),
            (
                "sqs:SendMessage",
                "arn:aws:sqs:us-east-2:1:David-queue",
                david,
                "allowed",
            ),
            (
                "sqs:SendMessage",
                "arn:aws:sqs:eu-west-1:1:David-queue",
                david,
                "-",
            ),
            (
                "s3:DeleteBucket",
                "arn:aws:s3:::bucket/HR",
                david,
                "allowed",
            ),
            ("s3:DeleteBucket", "arn:aws:s3:::bucket/HR", listing, "-"),
        ],
    );
    // "variables … are treated as literal strings" without the newer Version.
    let old = Policy::parse(&format!(r#"{{"Statement":[{home}]}}"#)).expect("a policy");
    table(
        &old,
        &[
            ("s3:GetObject", "arn:aws:s3:::homes/David/a", david, "-"),
            (
                "s3:GetObject",
                "arn:aws:s3:::homes/${aws:username}/a",
                david,
                "allowed",
            ),
        ],
    );
}

/// The same page, sections "Special characters" and "Specifying default values".
#[test]
fn variables_with_defaults_and_special_characters() {
    let policy = read(
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/${aws:userid, 'anonymous'}/*"},
           {"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::bucket/${*}${?}${$}/*"}"#,
    );
    table(
        &policy,
        &[
            (
                "s3:GetObject",
                "arn:aws:s3:::bucket/anonymous/a",
                &[],
                "allowed",
            ),
            (
                "s3:GetObject",
                "arn:aws:s3:::bucket/AIDA1/a",
                &[("aws:userid", "AIDA1")],
                "allowed",
            ),
            (
                "s3:GetObject",
                "arn:aws:s3:::bucket/anonymous/a",
                &[("aws:userid", "AIDA1")],
                "-",
            ),
            ("s3:PutObject", "arn:aws:s3:::bucket/*?$/a", &[], "allowed"),
            ("s3:PutObject", "arn:aws:s3:::bucket/abc/a", &[], "-"),
        ],
    );
}

/// *IAM JSON policy elements: Condition operators*, one example of each section.
#[test]
fn condition_operators_as_their_page_shows_them() {
    let of = |action: &str, condition: &str| {
        read(&format!(
            r#"{{"Effect":"Allow","Action":"{action}","Resource":"*","Condition":{condition}}}"#
        ))
    };
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        // String
        (
            r#"{"StringEquals":{"aws:PrincipalTag/job-category":"iamuser-admin"}}"#,
            "string",
            &[("aws:PrincipalTag/job-category", "iamuser-admin")],
            "allowed",
        ),
        (
            r#"{"StringEquals":{"aws:PrincipalTag/job-category":"iamuser-admin"}}"#,
            "no tag",
            &[],
            "-",
        ),
        (
            r#"{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}"#,
            "own",
            &[("s3:prefix", "home/ana/"), ("aws:username", "ana")],
            "allowed",
        ),
        (
            r#"{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}"#,
            "empty",
            &[("s3:prefix", ""), ("aws:username", "ana")],
            "allowed",
        ),
        (
            r#"{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}"#,
            "other",
            &[("s3:prefix", "home/bo/"), ("aws:username", "ana")],
            "-",
        ),
        // Numeric
        (
            r#"{"NumericLessThanEquals":{"s3:max-keys":"10"}}"#,
            "ten",
            &[("s3:max-keys", "10")],
            "allowed",
        ),
        (
            r#"{"NumericLessThanEquals":{"s3:max-keys":"10"}}"#,
            "eleven",
            &[("s3:max-keys", "11")],
            "-",
        ),
        // Date
        (
            r#"{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}"#,
            "later",
            &[("aws:TokenIssueTime", "2020-01-01T00:00:02Z")],
            "allowed",
        ),
        (
            r#"{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}"#,
            "long-term key",
            &[],
            "-",
        ),
        // Boolean
        (
            r#"{"Bool":{"aws:SecureTransport":"false"}}"#,
            "plain",
            &[("aws:SecureTransport", "false")],
            "allowed",
        ),
        (
            r#"{"Bool":{"aws:SecureTransport":"false"}}"#,
            "tls",
            &[("aws:SecureTransport", "true")],
            "-",
        ),
        // Binary
        (
            r#"{"BinaryEquals":{"k:a":"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}"#,
            "same",
            &[("k:a", "QmluYXJ5VmFsdWVJbkJhc2U2NA==")],
            "allowed",
        ),
        // Address
        (
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}"#,
            "v4",
            &[("aws:SourceIp", "203.0.113.255")],
            "allowed",
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}"#,
            "v4 outside",
            &[("aws:SourceIp", "203.0.114.0")],
            "-",
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}"#,
            "v6",
            &[("aws:SourceIp", "2001:db8:1234:5678::1")],
            "allowed",
        ),
        (
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}"#,
            "v6 outside",
            &[("aws:SourceIp", "2001:db8:1234:5679::1")],
            "-",
        ),
        // ARN: each part by itself, where StringLike reaches across.
        (
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:someservice:*:111122223333:finance/*"}}"#,
            "across",
            &[(
                "aws:SourceArn",
                "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            )],
            "-",
        ),
        (
            r#"{"StringLike":{"aws:SourceArn":"arn:aws:someservice:*:111122223333:finance/*"}}"#,
            "across",
            &[(
                "aws:SourceArn",
                "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            )],
            "allowed",
        ),
        (
            r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:someservice:*:111122223333:finance/*"}}"#,
            "within",
            &[(
                "aws:SourceArn",
                "arn:aws:someservice:us-east-2:111122223333:finance/a/b",
            )],
            "allowed",
        ),
        // IfExists
        (
            r#"{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}"#,
            "an image",
            &[],
            "allowed",
        ),
        (
            r#"{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}"#,
            "small",
            &[("ec2:InstanceType", "t2.micro")],
            "allowed",
        ),
        (
            r#"{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}"#,
            "large",
            &[("ec2:InstanceType", "c5.large")],
            "-",
        ),
        (
            r#"{"StringLike":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}"#,
            "THISPOLICYDOESNOTWORK",
            &[],
            "-",
        ),
        // Null
        (
            r#"{"Null":{"aws:TokenIssueTime":"true"}}"#,
            "own keys",
            &[],
            "allowed",
        ),
        (
            r#"{"Null":{"aws:TokenIssueTime":"true"}}"#,
            "temporary",
            &[("aws:TokenIssueTime", "2026-01-01T00:00:00Z")],
            "-",
        ),
    ];
    for (condition, name, keys, expected) in cases {
        let policy = of("s3:Any", condition);
        let found = said(&policy, "s3:Any", "arn:aws:s3:::b", &context(keys));
        assert_eq!(found, *expected, "{condition}: {name}");
    }
}

/// *Creating a condition that tests multiple key values*, sections "Examples" and "Evaluation
/// logic".
#[test]
fn set_operators_over_the_attributes_of_a_table() {
    let thread = "arn:aws:dynamodb:eu-west-1:123456789012:table/Thread";
    let allow = read(&format!(
        r#"{{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"{thread}","Condition":{{"ForAllValues:StringLike":{{"dynamodb:requestedAttributes":["PostDateTime","Message","Tags"]}}}}}}"#
    ));
    let deny = read(&format!(
        r#"{{"Effect":"Deny","Action":"dynamodb:PutItem","Resource":"{thread}","Condition":{{"ForAnyValue:StringLike":{{"dynamodb:requestedAttributes":["ID","PostDateTime"]}}}}}}"#
    ));
    let with = |values: &[&str]| {
        let mut context = Context::new();
        context.set(
            "dynamodb:requestedAttributes",
            values.iter().map(|value| (*value).to_owned()),
        );
        context
    };
    for (values, get, put) in [
        (&["PostDateTime", "Message"][..], "allowed", "denied"),
        (&["PostDateTime", "UserName"], "-", "denied"),
        (&["ID"], "-", "denied"),
        (&["UserName"], "-", "-"),
        (&["UserName", "Message", "PostDateTime"], "-", "denied"),
        // "If the key values … resolve to an empty data set (for example, an empty string)".
        (&[""], "allowed", "-"),
        (&[], "allowed", "-"),
    ] {
        let context = with(values);
        assert_eq!(
            said(&allow, "dynamodb:GetItem", thread, &context),
            get,
            "{values:?}"
        );
        assert_eq!(
            said(&deny, "dynamodb:PutItem", thread, &context),
            put,
            "{values:?}"
        );
    }
}

/// *IAM JSON policy elements: NotAction*.
#[test]
fn not_action_allows_the_rest_and_denies_the_rest() {
    let buckets =
        read(r#"{"Effect":"Allow","NotAction":"s3:DeleteBucket","Resource":"arn:aws:s3:::*"}"#);
    table(
        &buckets,
        &[
            ("s3:PutObject", "arn:aws:s3:::b/o", &[], "allowed"),
            ("s3:DeleteBucket", "arn:aws:s3:::b", &[], "-"),
            // "that action requires the "*" resource"
            ("s3:ListAllMyBuckets", "*", &[], "-"),
        ],
    );
    let all_but_iam = read(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#);
    table(
        &all_but_iam,
        &[
            ("ec2:RunInstances", "*", &[], "allowed"),
            ("iam:CreateUser", "*", &[], "-"),
        ],
    );
    let mfa = read(
        r#"{"Sid":"DenyAllUsersNotUsingMFA","Effect":"Deny","NotAction":"iam:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
    );
    table(
        &mfa,
        &[
            ("s3:GetObject", "*", &[], "denied"),
            (
                "s3:GetObject",
                "*",
                &[("aws:MultiFactorAuthPresent", "false")],
                "denied",
            ),
            (
                "s3:GetObject",
                "*",
                &[("aws:MultiFactorAuthPresent", "true")],
                "-",
            ),
            ("iam:GetUser", "*", &[], "-"),
        ],
    );
}

/// *IAM JSON policy elements: NotResource*.
#[test]
fn not_resource_denies_everything_but_the_folder() {
    let policy = read(
        r#"{"Effect":"Deny","Action":"s3:*","NotResource":["arn:aws:s3:::HRBucket/Payroll","arn:aws:s3:::HRBucket/Payroll/*"]}"#,
    );
    table(
        &policy,
        &[
            (
                "s3:GetObject",
                "arn:aws:s3:::HRBucket/Payroll/may",
                &[],
                "-",
            ),
            (
                "s3:GetObject",
                "arn:aws:s3:::HRBucket/Payrolls",
                &[],
                "denied",
            ),
            ("s3:GetObject", "arn:aws:s3:::HRBucket/Other", &[], "denied"),
            ("s3:ListAllMyBuckets", "*", &[], "denied"),
            ("ec2:RunInstances", "*", &[], "-"),
        ],
    );
}

/// *IAM JSON policy elements: Resource*: `*` reaches across slashes.
#[test]
fn resource_wildcards_cross_slashes() {
    let policy =
        read(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::bucket/*/test/*"}"#);
    for (object, expected) in [
        ("1/test/object.jpg", "allowed"),
        ("1/2/test/3/object.jpg", "allowed"),
        ("1///test///object.jpg", "allowed"),
        ("1/test/.jpg", "allowed"),
        ("/test/object.jpg", "allowed"),
        ("1/test/", "allowed"),
        ("1-test/object.jpg", "-"),
        ("test/object.jpg", "-"),
        ("1/2/test.jpg", "-"),
    ] {
        let resource = format!("arn:aws:s3:::bucket/{object}");
        let found = said(&policy, "s3:GetObject", &resource, &Context::new());
        assert_eq!(found, expected, "{object}");
    }
}

/// *AWS JSON policy elements: Principal*, section "All principals": a condition instead of
/// `NotPrincipal`.
#[test]
fn everybody_but_one_is_kept_from_a_bucket() {
    let bucket = read(
        r#"{"Sid":"UsePrincipalArnInsteadOfNotPrincipalWithDeny","Effect":"Deny","Action":"s3:*","Principal":"*","Resource":["arn:aws:s3:::b/*","arn:aws:s3:::b"],
            "Condition":{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/carol"}}}"#,
    );
    let all = read(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
    for (name, expected) in [("carol", true), ("david", false)] {
        let caller = user(name);
        let layers = Layers {
            identity: vec![Source::of("own", Origin::User, &all)],
            resource: Some(ResourcePolicy {
                source: Source::of("b", Origin::Resource, &bucket),
                kind: ResourceKind::Ordinary,
            }),
            ..Layers::default()
        };
        let arn = format!("arn:aws:iam::123456789012:user/{name}");
        let verdict = judge(
            &layers,
            &Request {
                caller: &caller,
                action: "s3:GetObject",
                resource: "arn:aws:s3:::b/o",
                context: &Context::new().with("aws:PrincipalArn", arn),
            },
        );
        assert_eq!(verdict.is_allowed(), expected, "{name}");
    }
}

/// *Permissions for AssumeRole, AssumeRoleWithSAML, and AssumeRoleWithWebIdentity*.
#[test]
fn a_policy_passed_to_assume_role_filters_and_a_bucket_policy_denies() {
    let list =
        r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::productionapp"}"#;
    let of = |actions: &str| {
        read(&format!(
            r#"{list},{{"Effect":"Allow","Action":[{actions}],"Resource":"arn:aws:s3:::productionapp/*"}}"#
        ))
    };
    let role = of(r#""s3:GetObject","s3:PutObject","s3:DeleteObject""#);
    let passed = of(r#""s3:GetObject","s3:PutObject","s3:PutObjectAcl""#);
    let bucket = read(
        r#"{"Principal":{"AWS":"*"},"Effect":"Deny","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::productionapp/*"}"#,
    );
    let session = Caller {
        account: ACCOUNT.to_owned(),
        identity: Identity::Session {
            role: "arn:aws:iam::123456789012:role/app".to_owned(),
            session: "arn:aws:sts::123456789012:assumed-role/app/s".to_owned(),
        },
    };
    let judged = |passed: Option<&Policy>, bucket: Option<&Policy>, action: &str| {
        let layers = Layers {
            identity: vec![Source::of("role", Origin::Role, &role)],
            session: passed.map(|passed| vec![Source::of("passed", Origin::None, passed)]),
            resource: bucket.map(|bucket| ResourcePolicy {
                source: Source::of("bucket", Origin::Resource, bucket),
                kind: ResourceKind::Ordinary,
            }),
            ..Layers::default()
        };
        asked(&layers, &session, action, "arn:aws:s3:::productionapp/o")
    };
    assert!(judged(None, None, "s3:DeleteObject").is_allowed());
    assert!(judged(Some(&passed), None, "s3:PutObject").is_allowed());
    let filtered = judged(Some(&passed), None, "s3:DeleteObject");
    assert_eq!(
        filtered.refusal("s3:DeleteObject").as_deref(),
        Some("because no session policy allows the s3:DeleteObject action")
    );
    assert!(
        !judged(Some(&passed), None, "s3:PutObjectAcl").is_allowed(),
        "what is passed adds nothing"
    );
    assert!(judged(None, Some(&bucket), "s3:DeleteObject").is_explicit_deny());
    assert!(judged(None, Some(&bucket), "s3:GetObject").is_allowed());
}

/// *Permissions for GetFederationToken*: the user `token-app` and the federated user Carol.
#[test]
fn a_federated_user_has_what_both_give_and_what_a_bucket_gives_by_name() {
    let user_policy = read(
        r#"{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"*"},
           {"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"},
           {"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}"#,
    );
    let passed = read(
        r#"{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::productionapp"]},
           {"Effect":"Allow","Action":["s3:GetObject","s3:DeleteObject"],"Resource":["arn:aws:s3:::productionapp/*"]}"#,
    );
    let bucket = read(
        r#"{"Principal":{"AWS":"arn:aws:sts::123456789012:federated-user/Carol"},"Effect":"Allow","Action":["s3:GetObject","s3:DeleteObject"],"Resource":["arn:aws:s3:::productionapp/*"]}"#,
    );
    let carol = Caller {
        account: ACCOUNT.to_owned(),
        identity: Identity::FederatedUser {
            user: "arn:aws:iam::123456789012:user/token-app".to_owned(),
            session: "arn:aws:sts::123456789012:federated-user/Carol".to_owned(),
        },
    };
    let judged = |passed: Option<&Policy>, bucket: Option<&Policy>, action, resource| {
        let layers = Layers {
            identity: vec![Source::of("token-app", Origin::User, &user_policy)],
            session: passed.map(|passed| vec![Source::of("passed", Origin::None, passed)]),
            resource: bucket.map(|bucket| ResourcePolicy {
                source: Source::of("bucket", Origin::Resource, bucket),
                kind: ResourceKind::Ordinary,
            }),
            ..Layers::default()
        };
        asked(&layers, &carol, action, resource).is_allowed()
    };
    let (app, object) = ("arn:aws:s3:::productionapp", "arn:aws:s3:::productionapp/o");
    assert!(
        !judged(None, None, "s3:ListBucket", app),
        "no policy, no permissions"
    );
    assert!(judged(Some(&passed), None, "s3:ListBucket", app));
    assert!(!judged(
        Some(&passed),
        None,
        "s3:ListBucket",
        "arn:aws:s3:::other"
    ));
    assert!(!judged(Some(&passed), None, "s3:GetObject", object));
    assert!(!judged(Some(&passed), None, "sqs:ReceiveMessage", "*"));
    assert!(judged(None, Some(&bucket), "s3:DeleteObject", object));
    assert!(!judged(None, Some(&bucket), "s3:PutObject", object));
}

/// *Cross-account policy evaluation logic*: both accounts have to say yes.
#[test]
fn two_evaluations_across_accounts() {
    let own = read(r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::Production"}"#);
    let bucket = read(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/demo"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::Production*"}"#,
    );
    let demo = user("demo");
    let layers = Layers {
        identity: vec![Source::of("own", Origin::User, &own)],
        resource: Some(ResourcePolicy {
            source: Source::of("bucket", Origin::Resource, &bucket),
            kind: ResourceKind::Ordinary,
        }),
        resource_account: Some("222222222222"),
        ..Layers::default()
    };
    for (action, resource, expected) in [
        ("s3:ListBucket", "arn:aws:s3:::Production", None),
        (
            "s3:GetObject",
            "arn:aws:s3:::Production/o",
            Some("because no identity-based policy allows the s3:GetObject action"),
        ),
        (
            "s3:DeleteBucket",
            "arn:aws:s3:::Production",
            Some("because no resource-based policy allows the s3:DeleteBucket action"),
        ),
    ] {
        let verdict = asked(&layers, &demo, action, resource);
        assert_eq!(verdict.refusal(action).as_deref(), expected);
    }
}

/// *IAM: Access the policy simulator API*; nothing is wrong with AWS's own examples.
#[test]
fn examples_of_aws_have_no_findings() {
    for statements in [
        r#"{"Action":["iam:GetContextKeysForCustomPolicy","iam:GetContextKeysForPrincipalPolicy","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Effect":"Allow","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":["iam:GetAccountPasswordPolicy","iam:GetAccountSummary","iam:ListVirtualMFADevices"],"Resource":"*"},
           {"Effect":"Allow","Action":["iam:ChangePassword","iam:GetUser"],"Resource":"arn:aws:iam::*:user/${aws:username}"},
           {"Effect":"Allow","Action":["iam:CreateVirtualMFADevice","iam:DeleteVirtualMFADevice"],"Resource":"arn:aws:iam::*:mfa/${aws:username}"}"#,
        r#"{"Effect":"Allow","Action":["s3:GetBucketLocation","s3:ListBucket"],"Resource":"arn:aws:s3:::*"}"#,
    ] {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let document = Document::read(&text, Kind::Managed).expect("a policy");
        assert_eq!(document.findings(Kind::Managed), [], "{text}");
    }
}
