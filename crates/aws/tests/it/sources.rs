//! Policies as other products have people paste them, word for word.

/// What ConductorOne's guide to its AWS v2 connector has its role do.
pub(crate) const CONDUCTOR_ONE: &str = r#"{
      "Statement": [
        {
          "Action": [
            "iam:GetGroup",
            "iam:ListAccountAliases",
            "iam:ListGroups",
            "iam:ListRoles",
            "iam:ListUsers",
            "identitystore:ListGroupMemberships",
            "identitystore:ListGroups",
            "identitystore:ListUsers",
            "organizations:ListAccounts",
            "sso:DescribePermissionSet",
            "sso:ListAccountAssignments",
            "sso:ListInstances",
            "sso:ListPermissionSets",
            "sso:ListPermissionSetsProvisionedToAccount"
          ],
          "Effect": "Allow",
          "Resource": "*",
          "Sid": "ConductorOneReadAccess"
        },
        {
          "Action": [
            "iam:AddUserToGroup",
            "iam:RemoveUserFromGroup",
            "sso:CreateAccountAssignment",
            "sso:DeleteAccountAssignment",
            "identitystore:CreateGroupMembership",
            "identitystore:DeleteGroupMembership",
            "sso:DescribeAccountAssignmentCreationStatus",
            "sso:DescribeAccountAssignmentDeletionStatus"
          ],
          "Effect": "Allow",
          "Resource": "*",
          "Sid": "ConductorOneProvisionAccess"
        },
        {
          "Sid": "AccessToSSOProvisionedRoles",
          "Effect": "Allow",
          "Action": [
            "iam:AttachRolePolicy",
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:GetRole",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:UpdateRole",
            "iam:UpdateRoleDescription"
          ],
          "Resource": "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*"
        },
        {
          "Sid": "IAMListPermissions",
          "Effect": "Allow",
          "Action": [
            "iam:ListRoles",
            "iam:ListPolicies"
          ],
          "Resource": "*"
        },
        {
          "Effect": "Allow",
          "Action": [
            "iam:GetSAMLProvider"
          ],
          "Resource": "arn:aws:iam::*:saml-provider/AWSSSO_*_DO_NOT_DELETE"
        }
      ],
      "Version": "2012-10-17"
    }"#;

/// What miniOrange's guide to Access Governance for Jira has its IAM user do, "minimum required".
pub(crate) const MINI_ORANGE: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "iam:SimulatePrincipalPolicy",
        "iam:CreateUser",
        "iam:DeleteUser",
        "iam:AddUserToGroup",
        "iam:RemoveUserFromGroup",
        "iam:GetUser",
        "iam:ListUsers",
        "iam:ListGroups",
        "iam:ListGroupsForUser"
      ],
      "Resource": "*"
    }
  ]
}"#;

/// The condition that guide would add to restrict it "by Username Pattern".
pub(crate) const BY_USER_NAME: &str =
    r#""Condition": { "StringLike": { "iam:UserName": "app-*" } }"#;
