"""Where the simulator and moto answer differently, and the fact about AWS that decides it.

Operation, path of the member (`Error` where one of the two refused), and the fact with where it is
known from: M botocore's model, D AWS's documentation, R reported by people who ran it, K general
knowledge. Some are of the two estates, not of AWS; they say so.
"""

NEWER = "M: a member of the model that moto does not have yet"
LISTS = "M: the member is in the output of every list of IAM that pages"
ARN = "M: arn:aws:sso:::permissionSet/ssoins-…/ps-… is the pattern of a permission set's ARN"
OURS = "of the two estates: they begin with other users"

DIFFERENCES = [
    ("iam:*", "IsTruncated", LISTS),
    ("iam:GetUser", "User.Tags", "D: tags stay with a user that is renamed; moto loses them"),
    (
        "iam:RemoveUserFromGroup", "Error",
        "R cloud-custodian#4730: success for somebody who is not in it, if both are there",
    ),
    ("iam:*Polic*", "*PermissionsBoundaryUsageCount", NEWER),
    ("iam:GetPolicy", "Policy.Tags", "K: AWS leaves out what is empty; moto sends an empty list"),
    ("iam:CreatePolicyVersion", "PolicyVersion.Document", "M: 'It is not returned in the response to CreatePolicyVersion'"),
    ("iam:ListPolicyVersions", "Versions[[]].Document", "M: '... or ListPolicyVersions'"),
    ("iam:CreateRole", "Role.RoleLastUsed", "M: told by GetRole and GetAccountAuthorizationDetails only"),
    ("iam:CreateRole", "Error", "M: MaxSessionDuration is 3600 to 43200"),
    (
        "iam:ListVirtualMFADevices", "VirtualMFADevices[[]].Base32StringSeed",
        "D: the seed is told when the device is made, and never again",
    ),
    ("iam:ListVirtualMFADevices", "VirtualMFADevices[[]].QRCodePNG", "D: as the seed"),
    ("iam:GetAccountSummary", "SummaryMap.*", OURS),
    ("iam:GetAccountAuthorizationDetails", "UserDetailList", OURS),
    ("iam:DeleteUser", "Error", "D/R userplex#17: nothing may be left of a user; groups are"),
    ("iam:DeleteGroup", "Error", "D: a group with users in it is not deleted"),
    ("iam:DeletePolicy", "Error", "D: a policy that is attached is not deleted"),
    ("iam:EnableMFADevice", "Error", "D: two codes of the device, one after the other, are needed"),
    ("iam:DeactivateMFADevice", "Error", "follows: at the simulator the device was not enabled"),
    ("sts:GetCallerIdentity", "Arn", OURS),
    ("sts:*", "SessionTokenSize", NEWER),
    ("sts:*", "SessionTokenUtilization", NEWER),
    ("sts:*", "PackedPolicySize", "D: a share of what may be; moto says 6 whatever was packed"),
    (
        "sts:AssumeRole", "Error sessions/AssumeRole#11",
        "M: a session's name has no blanks",
    ),
    ("sts:AssumeRole", "Error sessions/AssumeRole#12", "M: a session has at least 900 seconds"),
    ("sts:AssumeRole", "Error sessions/AssumeRole#13", "D: not longer than the role's MaxSessionDuration"),
    ("sts:AssumeRole", "Error sessions/AssumeRole#14", "R: a role that is not there is AccessDenied, 403"),
    ("organizations:*", "*Paths", "M: a member since 2026; moto does not have it yet"),
    ("organizations:*", "OrganizationalUnit.Path", NEWER),
    (
        "organizations:CreateOrganizationalUnit", "Error organization/CreateOrganizationalUnit#7",
        "M: DuplicateOrganizationalUnitException",
    ),
    (
        "organizations:CreateOrganizationalUnit", "Error organization/CreateOrganizationalUnit#8",
        "M: ParentNotFoundException",
    ),
    ("organizations:ListOrganizationalUnitsForParent", "*", "follows: moto made the second one of the name; and Path"),
    ("organizations:CreatePolicy", "Error", "M: MalformedPolicyDocumentException"),
    ("organizations:CreateAccount", "Error", "M: the pattern of an e-mail address"),
    ("organizations:DescribeCreateAccountStatus", "Error", "M: CreateAccountStatusNotFoundException"),
    ("organizations:ListCreateAccountStatus", "*", "of the two estates: moto's begins with an account that was asked for"),
    ("organizations:ListPolicies", "*", "follows: moto made the malformed one"),
    ("organizations:AttachPolicy", "Error", "M: DuplicatePolicyAttachmentException"),
    ("organizations:DetachPolicy", "Error", "M: PolicyNotAttachedException"),
    ("identitystore:*", "*Revision", NEWER),
    ("identitystore:*", "*Arn", NEWER),
    ("identitystore:*", "*CreatedAt", NEWER),
    ("identitystore:*", "*UpdatedAt", NEWER),
    ("identitystore:*", "*UserStatus", NEWER),
    ("identitystore:*User*", "*Name.Formatted", "K: told though it was not given; not checked against AWS"),
    ("identitystore:*Group*", "*ExternalIds", "K: AWS leaves out what is empty; moto sends an empty list for groups"),
    (
        "identitystore:CreateGroupMembership", "Error",
        "M/R baton-aws: ConflictException for somebody who is in it; moto adds a second membership",
    ),
    ("identitystore:ListGroupMemberships*", "GroupMemberships", "follows: moto has two memberships of one pair"),
    ("identitystore:DeleteGroupMembership", "Error", "M: ResourceNotFoundException"),
    ("identitystore:GetGroupMembershipId", "Error", "follows: moto still has the second membership"),
    ("identitystore:DeleteGroup", "Error", "M: ResourceNotFoundException"),
    ("identitystore:DeleteUser", "Error", "M: ResourceNotFoundException"),
    ("sso:ListInstances", "Instances[[]].*", NEWER),
    ("sso:*", "*PermissionSetArn", ARN),
    ("sso:CreatePermissionSet", "Error", "M/R: ConflictException for a name that is there"),
    ("sso:CreatePermissionSet", "PermissionSet.SessionDuration", "M: a text, ISO 8601; AWS's default is PT1H [D]"),
    ("sso:ListPermissionSets", "PermissionSets", f"{ARN}; and moto made the second one of the name"),
    (
        "sso:*AccountAssignment", "AccountAssignment*Status.CreatedDate",
        "D: the examples of Create and Delete have no CreatedDate, those of Describe have",
    ),
    ("sso:ListPermissionSetsProvisionedToAccount", "*", "D: an assignment provisions the set in the account"),
    ("sso:ListAccountsForProvisionedPermissionSet", "*", "D: as before; moto says the caller's account or none"),
    ("sso:DeletePermissionSet", "Error", "M/R: ConflictException while somebody holds it"),
    ("sqs:SetQueueAttributes", "Error", "M: InvalidAttributeName"),
    ("sqs:SendMessage", "Error", "M: a message has at least one character"),
    ("sqs:PurgeQueue", "Error", "K: 400, as SQS's other errors; moto says 403"),
]
