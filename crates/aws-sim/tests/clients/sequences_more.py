"""What else the simulator has, as sequences.py: nobody else is there to be asked the same."""

from sequences import ALLOW, AWS_POLICY, SEQUENCES

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def of_services(side):
    iam, user = side.iam, {"UserName": "cmp-services"}
    iam.create_user(**user)
    service = {"ServiceName": "codecommit.amazonaws.com"}
    made = iam.create_service_specific_credential(**user, **service)
    one = {"ServiceSpecificCredentialId": made("ServiceSpecificCredential.ServiceSpecificCredentialId"), **user}
    iam.list_service_specific_credentials(**user)
    iam.update_service_specific_credential(**one, Status="Inactive")
    iam.reset_service_specific_credential(**one)
    iam.delete_service_specific_credential(**one)
    iam.delete_service_specific_credential(**one)
    iam.put_user_permissions_boundary(**user, PermissionsBoundary=AWS_POLICY)
    iam.delete_user_permissions_boundary(**user)
    arn = iam.get_user(**user)("User.Arn")
    job = iam.generate_service_last_accessed_details(Arn=arn)("JobId")
    side.wait(60)
    iam.get_service_last_accessed_details(JobId=job)
    iam.get_service_last_accessed_details(JobId="00000000-0000-0000-0000-000000000000")
    iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["iam:GetUser"])
    iam.simulate_principal_policy(PolicySourceArn=arn + "x", ActionNames=["iam:GetUser"])
    iam.simulate_custom_policy(PolicyInputList=[ALLOW], ActionNames=["iam:GetUser"])
    iam.simulate_custom_policy(PolicyInputList=["{"], ActionNames=["iam:GetUser"])
    iam.delete_user(**user)


def papers(side):
    api, instance = side.sso, {"InstanceArn": side.instance}
    made = api.create_permission_set(**instance, Name="cmp-papers")
    one = {**instance, "PermissionSetArn": made("PermissionSet.PermissionSetArn")}
    boundary = {"PermissionsBoundary": {"ManagedPolicyArn": AWS_POLICY}}
    api.put_permissions_boundary_to_permission_set(**one, **boundary)
    api.get_permissions_boundary_for_permission_set(**one)
    api.delete_permissions_boundary_from_permission_set(**one)
    api.get_permissions_boundary_for_permission_set(**one)
    tagged = {**instance, "ResourceArn": one["PermissionSetArn"]}
    api.tag_resource(**tagged, Tags=[{"Key": "team", "Value": "cmp"}])
    api.list_tags_for_resource(**tagged)
    api.untag_resource(**tagged, TagKeys=["team"])
    api.list_tags_for_resource(**tagged)
    began = api.provision_permission_set(**one, TargetType="ALL_PROVISIONED_ACCOUNTS")
    api.describe_permission_set_provisioning_status(
        **instance,
        ProvisionPermissionSetRequestId=began("PermissionSetProvisioningStatus.RequestId"),
    )
    api.list_permission_set_provisioning_status(**instance)
    api.list_account_assignment_creation_status(**instance)
    api.list_account_assignment_deletion_status(**instance)
    api.delete_permission_set(**one)


def changes(side):
    api, store = side.store, {"IdentityStoreId": side.store_id}
    name = {"GivenName": "cmp", "FamilyName": "Changed"}
    user = api.create_user(**store, UserName="cmp-changed", DisplayName="cmp", Name=name)("UserId")
    title = [{"AttributePath": "title", "AttributeValue": "Engineer"}]
    api.update_user(**store, UserId=user, Operations=title)
    api.update_user(**store, UserId=user, Operations=[{"AttributePath": "nothing", "AttributeValue": "x"}])
    api.describe_user(**store, UserId=user)
    group = api.create_group(**store, DisplayName="cmp-changed")("GroupId")
    api.update_group(
        **store, GroupId=group, Operations=[{"AttributePath": "displayName", "AttributeValue": "cmp-now"}]
    )
    api.describe_group(**store, GroupId=group)
    api.delete_group(**store, GroupId=group)
    api.delete_user(**store, UserId=user)


def signing_in(side):
    """A device that a person of the sequence approves, and what they get into."""
    store = {"IdentityStoreId": side.store_id}
    name = {"GivenName": "cmp", "FamilyName": "Signer"}
    user = side.store.create_user(**store, UserName="cmp-signer", DisplayName="cmp", Name=name)("UserId")
    instance = {"InstanceArn": side.instance}
    made = side.sso.create_permission_set(**instance, Name="cmp-portal")
    one = {**instance, "PermissionSetArn": made("PermissionSet.PermissionSetArn")}
    side.sso.put_inline_policy_to_permission_set(**one, InlinePolicy=ALLOW)
    row = {
        **one, "TargetId": side.member, "TargetType": "AWS_ACCOUNT", "PrincipalType": "USER",
        "PrincipalId": user,
    }
    side.sso.create_account_assignment(**row)
    registered = side.oidc.register_client(
        clientName="cmp", clientType="public", scopes=["sso:account:access"]
    )
    client = {"clientId": registered("clientId"), "clientSecret": registered("clientSecret")}
    url = f"https://{side.store_id}.awsapps.com/start"
    device = side.oidc.start_device_authorization(**client, startUrl=url)
    asked = {**client, "grantType": DEVICE, "deviceCode": device("deviceCode")}
    side.oidc.create_token(**asked)
    side.approve(device("userCode"), "cmp-signer")
    side.wait(10)
    token = {"accessToken": side.oidc.create_token(**asked)("accessToken")}
    side.portal.list_accounts(**token)
    side.portal.list_account_roles(**token, accountId=side.member)
    side.portal.get_role_credentials(**token, accountId=side.member, roleName="cmp-portal")
    side.portal.get_role_credentials(**token, accountId=side.member, roleName="cmp-none")
    side.portal.logout(**token)
    side.portal.list_accounts(**token)
    side.sso.delete_account_assignment(**row)
    side.sso.delete_permission_set(**one)
    side.store.delete_user(**store, UserId=user)


EVERYTHING = [*SEQUENCES, of_services, papers, changes, signing_in]
