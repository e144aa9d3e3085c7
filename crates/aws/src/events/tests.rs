use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const HOME: &str = "111122223333";
const SET: &str = "arn:aws:sso:::permissionSet/ssoins-1111222233334444/ps-aaaabbbbccccdddd";

fn us() -> Listener {
    Listener {
        accounts: vec![HOME.into()],
        iam: vec![HOME.into()],
        instance: Some("arn:aws:sso:::instance/ssoins-1111222233334444".into()),
        store: Some("d-1234567890".into()),
    }
}

fn trail(service: &str, name: &str, asked: Value, answered: Value) -> Value {
    json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{service}"),
        "account": HOME,
        "time": "2026-11-23T08:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "eventSource": format!("{service}.amazonaws.com"),
            "eventName": name,
            "recipientAccountId": HOME,
            "requestParameters": asked,
            "responseElements": answered,
        },
    })
}

fn native(kind: &str, resources: &[&str], detail: Value) -> Value {
    json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": kind,
        "source": "aws.identitystore",
        "account": HOME,
        "time": "2026-11-23T08:00:00Z",
        "region": "eu-west-1",
        "resources": resources,
        "detail": detail,
    })
}

fn heard(event: &Value) -> Heard {
    hear(&event.to_string(), &us())
}

fn objects(event: &Value) -> Vec<Object> {
    match heard(event) {
        Heard::Hints(hints) => hints.into_iter().map(|hint| hint.object).collect(),
        other => panic!("{other:?} of {event:#}"),
    }
}

