"""boto3, on the writes of Identity Center, the identity store and Organizations."""

import json

from checks_boto3 import admin, everything, refused
from estate import equal

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


def statement(effect, action):
    body = {"Effect": effect, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": body})


@check("a permission set and its policies from the making to the end")
def permission_set(estate):
    sso = admin(estate, "sso-admin")
    instance = {"InstanceArn": estate.facts["instance_arn"]}
    made = sso.create_permission_set(
        Name="boto", Description="of boto", SessionDuration="PT2H", **instance
    )["PermissionSet"]
    arn = made["PermissionSetArn"]
    of = {"PermissionSetArn": arn, **instance}
    sso.update_permission_set(Description="changed", **of)
    equal(sso.describe_permission_set(**of)["PermissionSet"]["Description"], "changed")
    tagged = {"ResourceArn": arn, **instance}
    sso.tag_resource(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], **tagged)
    sso.untag_resource(TagKeys=["a"], **tagged)
    equal(everything(sso, "list_tags_for_resource", "Tags", **tagged), [{"Key": "b", "Value": "2"}])

    sso.put_inline_policy_to_permission_set(InlinePolicy=statement("Deny", "*"), **of)
    equal(
        sso.get_inline_policy_for_permission_set(**of)["InlinePolicy"], statement("Deny", "*")
    )
    refused(
        lambda: sso.put_inline_policy_to_permission_set(InlinePolicy="{", **of),
        "ValidationException",
        400,
    )
    sso.delete_inline_policy_from_permission_set(**of)
    equal(sso.get_inline_policy_for_permission_set(**of)["InlinePolicy"], "")

    sso.attach_managed_policy_to_permission_set(ManagedPolicyArn=READ_ONLY, **of)
    rows = everything(sso, "list_managed_policies_in_permission_set", "AttachedManagedPolicies", **of)
    equal(rows, [{"Name": "IAMReadOnlyAccess", "Arn": READ_ONLY}])
    own = {"CustomerManagedPolicyReference": {"Name": "Own", "Path": "/"}}
    sso.attach_customer_managed_policy_reference_to_permission_set(**own, **of)
    rows = everything(
        sso,
        "list_customer_managed_policy_references_in_permission_set",
        "CustomerManagedPolicyReferences",
        **of,
    )
    equal(rows, [own["CustomerManagedPolicyReference"]])
    sso.detach_customer_managed_policy_reference_from_permission_set(**own, **of)
    sso.put_permissions_boundary_to_permission_set(
        PermissionsBoundary={"ManagedPolicyArn": READ_ONLY}, **of
    )
    told = sso.get_permissions_boundary_for_permission_set(**of)["PermissionsBoundary"]
    equal(told, {"ManagedPolicyArn": READ_ONLY})
    sso.delete_permissions_boundary_from_permission_set(**of)
    refused(
        lambda: sso.get_permissions_boundary_for_permission_set(**of),
        "ResourceNotFoundException",
        400,
    )
    sso.detach_managed_policy_from_permission_set(ManagedPolicyArn=READ_ONLY, **of)

    begun = sso.provision_permission_set(TargetType="ALL_PROVISIONED_ACCOUNTS", **of)
    begun = begun["PermissionSetProvisioningStatus"]
    equal(begun["Status"], "IN_PROGRESS")
    refused(lambda: sso.delete_permission_set(**of), "ConflictException", 400)
    while begun["Status"] == "IN_PROGRESS":
        begun = sso.describe_permission_set_provisioning_status(
            ProvisionPermissionSetRequestId=begun["RequestId"], **instance
        )["PermissionSetProvisioningStatus"]
    equal(begun["Status"], "SUCCEEDED")
    rows = everything(
        sso,
        "list_permission_set_provisioning_status",
        "PermissionSetsProvisioningStatus",
        **instance,
    )
    equal([row["RequestId"] for row in rows], [begun["RequestId"]])
    sso.delete_permission_set(**of)
    refused(lambda: sso.describe_permission_set(**of), "ResourceNotFoundException", 400)


