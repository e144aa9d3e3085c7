//! Whatever arrives is answered with an AWS error, never with a panic.

use std::sync::LazyLock;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::rig::{Rig, SECOND, small};
use crate::signing::signature;

/// Every operation of a service that speaks JSON, and two nobody has.
static TARGETS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let known = stint_aws_sim::operations();
    let known = known.iter().filter_map(|name| name.split_once(':'));
    let known = known.filter_map(|(service, operation)| {
        let prefix = match service {
            "identitystore" => "AWSIdentityStore",
            "sso" => "SWBExternalService",
            "organizations" => "AWSOrganizationsV20161128",
            "sqs" => "AmazonSQS",
            _ => return None,
        };
        Some(format!("{prefix}.{operation}"))
    });
    let nobody = ["AWSIdentityStore.Nonsense", "SWBExternalService."];
    known.chain(nobody.map(str::to_owned)).collect()
});

/// Every action of this service.
fn actions(service: &str) -> Vec<String> {
    let known = stint_aws_sim::operations();
    let known = known.iter().filter_map(|name| name.split_once(':'));
    let known = known.filter(|(of, _)| *of == service);
    let known = known.map(|(_, operation)| operation.to_owned());
    known.chain(["Nonsense".to_owned()]).collect()
}

const MEMBERS: &[&str] = &[
    "InstanceArn",
    "PermissionSetArn",
    "AccountId",
    "TargetId",
    "TargetType",
    "PrincipalType",
    "PrincipalId",
    "IdentityStoreId",
    "GroupId",
    "UserId",
    "MemberId",
    "GroupIds",
    "MembershipId",
    "AlternateIdentifier",
    "Filter",
    "Filters",
    "Status",
    "MaxResults",
    "NextToken",
    "ProvisioningStatus",
    "AccountAssignmentCreationRequestId",
    "ResourceId",
    "TagKeys",
    "Tags",
    "QueueUrl",
    "QueueName",
    "Attributes",
    "Entries",
    "MessageBody",
    "MessageAttributes",
    "ReceiptHandle",
    "VisibilityTimeout",
    "WaitTimeSeconds",
];

const IAM_MEMBERS: &[&str] = &[
    "UserName",
    "GroupName",
    "NewUserName",
    "NewGroupName",
    "Path",
    "NewPath",
    "PathPrefix",
    "MaxItems",
    "Marker",
    "AccessKeyId",
    "Status",
    "PermissionsBoundary",
    "Tags.member.1.Key",
    "Tags.member.1.Value",
    "TagKeys.member.1",
];

static RIG: LazyLock<(Rig, Runtime)> =
    LazyLock::new(|| (Rig::in_memory(small()), Runtime::new().expect("a runtime")));

/// Good values among bad ones.
fn value() -> impl Strategy<Value = Value> {
    let (rig, _) = &*RIG;
    let ana = rig.ana();
    let texts = vec![
        rig.facts.instance_arn.clone(),
        rig.set("prod-admin"),
        rig.account("prod-payments"),
        rig.facts.identity_store_id.clone(),
        rig.sim.group_id("platform").expect("a group"),
        ana.clone(),
        "USER".to_owned(),
        "GROUP".to_owned(),
        "AWS_ACCOUNT".to_owned(),
        "IN_PROGRESS".to_owned(),
        String::new(),
        "é\u{0}<&>\u{1F600}".to_owned(),
        "x".repeat(3_000),
    ];
    let leaf = prop_oneof![
        6 => prop::sample::select(texts).prop_map(Value::from),
        1 => ".{0,8}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!({ "UserId": ana })),
        1 => Just(json!({ "UniqueAttribute": { "AttributePath": "userName", "AttributeValue": "ana.moreno" } })),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            (prop::sample::select(MEMBERS), inner).prop_map(|(name, value)| json!({ name: value })),
        ]
    })
}

fn input() -> impl Strategy<Value = Map<String, Value>> {
    let (rig, _) = &*RIG;
    let good = json!({
        "InstanceArn": rig.facts.instance_arn,
        "IdentityStoreId": rig.facts.identity_store_id,
        "PermissionSetArn": rig.set("prod-admin"),
        "AccountId": rig.account("prod-payments"),
        "TargetId": rig.account("prod-payments"),
        "TargetType": "AWS_ACCOUNT",
        "PrincipalType": "USER",
        "PrincipalId": rig.ana(),
        "GroupId": rig.sim.group_id("platform"),
        "UserId": rig.ana(),
        "MemberId": { "UserId": rig.ana() },
        "QueueName": "any",
        "QueueUrl": format!("http://aws.sim/{}/any", rig.facts.management_account),
    });
    let changes = prop::collection::vec((prop::sample::select(MEMBERS), value()), 0..3);
    changes.prop_map(move |changes| {
        let mut members = good.as_object().expect("an object").clone();
        for (name, value) in changes {
            members.insert(name.to_owned(), value);
        }
        members
    })
}

