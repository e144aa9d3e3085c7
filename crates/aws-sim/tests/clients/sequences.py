"""What is asked of both, in order. Each sequence cleans up after itself as far as both let it.

Whatever is made is named `cmp-…`. What a step needs of an earlier answer it takes by its path; where
one of the two refused, that is a text of nobody's, and both go on the same way.
"""

import datetime
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
DENY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
)
MALFORMED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}'
AWS_POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def certificate():
    """A certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cmp.example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


CERTIFICATE = certificate()
SSH_KEY = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC5XhYZkqG9FzK0yWn9bpl7Wm3GvWJq3L8e0b7sZtY0q1n0Xo5QxvF1kZz5"
    "8V0l0x7nBq7R8yT9m3w2u1s0qPzLkJhGfDsAaZxCvBnMqWeRtYuIoPAsDfGhJkLzXcVbNmQwErTyUiOpLkJhGf cmp@example.com"
)


def trust(principal):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
        }
    )


def users(side):
    iam, user = side.iam, {"UserName": "cmp-user"}
    iam.create_user(**user, Path="/people/", Tags=[{"Key": "team", "Value": "cmp"}])
    iam.create_user(**user)
    iam.get_user(**user)
    iam.get_user(UserName="cmp-nobody")
    iam.list_users(PathPrefix="/people/")
    iam.list_user_tags(**user)
    iam.tag_user(**user, Tags=[{"Key": "cost", "Value": "1"}])
    iam.untag_user(**user, TagKeys=["team"])
    iam.list_user_tags(**user)
    iam.tag_user(UserName="cmp-nobody", Tags=[{"Key": "cost", "Value": "1"}])
    iam.update_user(**user, NewUserName="cmp-renamed", NewPath="/others/")
    iam.get_user(**user)
    iam.get_user(UserName="cmp-renamed")
    iam.delete_user(UserName="cmp-renamed")
    iam.delete_user(UserName="cmp-renamed")


def groups(side):
    iam, group, user = side.iam, {"GroupName": "cmp-group"}, {"UserName": "cmp-member"}
    iam.create_group(**group, Path="/teams/")
    iam.create_group(**group)
    iam.create_user(**user)
    iam.list_groups(PathPrefix="/teams/")
    iam.add_user_to_group(**group, **user)
    iam.add_user_to_group(**group, **user)
    iam.add_user_to_group(**group, UserName="cmp-nobody")
    iam.add_user_to_group(GroupName="cmp-none", **user)
    iam.get_group(**group)
    iam.get_group(GroupName="cmp-none")
    iam.list_groups_for_user(**user)
    iam.remove_user_from_group(**group, **user)
    iam.remove_user_from_group(**group, **user)
    iam.put_group_policy(**group, PolicyName="cmp-inline", PolicyDocument=ALLOW)
    iam.put_group_policy(**group, PolicyName="cmp-bad", PolicyDocument=MALFORMED)
    iam.get_group_policy(**group, PolicyName="cmp-inline")
    iam.get_group_policy(**group, PolicyName="cmp-none")
    iam.list_group_policies(**group)
    iam.attach_group_policy(**group, PolicyArn=AWS_POLICY)
    iam.attach_group_policy(**group, PolicyArn="arn:aws:iam::aws:policy/cmp-none")
    iam.list_attached_group_policies(**group)
    iam.detach_group_policy(**group, PolicyArn=AWS_POLICY)
    iam.detach_group_policy(**group, PolicyArn=AWS_POLICY)
    iam.delete_group_policy(**group, PolicyName="cmp-inline")
    iam.delete_group_policy(**group, PolicyName="cmp-inline")
    iam.update_group(**group, NewGroupName="cmp-renamed")
    iam.get_group(GroupName="cmp-renamed")
    iam.delete_group(GroupName="cmp-renamed")
    iam.delete_group(GroupName="cmp-renamed")
    iam.delete_user(**user)


def policies(side):
    iam, user = side.iam, {"UserName": "cmp-holder"}
    iam.create_user(**user)
    policy = iam.create_policy(
        PolicyName="cmp-policy", Path="/p/", Description="of both", PolicyDocument=ALLOW
    )
    arn = {"PolicyArn": policy("Policy.Arn")}
    iam.create_policy(PolicyName="cmp-policy", Path="/p/", PolicyDocument=ALLOW)
    iam.create_policy(PolicyName="cmp-bad", PolicyDocument=MALFORMED)
    iam.get_policy(**arn)
    iam.get_policy(PolicyArn=f"arn:aws:iam::{side.management}:policy/cmp-none")
    iam.list_policies(Scope="Local")
    made = iam.create_policy_version(**arn, PolicyDocument=DENY, SetAsDefault=True)
    iam.list_policy_versions(**arn)
    iam.get_policy_version(**arn, VersionId="v1")
    iam.get_policy_version(**arn, VersionId="v9")
    iam.delete_policy_version(**arn, VersionId=made("PolicyVersion.VersionId"))
    iam.set_default_policy_version(**arn, VersionId="v1")
    iam.set_default_policy_version(**arn, VersionId="v9")
    iam.delete_policy_version(**arn, VersionId="v2")
    iam.attach_user_policy(**user, **arn)
    iam.attach_user_policy(**user, **arn)
    iam.list_attached_user_policies(**user)
    iam.list_entities_for_policy(**arn)
    iam.delete_user(**user)
    iam.detach_user_policy(**user, **arn)
    iam.detach_user_policy(**user, **arn)
    iam.put_user_policy(**user, PolicyName="cmp-inline", PolicyDocument=ALLOW)
    iam.get_user_policy(**user, PolicyName="cmp-inline")
    iam.get_user_policy(**user, PolicyName="cmp-none")
    iam.list_user_policies(**user)
    iam.delete_user(**user)
    iam.delete_user_policy(**user, PolicyName="cmp-inline")
    iam.delete_user_policy(**user, PolicyName="cmp-inline")
    iam.delete_policy(**arn)
    iam.delete_policy(**arn)
    iam.delete_user(**user)


def roles(side):
    iam, role = side.iam, {"RoleName": "cmp-role"}
    document = trust({"AWS": f"arn:aws:iam::{side.management}:root"})
    iam.create_role(
        **role, Path="/r/", AssumeRolePolicyDocument=document, Description="of both", MaxSessionDuration=7200,
        Tags=[{"Key": "team", "Value": "cmp"}],
    )
    iam.create_role(**role, AssumeRolePolicyDocument=document)
    iam.create_role(RoleName="cmp-long", AssumeRolePolicyDocument=document, MaxSessionDuration=60)
    iam.get_role(**role)
    iam.get_role(RoleName="cmp-none")
    iam.list_roles(PathPrefix="/r/")
    iam.list_role_tags(**role)
    iam.tag_role(**role, Tags=[{"Key": "cost", "Value": "1"}])
    iam.untag_role(**role, TagKeys=["team"])
    iam.list_role_tags(**role)
    iam.update_role(**role, Description="changed", MaxSessionDuration=3600)
    iam.update_role_description(**role, Description="changed again")
    iam.update_assume_role_policy(**role, PolicyDocument=trust({"Service": "ec2.amazonaws.com"}))
    iam.update_assume_role_policy(RoleName="cmp-none", PolicyDocument=document)
    iam.get_role(**role)
    iam.put_role_policy(**role, PolicyName="cmp-inline", PolicyDocument=ALLOW)
    iam.get_role_policy(**role, PolicyName="cmp-inline")
    iam.list_role_policies(**role)
    iam.attach_role_policy(**role, PolicyArn=AWS_POLICY)
    iam.list_attached_role_policies(**role)
    iam.list_instance_profiles_for_role(**role)
    iam.put_role_permissions_boundary(**role, PermissionsBoundary=AWS_POLICY)
    iam.delete_role_permissions_boundary(**role)
    iam.delete_role(**role)
    iam.detach_role_policy(**role, PolicyArn=AWS_POLICY)
    iam.detach_role_policy(**role, PolicyArn=AWS_POLICY)
    iam.delete_role(**role)
    iam.delete_role_policy(**role, PolicyName="cmp-inline")
    iam.delete_role_policy(**role, PolicyName="cmp-inline")
    iam.delete_role(**role)
    iam.delete_role(**role)


def credentials(side):
    iam, user = side.iam, {"UserName": "cmp-keys"}
    iam.create_user(**user)
    key = iam.create_access_key(**user)("AccessKey.AccessKeyId")
    iam.list_access_keys(**user)
    iam.update_access_key(**user, AccessKeyId=key, Status="Inactive")
    iam.list_access_keys(**user)
    iam.get_access_key_last_used(AccessKeyId=key)
    iam.create_access_key(**user)
    iam.create_access_key(**user)
    for row in iam.list_access_keys(**user).get("AccessKeyMetadata", [])[:2]:
        iam.delete_access_key(**user, AccessKeyId=row["AccessKeyId"])
    iam.delete_access_key(**user, AccessKeyId="AKIANOBODYNOBODYNOBO")
    iam.get_login_profile(**user)
    iam.create_login_profile(**user, Password="Long-enough-1")
    iam.create_login_profile(**user, Password="Long-enough-1")
    iam.get_login_profile(**user)
    iam.update_login_profile(**user, Password="Long-enough-2", PasswordResetRequired=True)
    iam.get_login_profile(**user)
    iam.delete_login_profile(**user)
    iam.delete_login_profile(**user)
    iam.update_login_profile(**user, Password="Long-enough-3")
    ssh = iam.upload_ssh_public_key(**user, SSHPublicKeyBody=SSH_KEY)("SSHPublicKey.SSHPublicKeyId")
    iam.list_ssh_public_keys(**user)
    iam.get_ssh_public_key(**user, SSHPublicKeyId=ssh, Encoding="SSH")
    iam.update_ssh_public_key(**user, SSHPublicKeyId=ssh, Status="Inactive")
    iam.delete_ssh_public_key(**user, SSHPublicKeyId=ssh)
    iam.delete_ssh_public_key(**user, SSHPublicKeyId="APKANOBODYNOBODYNOBO")
    signing = iam.upload_signing_certificate(**user, CertificateBody=CERTIFICATE)
    signing = signing("Certificate.CertificateId")
    iam.list_signing_certificates(**user)
    iam.update_signing_certificate(**user, CertificateId=signing, Status="Inactive")
    iam.delete_signing_certificate(**user, CertificateId=signing)
    iam.delete_signing_certificate(**user, CertificateId="cmp" + "A" * 24)
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="cmp-device")
    device = {"SerialNumber": device("VirtualMFADevice.SerialNumber")}
    iam.create_virtual_mfa_device(VirtualMFADeviceName="cmp-device")
    iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")
    iam.list_mfa_devices(**user)
    iam.delete_virtual_mfa_device(**device)
    iam.delete_virtual_mfa_device(**device)
    iam.delete_user(**user)


def account(side):
    iam = side.iam
    iam.create_account_alias(AccountAlias="cmp-alias")
    iam.list_account_aliases()
    iam.delete_account_alias(AccountAlias="cmp-alias")
    iam.list_account_aliases()
    iam.get_account_summary()
    iam.get_account_authorization_details(Filter=["User"])
    iam.get_credential_report()
    iam.generate_credential_report()
    iam.generate_credential_report()
    side.wait(60)
    iam.get_credential_report()


def leaving(side):
    """What stands in the way of deleting something: each try with things of its own, since moto
    lets them go."""
    iam = side.iam
    iam.create_user(UserName="cmp-leaver")
    iam.create_group(GroupName="cmp-left")
    iam.add_user_to_group(UserName="cmp-leaver", GroupName="cmp-left")
    iam.delete_user(UserName="cmp-leaver")
    iam.create_user(UserName="cmp-stays")
    iam.create_group(GroupName="cmp-full")
    iam.add_user_to_group(UserName="cmp-stays", GroupName="cmp-full")
    iam.delete_group(GroupName="cmp-full")
    policy = {"PolicyArn": iam.create_policy(PolicyName="cmp-used", PolicyDocument=ALLOW)("Policy.Arn")}
    iam.attach_user_policy(UserName="cmp-stays", **policy)
    iam.delete_policy(**policy)
    iam.create_user(UserName="cmp-device")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="cmp-used")
    device = {"SerialNumber": device("VirtualMFADevice.SerialNumber"), "UserName": "cmp-device"}
    iam.enable_mfa_device(**device, AuthenticationCode1="123456", AuthenticationCode2="654321")
    iam.deactivate_mfa_device(**device)


def sessions(side):
    sts, iam = side.sts, side.iam
    sts.get_caller_identity()
    iam.create_user(UserName="cmp-known")
    key = iam.create_access_key(UserName="cmp-known")("AccessKey.AccessKeyId")
    sts.get_access_key_info(AccessKeyId=key)
    iam.delete_access_key(UserName="cmp-known", AccessKeyId=key)
    iam.delete_user(UserName="cmp-known")
    sts.get_session_token(DurationSeconds=900)
    sts.get_federation_token(Name="cmp-guest", DurationSeconds=900, Policy=ALLOW)
    role = iam.create_role(
        RoleName="cmp-assumed", AssumeRolePolicyDocument=trust({"AWS": f"arn:aws:iam::{side.management}:root"})
    )
    arn = role("Role.Arn")
    sts.assume_role(RoleArn=arn, RoleSessionName="cmp-session", DurationSeconds=900)
    sts.assume_role(RoleArn=arn, RoleSessionName="cmp session")
    sts.assume_role(RoleArn=arn, RoleSessionName="cmp-session", DurationSeconds=60)
    sts.assume_role(RoleArn=arn, RoleSessionName="cmp-session", DurationSeconds=7200)
    none = f"arn:aws:iam::{side.management}:role/cmp-none"
    sts.assume_role(RoleArn=none, RoleSessionName="cmp-session")
    iam.delete_role(RoleName="cmp-assumed")


def organization(side):
    api, member = side.organizations, {"AccountId": side.member}
    api.describe_organization()
    api.list_accounts()
    api.describe_account(**member)
    api.describe_account(AccountId="999999999999")
    root = api.list_roots()("Roots.0.Id")
    unit = api.create_organizational_unit(ParentId=root, Name="cmp-unit")("OrganizationalUnit.Id")
    api.create_organizational_unit(ParentId=root, Name="cmp-unit")
    api.create_organizational_unit(ParentId="ou-none-12345678", Name="cmp-nowhere")
    api.describe_organizational_unit(OrganizationalUnitId=unit)
    api.describe_organizational_unit(OrganizationalUnitId="ou-none-12345678")
    api.update_organizational_unit(OrganizationalUnitId=unit, Name="cmp-renamed")
    api.list_organizational_units_for_parent(ParentId=root)
    before = api.list_parents(ChildId=side.member)("Parents.0.Id")
    api.move_account(**member, SourceParentId=before, DestinationParentId=unit)
    api.list_accounts_for_parent(ParentId=unit)
    api.list_children(ParentId=unit, ChildType="ACCOUNT")
    api.list_parents(ChildId=unit)
    api.move_account(**member, SourceParentId=unit, DestinationParentId=before)
    api.list_accounts_for_parent(ParentId=unit)
    api.tag_resource(ResourceId=side.member, Tags=[{"Key": "cmp", "Value": "one"}])
    two = [{"Key": "cmp", "Value": "two"}, {"Key": "Cmp", "Value": "other"}]
    api.tag_resource(ResourceId=side.member, Tags=two)
    api.list_tags_for_resource(ResourceId=side.member)
    api.untag_resource(ResourceId=side.member, TagKeys=["cmp", "cmp-none"])
    api.list_tags_for_resource(ResourceId=side.member)
    api.untag_resource(ResourceId=side.member, TagKeys=["Cmp"])
    api.list_tags_for_resource(ResourceId=side.member)
    api.tag_resource(ResourceId="999999999999", Tags=[{"Key": "cmp", "Value": "one"}])
    api.untag_resource(ResourceId="999999999999", TagKeys=["cmp"])
    api.list_tags_for_resource(ResourceId="999999999999")
    api.list_tags_for_resource(ResourceId="cmp")

    kind = "SERVICE_CONTROL_POLICY"
    policy = api.create_policy(Name="cmp-scp", Description="of both", Type=kind, Content=DENY)
    policy = {"PolicyId": policy("Policy.PolicySummary.Id")}
    api.create_policy(Name="cmp-scp", Description="", Type=kind, Content=DENY)
    api.create_policy(Name="cmp-bad", Description="", Type=kind, Content="{")
    api.describe_policy(**policy)
    api.describe_policy(PolicyId="p-12345678")
    api.update_policy(**policy, Description="changed")
    api.list_policies(Filter=kind)
    api.attach_policy(**policy, TargetId=unit)
    api.attach_policy(**policy, TargetId=unit)
    api.list_targets_for_policy(**policy)
    api.list_policies_for_target(TargetId=unit, Filter=kind)
    api.detach_policy(**policy, TargetId=unit)
    api.detach_policy(**policy, TargetId=unit)
    api.delete_policy(**policy)
    api.delete_policy(**policy)
    api.delete_organizational_unit(OrganizationalUnitId=unit)

    began = api.create_account(AccountName="cmp-made", Email="made@example.com")
    began = {"CreateAccountRequestId": began("CreateAccountStatus.Id")}
    api.describe_create_account_status(**began)
    api.list_create_account_status()
    api.create_account(AccountName="cmp", Email="nobody")
    api.describe_create_account_status(CreateAccountRequestId="car-00000000000000000000000000000000")

    service = {"ServicePrincipal": "access-analyzer.amazonaws.com"}
    api.register_delegated_administrator(**member, **service)
    api.register_delegated_administrator(**member, **service)
    api.list_delegated_administrators()
    api.list_delegated_services_for_account(**member)
    api.deregister_delegated_administrator(**member, **service)
    api.deregister_delegated_administrator(**member, **service)


def directory(side):
    api, store = side.store, {"IdentityStoreId": side.store_id}
    person = {
        "UserName": "cmp-person", "DisplayName": "cmp Person",
        "Name": {"GivenName": "cmp", "FamilyName": "Person"},
        "Emails": [{"Value": "cmp@example.com", "Type": "work", "Primary": True}],
    }
    user = api.create_user(**store, **person)("UserId")
    api.create_user(**store, **person)
    api.describe_user(**store, UserId=user)
    api.describe_user(**store, UserId="9067abcdef-00000000-0000-0000-0000-000000000000")
    named = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "cmp-person"}}
    api.get_user_id(**store, AlternateIdentifier=named)
    api.list_users(**store)
    group = api.create_group(**store, DisplayName="cmp-group", Description="of both")("GroupId")
    api.create_group(**store, DisplayName="cmp-group")
    api.describe_group(**store, GroupId=group)
    named = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": "cmp-group"}}
    api.get_group_id(**store, AlternateIdentifier=named)
    api.list_groups(**store)
    pair = {**store, "GroupId": group, "MemberId": {"UserId": user}}
    membership = api.create_group_membership(**pair)("MembershipId")
    api.create_group_membership(**pair)
    api.describe_group_membership(**store, MembershipId=membership)
    api.get_group_membership_id(**pair)
    api.list_group_memberships(**store, GroupId=group)
    api.list_group_memberships_for_member(**store, MemberId={"UserId": user})
    api.is_member_in_groups(**store, MemberId={"UserId": user}, GroupIds=[group])
    api.delete_group_membership(**store, MembershipId=membership)
    api.delete_group_membership(**store, MembershipId=membership)
    api.get_group_membership_id(**pair)
    api.delete_group(**store, GroupId=group)
    api.delete_group(**store, GroupId=group)
    api.delete_user(**store, UserId=user)
    api.delete_user(**store, UserId=user)


def sets(side):
    api, instance = side.sso, {"InstanceArn": side.instance}
    api.list_instances()
    made = api.create_permission_set(
        **instance, Name="cmp-set", Description="of both", SessionDuration="PT2H"
    )
    one = {**instance, "PermissionSetArn": made("PermissionSet.PermissionSetArn")}
    api.create_permission_set(**instance, Name="cmp-set")
    api.describe_permission_set(**one)
    api.list_permission_sets(**instance)
    api.update_permission_set(**one, Description="changed", SessionDuration="PT4H")
    api.put_inline_policy_to_permission_set(**one, InlinePolicy=ALLOW)
    api.get_inline_policy_for_permission_set(**one)
    api.delete_inline_policy_from_permission_set(**one)
    api.get_inline_policy_for_permission_set(**one)
    api.attach_managed_policy_to_permission_set(**one, ManagedPolicyArn=AWS_POLICY)
    api.attach_managed_policy_to_permission_set(**one, ManagedPolicyArn=AWS_POLICY)
    api.list_managed_policies_in_permission_set(**one)
    api.detach_managed_policy_from_permission_set(**one, ManagedPolicyArn=AWS_POLICY)
    api.detach_managed_policy_from_permission_set(**one, ManagedPolicyArn=AWS_POLICY)
    reference = {"CustomerManagedPolicyReference": {"Name": "cmp-own", "Path": "/"}}
    api.attach_customer_managed_policy_reference_to_permission_set(**one, **reference)
    api.attach_customer_managed_policy_reference_to_permission_set(**one, **reference)
    api.list_customer_managed_policy_references_in_permission_set(**one)
    api.detach_customer_managed_policy_reference_from_permission_set(**one, **reference)
    api.detach_customer_managed_policy_reference_from_permission_set(**one, **reference)

    store = {"IdentityStoreId": side.store_id}
    user = side.store.create_user(
        **store, UserName="cmp-assigned", DisplayName="cmp", Name={"GivenName": "cmp", "FamilyName": "A"}
    )("UserId")
    row = {
        **one, "TargetId": side.member, "TargetType": "AWS_ACCOUNT", "PrincipalType": "USER",
        "PrincipalId": user,
    }
    began = api.create_account_assignment(**row)("AccountAssignmentCreationStatus.RequestId")
    api.describe_account_assignment_creation_status(
        **instance, AccountAssignmentCreationRequestId=began
    )
    api.list_account_assignments(**one, AccountId=side.member)
    api.list_account_assignments_for_principal(**instance, PrincipalId=user, PrincipalType="USER")
    api.list_permission_sets_provisioned_to_account(**instance, AccountId=side.member)
    api.list_accounts_for_provisioned_permission_set(**one)
    api.provision_permission_set(**one, TargetType="AWS_ACCOUNT", TargetId=side.member)
    ended = api.delete_account_assignment(**row)("AccountAssignmentDeletionStatus.RequestId")
    api.describe_account_assignment_deletion_status(
        **instance, AccountAssignmentDeletionRequestId=ended
    )
    api.list_account_assignments(**one, AccountId=side.member)
    api.delete_permission_set(**one)
    api.describe_permission_set(**one)
    made = api.create_permission_set(**instance, Name="cmp-held")
    one = {**instance, "PermissionSetArn": made("PermissionSet.PermissionSetArn")}
    api.create_account_assignment(**{**row, **one})
    api.delete_permission_set(**one)
    side.store.delete_user(**store, UserId=user)


def queues(side):
    api = side.sqs
    made = api.create_queue(QueueName="cmp-queue", Attributes={"VisibilityTimeout": "0"})
    one = {"QueueUrl": made("QueueUrl")}
    api.create_queue(QueueName="cmp-queue", Attributes={"VisibilityTimeout": "0"})
    api.create_queue(QueueName="cmp-queue", Attributes={"VisibilityTimeout": "7"})
    api.create_queue(QueueName="cmp queue")
    api.get_queue_url(QueueName="cmp-queue")
    api.get_queue_url(QueueName="cmp-none")
    api.list_queues(QueueNamePrefix="cmp-")
    api.get_queue_attributes(**one, AttributeNames=["VisibilityTimeout", "QueueArn", "DelaySeconds"])
    api.set_queue_attributes(**one, Attributes={"VisibilityTimeout": "30"})
    api.set_queue_attributes(**one, Attributes={"cmp-none": "1"})
    api.send_message(**one, MessageBody="cmp first")
    api.send_message(**one, MessageBody="")
    api.send_message_batch(
        **one, Entries=[{"Id": "a", "MessageBody": "cmp a"}, {"Id": "b", "MessageBody": "cmp b"}]
    )
    api.send_message_batch(**one, Entries=[])
    got = api.receive_message(**one, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SenderId"])
    handles = [message["ReceiptHandle"] for message in got.get("Messages", [])]
    # AWS may give fewer than there are.
    handles += ["cmp-missing"] * (3 - len(handles))
    api.change_message_visibility(**one, ReceiptHandle=handles[0], VisibilityTimeout=0)
    api.change_message_visibility(**one, ReceiptHandle="cmp-none", VisibilityTimeout=0)
    api.receive_message(**one)
    api.delete_message(**one, ReceiptHandle=handles[1])
    api.delete_message(**one, ReceiptHandle="cmp-none")
    api.delete_message_batch(**one, Entries=[{"Id": "c", "ReceiptHandle": handles[2]}])
    api.receive_message(**one, MaxNumberOfMessages=11)
    api.purge_queue(**one)
    api.purge_queue(**one)
    api.delete_queue(**one)
    api.get_queue_attributes(**one, AttributeNames=["All"])


SEQUENCES = [
    users, groups, policies, roles, credentials, account, leaving, sessions, organization, directory, sets,
    queues,
]