@check("a person and a group in the directory")
def people(estate):
    api = admin(estate, "identitystore")
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    person = {
        "UserName": "boto",
        "DisplayName": "Bo To",
        "Name": {"GivenName": "Bo", "FamilyName": "To"},
        "Emails": [{"Value": "boto@acme.example", "Primary": True}],
        "PhoneNumbers": [{"Value": "123"}],
    }
    made = api.create_user(**person, **store)
    answer = refused(lambda: api.create_user(**person, **store), "ConflictException", 400)
    equal(answer["Reason"], "UNIQUENESS_CONSTRAINT_VIOLATION")
    who = {"UserId": made["UserId"], **store}
    changed = api.update_user(
        Operations=[
            {"AttributePath": "displayName", "AttributeValue": "Bo"},
            {"AttributePath": "phoneNumbers"},
        ],
        Revision=made["Revision"],
        **who,
    )
    told = api.describe_user(**who)
    equal((told["DisplayName"], "PhoneNumbers" in told), ("Bo", False))
    equal(changed["Revision"], told["Revision"])
    answer = refused(lambda: api.delete_user(Revision="1", **who), "ConflictException", 400)
    equal(answer["Reason"], "CONCURRENT_MODIFICATION")
    api.delete_user(**who)
    answer = refused(lambda: api.delete_user(**who), "ResourceNotFoundException", 400)
    equal(answer["ResourceType"], "USER")
    group = api.create_group(DisplayName="Boto", Description="of boto", **store)["GroupId"]
    which = {"GroupId": group, **store}
    api.update_group(
        Operations=[{"AttributePath": "description", "AttributeValue": "changed"}], **which
    )
    equal(api.describe_group(**which)["Description"], "changed")
    api.delete_group(**which)
    answer = refused(lambda: api.describe_group(**which), "ResourceNotFoundException", 400)
    equal(answer["ResourceType"], "GROUP")


@check("the organization's tree")
def tree(estate):
    api = admin(estate, "organizations")
    root = everything(api, "list_roots", "Roots")[0]["Id"]
    unit = api.create_organizational_unit(ParentId=root, Name="boto")["OrganizationalUnit"]
    refused(
        lambda: api.create_organizational_unit(ParentId=root, Name="boto"),
        "DuplicateOrganizationalUnitException",
        400,
    )
    which = {"OrganizationalUnitId": unit["Id"]}
    api.update_organizational_unit(Name="robot", **which)
    equal(api.describe_organizational_unit(**which)["OrganizationalUnit"]["Name"], "robot")
    units = everything(
        api, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=root
    )
    equal("robot" in [row["Name"] for row in units], True)
    account = estate.account("prod-payments")
    home = everything(api, "list_parents", "Parents", ChildId=account)[0]["Id"]
    api.move_account(AccountId=account, SourceParentId=home, DestinationParentId=unit["Id"])
    inside = everything(api, "list_accounts_for_parent", "Accounts", ParentId=unit["Id"])
    equal([row["Id"] for row in inside], [account])
    children = everything(
        api, "list_children", "Children", ParentId=unit["Id"], ChildType="ACCOUNT"
    )
    equal(children, [{"Id": account, "Type": "ACCOUNT"}])
    refused(
        lambda: api.delete_organizational_unit(**which), "OrganizationalUnitNotEmptyException", 400
    )
    api.move_account(AccountId=account, SourceParentId=unit["Id"], DestinationParentId=home)
    api.delete_organizational_unit(**which)

    delegate = {"AccountId": account, "ServicePrincipal": "sso.amazonaws.com"}
    api.register_delegated_administrator(**delegate)
    rows = everything(api, "list_delegated_administrators", "DelegatedAdministrators")
    equal([row["Id"] for row in rows], [account])
    rows = everything(
        api, "list_delegated_services_for_account", "DelegatedServices", AccountId=account
    )
    equal([row["ServicePrincipal"] for row in rows], ["sso.amazonaws.com"])
    api.deregister_delegated_administrator(**delegate)
    refused(
        lambda: api.list_delegated_services_for_account(AccountId=account),
        "AccountNotRegisteredException",
        400,
    )


@check("service control policies")
def scps(estate):
    api = admin(estate, "organizations")
    account = estate.account("prod-payments")
    kind = "SERVICE_CONTROL_POLICY"
    made = api.create_policy(
        Name="boto", Description="of boto", Type=kind, Content=statement("Deny", "s3:*")
    )["Policy"]
    which = {"PolicyId": made["PolicySummary"]["Id"]}
    refused(
        lambda: api.update_policy(Content="{", **which), "MalformedPolicyDocumentException", 400
    )
    api.update_policy(Description="changed", **which)
    equal(api.describe_policy(**which)["Policy"]["PolicySummary"]["Description"], "changed")
    rows = everything(api, "list_policies", "Policies", Filter=kind)
    equal([row["Name"] for row in rows], ["FullAWSAccess", "boto"])
    api.attach_policy(TargetId=account, **which)
    rows = everything(api, "list_policies_for_target", "Policies", TargetId=account, Filter=kind)
    equal([row["Name"] for row in rows], ["FullAWSAccess", "boto"])
    rows = everything(api, "list_targets_for_policy", "Targets", **which)
    equal([row["TargetId"] for row in rows], [account])
    refused(lambda: api.delete_policy(**which), "PolicyInUseException", 400)
    api.detach_policy(TargetId=account, **which)
    refused(lambda: api.detach_policy(TargetId=account, **which), "PolicyNotAttachedException", 400)
    api.delete_policy(**which)
    refused(lambda: api.describe_policy(**which), "PolicyNotFoundException", 400)