/// Sends a body signed with the administrator's key, by the wall clock; gives status and body.
fn send(content_type: &str, target: Option<&str>, service: &str, body: Vec<u8>) -> (u16, String) {
    let (rig, runtime) = &*RIG;
    let now = now_basic();
    let scope = format!("{}/eu-central-1/{service}/aws4_request", &now[..8]);
    let keys = &rig.facts.admin;
    let signature = signature(
        &keys.secret_access_key,
        &now,
        &scope,
        &["host:aws.sim"],
        &body,
    );
    let mut request = Request::post("/")
        .header("host", "aws.sim")
        .header("content-type", content_type)
        .header("x-amz-date", &now)
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host, Signature={signature}",
                keys.access_key_id,
            ),
        );
    if let Some(target) = target {
        request = request.header("x-amz-target", target);
    }
    let request = request.body(Body::from(body)).expect("a request");
    runtime.block_on(async {
        let answer = rig.sim.router().oneshot(request).await.expect("infallible");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 24)
            .await
            .expect("a whole body");
        (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
    })
}

/// The wall clock in the form of signatures.
fn now_basic() -> String {
    let now = aws_smithy_async::time::SystemTimeSource::new();
    let now = aws_smithy_async::time::TimeSource::now(&now);
    let now = jiff::Timestamp::try_from(now).expect("a time");
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

proptest! {
    #[test]
    fn any_json_input_is_answered(target in prop::sample::select(TARGETS.clone()), input in input()) {
        let service = match target.split('.').next() {
            Some("AWSIdentityStore") => "identitystore",
            Some("SWBExternalService") => "sso",
            Some("AmazonSQS") => "sqs",
            _ => "organizations",
        };
        if service == "sqs" {
            // A case before may have deleted it.
            RIG.0.clock.advance(61 * SECOND);
            let made = json!({ "QueueName": "any" }).to_string().into_bytes();
            let (status, made) = send("application/x-amz-json-1.0", Some("AmazonSQS.CreateQueue"), "sqs", made);
            prop_assert_eq!(status, 200, "{}", made);
        }
        let body = Value::Object(input).to_string().into_bytes();
        let (status, answer) = send("application/x-amz-json-1.1", Some(&target), service, body);
        // What has no output has no body, which are those that change something.
        let reads = ["Describe", "Get", "Is", "List", "Receive"];
        let operation = target.split('.').nth(1).unwrap_or_default();
        prop_assert!(!answer.is_empty() || !reads.iter().any(|verb| operation.starts_with(verb)), "{}", target);
        let answer = if answer.is_empty() { "{}" } else { &answer };
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        prop_assert!(status == 200 || status == 400, "{} {}", status, answer);
        prop_assert_eq!(status == 400, answer.get("__type").is_some(), "{}", answer);
        prop_assert!(answer["__type"] != "InvalidSignatureException", "{}", answer);
    }

    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200), as_json in any::<bool>()) {
        let (status, answer) = if as_json {
            send("application/x-amz-json-1.1", Some("SWBExternalService.ListPermissionSets"), "sso", body)
        } else {
            send("application/x-www-form-urlencoded", None, "sts", body)
        };
        prop_assert!((400..404).contains(&status), "{} {}", status, answer);
    }

    #[test]
    fn any_form_is_answered(
        action in prop::sample::select(actions("sts")),
        members in prop::collection::vec((
            prop_oneof![
                Just("RoleArn".to_owned()), Just("RoleSessionName".to_owned()), Just("ExternalId".to_owned()),
                Just("DurationSeconds".to_owned()), Just("Policy".to_owned()), Just("Tags.member.1.Key".to_owned()),
                Just("Tags.member.1.Value".to_owned()), Just("SourceIdentity".to_owned()), "[ -~]{0,6}"
            ],
            prop_oneof![
                Just("arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FX".to_owned()), Just("name".to_owned()),
                Just("3600".to_owned()), Just("%7B%7D".to_owned()), "[ -~]{0,30}", Just("%zz%".to_owned())
            ],
        ), 0..6),
    ) {
        let mut body = format!("Action={action}&Version=2011-06-15");
        for (name, value) in members {
            body += &format!("&{name}={value}");
        }
        let (status, answer) = send("application/x-www-form-urlencoded", None, "sts", body.into_bytes());
        prop_assert!([200, 400, 403].contains(&status), "{} {}", status, answer);
        prop_assert!(answer.contains("<RequestId>"), "{}", answer);
    }

    #[test]
    fn any_iam_form_is_answered(
        action in prop::sample::select(actions("iam")),
        members in prop::collection::vec((
            prop::sample::select(IAM_MEMBERS),
            prop_oneof![
                4 => Just("emil".to_owned()), 2 => Just("Developers".to_owned()), 1 => Just("%2Fx%2F".to_owned()),
                1 => Just("Inactive".to_owned()), 1 => "[0-9]{1,4}".prop_map(|n| n), 1 => "[ -~]{0,30}",
                1 => Just("%00%FF%C3%28%26%3C".to_owned()), 1 => Just("x".repeat(600)), 1 => Just(String::new()),
            ],
        ), 0..6),
    ) {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in members {
            body += &format!("&{name}={value}");
        }
        let (status, answer) = send("application/x-www-form-urlencoded", None, "iam", body.into_bytes());
        prop_assert!([200, 400, 403, 404, 409, 410].contains(&status), "{} {}", status, answer);
        prop_assert!(answer.contains("<RequestId>") && !answer.contains('\0'), "{}", answer);
        prop_assert_eq!(status != 200, answer.starts_with("<ErrorResponse"), "{}", answer);
    }
}