#[test]
fn a_call_says_which_object_to_read_again() {
    let assignment = json!({
        "instanceArn": us().instance, "targetId": "444455556666", "targetType": "AWS_ACCOUNT",
        "permissionSetArn": SET, "principalType": "USER", "principalId": "u-1",
    });
    let held = Object::Assignments {
        account: "444455556666".into(),
        permission_set: SET.into(),
    };
    let store = |more: Value| {
        let mut all = json!({ "identityStoreId": "d-1234567890" });
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    let user = |name: &str| Object::IamUser {
        account: HOME.into(),
        name: name.into(),
    };
    let group = |name: &str| Object::IamGroup {
        account: HOME.into(),
        name: name.into(),
    };
    let role = |name: &str| Object::IamRole {
        account: HOME.into(),
        name: name.into(),
    };
    let credentials = |name: &str| Object::IamCredentials {
        account: HOME.into(),
        name: name.into(),
    };
    let none = || Value::Null;
    for (service, name, asked, answered, expected) in [
        (
            "sso",
            "CreateAccountAssignment",
            assignment.clone(),
            none(),
            vec![held.clone()],
        ),
        (
            "sso",
            "DeleteAccountAssignment",
            assignment,
            none(),
            vec![held],
        ),
        (
            "sso",
            "CreatePermissionSet",
            json!({ "name": "Admin" }),
            json!({ "permissionSet": { "permissionSetArn": SET } }),
            vec![Object::PermissionSet(SET.into())],
        ),
        (
            "sso",
            "AttachCustomerManagedPolicyReferenceToPermissionSet",
            json!({ "permissionSetArn": SET }),
            none(),
            vec![Object::PermissionSet(SET.into())],
        ),
        (
            "sso",
            "DisassociateProfile",
            json!({ "profileId": "p-1" }),
            none(),
            vec![Object::Everything],
        ),
        (
            "identitystore",
            "CreateUser",
            store(json!({})),
            none(),
            vec![Object::Users],
        ),
        (
            "identitystore",
            "CreateUser",
            store(json!({})),
            json!({ "userId": "u-1" }),
            vec![Object::User("u-1".into())],
        ),
        (
            "identitystore",
            "CreateGroup",
            store(json!({})),
            none(),
            vec![Object::Groups],
        ),
        (
            "identitystore",
            "DeleteUser",
            store(json!({ "userId": "u-1" })),
            none(),
            vec![Object::User("u-1".into())],
        ),
        (
            "identitystore",
            "CreateGroupMembership",
            store(json!({ "groupId": "g-1", "memberId": { "userId": "u-1" } })),
            none(),
            vec![Object::Members("g-1".into())],
        ),
        (
            "identitystore",
            "DeleteGroupMembership",
            store(json!({ "membershipId": "m-1" })),
            none(),
            vec![Object::Membership("m-1".into())],
        ),
        (
            "sso-directory",
            "DisableUser",
            store(json!({ "userId": "u-1" })),
            none(),
            vec![Object::User("u-1".into())],
        ),
        (
            "sso-directory",
            "RemoveMemberFromGroup",
            store(json!({ "groupId": "g-1", "member": { "memberId": "u-1" } })),
            none(),
            vec![Object::Members("g-1".into())],
        ),
        (
            "identitystore-scim",
            "PatchGroup",
            json!({ "id": "g-1", "tenantId": "t" }),
            none(),
            vec![Object::Group("g-1".into()), Object::Members("g-1".into())],
        ),
        (
            "identitystore-scim",
            "CreateUser",
            json!({ "tenantId": "t" }),
            json!({ "id": "u-9" }),
            vec![Object::User("u-9".into())],
        ),
        (
            "organizations",
            "MoveAccount",
            json!({ "accountId": HOME }),
            none(),
            vec![Object::Accounts],
        ),
        (
            "organizations",
            "TagResource",
            json!({ "resourceId": HOME, "tags": [{ "key": "env", "value": "prod" }] }),
            none(),
            vec![Object::AccountTags(HOME.into())],
        ),
        (
            "organizations",
            "UntagResource",
            json!({ "resourceId": HOME, "tagKeys": ["env"] }),
            none(),
            vec![Object::AccountTags(HOME.into())],
        ),
        (
            "iam",
            "UpdateUser",
            json!({ "userName": "ana", "newUserName": "bo" }),
            none(),
            vec![user("ana"), user("bo")],
        ),
        (
            "iam",
            "AddUserToGroup",
            json!({ "userName": "ana", "groupName": "ops" }),
            none(),
            vec![group("ops")],
        ),
        (
            "iam",
            "UpdateAssumeRolePolicy",
            json!({ "roleName": "r" }),
            none(),
            vec![role("r")],
        ),
        (
            "iam",
            "CreateAccessKey",
            none(),
            json!({ "accessKey": { "userName": "ana" } }),
            vec![credentials("ana")],
        ),
        (
            "iam",
            "DeleteLoginProfile",
            json!({ "userName": "ana" }),
            none(),
            vec![credentials("ana")],
        ),
        (
            "iam",
            "EnableMFADevice",
            json!({ "userName": "ana", "serialNumber": "arn:aws:iam::111122223333:mfa/ana" }),
            none(),
            vec![credentials("ana")],
        ),
        (
            "iam",
            "CreateServiceLinkedRole",
            json!({ "awsServiceName": "sso.amazonaws.com" }),
            json!({ "role": { "roleName": "AWSServiceRoleForSSO" } }),
            vec![role("AWSServiceRoleForSSO")],
        ),
        (
            "iam",
            "CreateAccountAlias",
            json!({ "accountAlias": "acme" }),
            none(),
            vec![Object::IamAccount {
                account: HOME.into(),
            }],
        ),
        (
            "organizations",
            "UpdateOrganizationalUnit",
            json!({ "organizationalUnitId": "ou-1", "name": "Prod" }),
            none(),
            vec![Object::Units],
        ),
        (
            "organizations",
            "CloseAccount",
            json!({ "accountId": "444455556666" }),
            none(),
            vec![Object::Accounts],
        ),
    ] {
        let event = trail(service, name, asked, answered);
        assert_eq!(objects(&event), expected, "{name}");
    }
}

#[test]
fn whose_own_key_or_device_it_is_the_caller_tells() {
    let by = |kind: &str| {
        let mut event = trail("iam", "CreateAccessKey", Value::Null, Value::Null);
        event["detail"]["userIdentity"] = json!({ "type": kind, "userName": "ana" });
        event
    };
    let mine = Object::IamCredentials {
        account: HOME.into(),
        name: "ana".into(),
    };
    assert_eq!(objects(&by("IAMUser")), [mine]);
    assert_eq!(heard(&by("Root")), Heard::Nothing, "root has no user");
}

#[test]
fn what_is_not_kept_costs_no_call() {
    for (name, asked) in [
        ("AttachRolePolicy", json!({ "roleName": "r" })),
        ("PutRolePolicy", json!({ "roleName": "r" })),
        ("ChangePassword", Value::Null),
        (
            "CreateVirtualMFADevice",
            json!({ "virtualMFADeviceName": "ana" }),
        ),
    ] {
        let event = trail("iam", name, asked, Value::Null);
        assert_eq!(heard(&event), Heard::Nothing, "{name}");
    }
}

#[test]
fn what_aws_carries_out_later_is_read_later() {
    let asked = json!({ "targetId": HOME, "permissionSetArn": SET });
    let later = |event: &Value| match heard(event) {
        Heard::Hints(hints) => hints.iter().all(|hint| hint.asynchronous),
        other => panic!("{other:?}"),
    };
    assert!(later(&trail(
        "sso",
        "DeleteAccountAssignment",
        asked,
        Value::Null
    )));
    let asked = json!({ "userName": "ana" });
    assert!(!later(&trail("iam", "DeleteUser", asked, Value::Null)));
    let asked = json!({ "roleName": "AWSServiceRoleForSSO" });
    assert!(later(&trail(
        "iam",
        "DeleteServiceLinkedRole",
        asked,
        Value::Null
    )));
}

#[test]
fn the_identity_store_speaks_for_itself_too() {
    let user = "arn:aws:identitystore:::user/90677c608a-aaaa";
    let group = "arn:aws:identitystore:::group/90677c608a-bbbb";
    let member = "arn:aws:identitystore:::membership/90677c608a-cccc";
    let store = "arn:aws:identitystore::111122223333:identitystore/d-1234567890";
    let none = || json!({ "event-version": "1.0" });
    for (kind, resources, detail, expected) in [
        (
            "User Updated",
            vec![store, user],
            none(),
            Object::User("90677c608a-aaaa".into()),
        ),
        (
            "Group Deleted",
            vec![group],
            none(),
            Object::Group("90677c608a-bbbb".into()),
        ),
        (
            "Group Membership Created",
            vec![store, group, user, member],
            none(),
            Object::Members("90677c608a-bbbb".into()),
        ),
        (
            "Group Membership Deleted",
            vec![member],
            none(),
            Object::Membership("90677c608a-cccc".into()),
        ),
        (
            "User Created",
            vec![],
            json!({ "userId": "u-1" }),
            Object::User("u-1".into()),
        ),
    ] {
        assert_eq!(
            objects(&native(kind, &resources, detail)),
            [expected],
            "{kind}"
        );
    }
    let other = "arn:aws:identitystore::111122223333:identitystore/d-other";
    assert_eq!(
        heard(&native("User Updated", &[other, user], none())),
        Heard::Foreign
    );
    assert_eq!(
        heard(&native("Store Painted", &[store], none())),
        Heard::Unknown("aws.identitystore: Store Painted".into())
    );
}

#[test]
fn who_is_not_ours_is_not_heard() {
    let asked = || json!({ "userName": "ana", "groupName": "ops" });
    let mut event = trail("iam", "AddUserToGroup", asked(), Value::Null);
    event["account"] = json!("999988887777");
    assert_eq!(heard(&event), Heard::Foreign);
    let asked = json!({ "identityStoreId": "d-other", "userId": "u-1" });
    assert_eq!(
        heard(&trail("identitystore", "DeleteUser", asked, Value::Null)),
        Heard::Foreign
    );
    let asked =
        json!({ "instanceArn": "arn:aws:sso:::instance/ssoins-other", "permissionSetArn": SET });
    assert_eq!(
        heard(&trail("sso", "UpdatePermissionSet", asked, Value::Null)),
        Heard::Foreign
    );
    // IAM of an account that is not read.
    let quiet = Listener {
        iam: Vec::new(),
        ..us()
    };
    let event = trail(
        "iam",
        "DeleteUser",
        json!({ "userName": "ana" }),
        Value::Null,
    );
    assert_eq!(hear(&event.to_string(), &quiet), Heard::Foreign);
}

#[test]
fn what_changed_nothing_and_what_nobody_knows_is_told_apart() {
    let mut refused = trail(
        "iam",
        "DeleteUser",
        json!({ "userName": "ana" }),
        Value::Null,
    );
    refused["detail"]["errorCode"] = json!("AccessDenied");
    assert_eq!(heard(&refused), Heard::Nothing);
    for (service, name) in [
        ("sts", "AssumeRole"),
        ("iam", "GetUser"),
        ("sso", "ListInstances"),
    ] {
        assert_eq!(
            heard(&trail(service, name, json!({}), Value::Null)),
            Heard::Nothing,
            "{name}"
        );
    }
    for (service, name) in [
        ("iam", "DanceWithUser"),
        ("iam", "Issue"),
        ("ec2", "RunInstances"),
    ] {
        let expected = Heard::Unknown(format!("aws.{service}: {name}"));
        assert_eq!(
            heard(&trail(service, name, json!({}), Value::Null)),
            expected
        );
    }
    // Known, and without what it has to name.
    let bare = trail(
        "iam",
        "DeleteUser",
        json!({ "userName": "no such name!" }),
        Value::Null,
    );
    assert_eq!(heard(&bare), Heard::Unknown("aws.iam: DeleteUser".into()));
}

#[test]
fn what_is_no_event_is_malformed() {
    let mut event = trail(
        "iam",
        "DeleteUser",
        json!({ "userName": "ana" }),
        Value::Null,
    );
    event["padding"] = json!("x".repeat(LONGEST_MESSAGE));
    for body in ["", "{", "[]", "null", "{\"source\":1}", &event.to_string()] {
        assert_eq!(hear(body, &us()), Heard::Malformed, "{:.40}", body);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(hear(&deep, &us()), Heard::Malformed);
}

/// Any JSON, with words of events among its names and texts.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "userId",
        "groupId",
        "user",
        "permissionSetArn",
        "targetId",
        "userName",
        "newUserName",
        SET,
        HOME,
        "u-1",
        "",
        "\u{0}",
        "id",
        "d-1234567890",
        "../../x",
        "ana'--",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

/// What is handed on can stand in a call and in a key, whatever the event held.
fn is_clean(object: &Object) -> bool {
    let texts: Vec<&String> = match object {
        Object::Everything | Object::Accounts | Object::Units | Object::Users | Object::Groups => {
            Vec::new()
        }
        Object::PermissionSet(one)
        | Object::AccountTags(one)
        | Object::User(one)
        | Object::Group(one)
        | Object::Members(one)
        | Object::Membership(one)
        | Object::IamUsers { account: one }
        | Object::IamRoles { account: one }
        | Object::IamAccount { account: one } => vec![one],
        Object::Assignments {
            account,
            permission_set,
        } => vec![account, permission_set],
        Object::IamUser { account, name }
        | Object::IamCredentials { account, name }
        | Object::IamGroup { account, name }
        | Object::IamRole { account, name } => vec![account, name],
    };
    texts.iter().all(|text| {
        !text.is_empty() && text.len() <= 1224 && text.bytes().all(|b| b.is_ascii_graphic())
    })
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(body in ".{0,400}") {
        let _ = hear(&body, &us());
    }

    #[test]
    fn only_what_aws_can_have_written_is_handed_on(
        service in prop::sample::select(vec!["iam", "sso", "identitystore", "sso-directory", "identitystore-scim", "organizations"]),
        name in prop::sample::select(vec!["CreateUser", "DeleteUser", "UpdateUser", "PatchGroup", "DeleteGroupMembership",
            "CreateAccountAssignment", "UpdatePermissionSet", "AddUserToGroup", "DeleteRole", "MoveAccount", "TagResource", "CreateAccessKey"]),
        asked in anything(),
        answered in anything(),
        resources in prop::collection::vec(anything(), 0..3),
    ) {
        let mut event = trail(service, name, asked, answered);
        event["resources"] = Value::from(resources);
        if let Heard::Hints(hints) = heard(&event) {
            prop_assert!(!hints.is_empty() && hints.len() <= 3);
            prop_assert!(hints.iter().all(|hint| is_clean(&hint.object)), "{hints:?}");
        }
        event["detail-type"] = json!("Group Membership Created");
        event["source"] = json!("aws.identitystore");
        if let Heard::Hints(hints) = heard(&event) {
            prop_assert!(hints.iter().all(|hint| is_clean(&hint.object)), "{hints:?}");
        }
    }
}
