//! The table of services says what AWS reference §6.3 and §6.4 say [S].

use stint_iam_policy::{AccessLevel, ValueType, table};

#[test]
fn the_resources_an_action_is_judged_on() {
    for (action, expected) in [
        ("iam:AddUserToGroup", &["group"][..]),
        ("iam:RemoveUserFromGroup", &["group"]),
        ("iam:CreateUser", &["user"]),
        ("iam:DeleteUser", &["user"]),
        ("iam:ListGroupsForUser", &["user"]),
        ("iam:GetGroup", &["group"]),
        ("iam:PutRolePolicy", &["role"]),
        ("iam:ListUsers", &[]),
        ("iam:ListRoles", &[]),
        ("iam:SimulateCustomPolicy", &[]),
        ("sso:ListInstances", &[]),
        (
            "sso:CreateAccountAssignment",
            &["Account", "Instance", "PermissionSet"],
        ),
        (
            "sso:DeleteAccountAssignment",
            &["Account", "Instance", "PermissionSet"],
        ),
        (
            "sso:ListAccountAssignments",
            &["Account", "Instance", "PermissionSet"],
        ),
        ("sso:ListAccountAssignmentsForPrincipal", &["Instance"]),
        (
            "identitystore:CreateGroupMembership",
            &["Group", "Identitystore", "User"],
        ),
        (
            "identitystore:ListGroupMemberships",
            &["AllGroupMemberships", "Group", "Identitystore"],
        ),
        (
            "identitystore:DeleteGroupMembership",
            &["Group", "GroupMembership", "Identitystore", "User"],
        ),
        ("organizations:ListAccounts", &[]),
        ("organizations:DescribeOrganization", &[]),
        ("organizations:DescribeAccount", &["account"]),
        ("sts:assumerole", &["role"]),
        ("sqs:SendMessage", &["queue"]),
    ] {
        let known = table().action(action).expect(action);
        let names: Vec<&str> = known.resources.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, expected, "{action}");
    }
    let membership = table().service("identitystore").expect("is there");
    let all = membership
        .resource("AllGroupMemberships")
        .expect("is there");
    assert_eq!(all.pattern(), "arn:*:identitystore:::membership/*");
}

#[test]
fn keys_and_their_types() {
    for (key, expected) in [
        ("sts:ExternalId", Some((ValueType::Text, false))),
        ("STS:externalid", Some((ValueType::Text, false))),
        ("iam:PermissionsBoundary", Some((ValueType::Arn, false))),
        ("aws:CurrentTime", Some((ValueType::Date, false))),
        ("aws:SourceIp", Some((ValueType::Address, false))),
        ("aws:MultiFactorAuthAge", Some((ValueType::Number, false))),
        ("aws:TagKeys", Some((ValueType::Text, true))),
        ("aws:PrincipalTag/team", Some((ValueType::Text, false))),
        ("aws:PrincipalTag/", None),
        ("sts:TransitiveTagKeys", Some((ValueType::Text, true))),
        // AWS reference §6.4: there is no such key.
        ("iam:UserName", None),
        ("aws:Username2", None),
    ] {
        let found = table().key(key).map(|kind| (kind.value, kind.many));
        assert_eq!(found, expected, "{key}");
    }
    let add = table().action("iam:AttachUserPolicy").expect("is there");
    assert!(add.keys.contains("iam:PolicyARN"));
    assert_eq!(add.level, AccessLevel::Permissions);
    let tag = table().action("sts:TagSession").expect("is there");
    assert!(tag.keys.contains("sts:ExternalId"), "a correction");
}

#[test]
fn every_action_and_resource_hangs_together() {
    let mut actions = 0;
    for service in table().services() {
        assert!(table().has_prefix(&service.prefix));
        for action in service.actions() {
            actions += 1;
            for (kind, _) in &action.resources {
                assert!(
                    service.resource(kind).is_some(),
                    "{} is judged on `{kind}`, which the table does not know",
                    action.name
                );
            }
        }
    }
    assert!(actions > 600, "{actions}");
    assert!(table().has_prefix("EC2") && !table().has_prefix("nosuch"));
}
