"""boto3."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from estate import equal, pages

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def client(estate, service, keys):
    return boto3.client(
        service,
        endpoint_url=estate.url,
        region_name="eu-central-1",
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        aws_session_token=keys.get("session_token"),
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def admin(estate, service):
    return client(estate, service, estate.facts["admin"])


def assume(estate, external_id=None):
    """A session of the connector's role, as keys."""
    sts = client(estate, "sts", estate.facts["host"])
    extra = {"ExternalId": external_id} if external_id else {}
    answer = sts.assume_role(
        RoleArn=estate.facts["connector_role_arn"], RoleSessionName="stint", **extra
    )
    given = answer["Credentials"]
    return {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }


def connector(estate, service):
    return client(estate, service, assume(estate, estate.facts["connector_external_id"]))


def refused(call, code, status):
    try:
        call()
    except ClientError as error:
        equal(error.response["Error"]["Code"], code)
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        return error.response
    raise AssertionError(f"was not refused with {code}")


def paged(estate, operation, size, list_all, expected):
    """Lists everything and counts the calls it took."""
    mark = estate.mark()
    rows = list_all()
    equal(len(rows), expected)
    equal(len(set(rows)), expected)
    equal(len(estate.calls_since(mark, operation)), pages(expected, size))
    if expected <= size:
        raise AssertionError(f"{operation}: {expected} rows fit one page, nothing was proved")
    return rows


def everything(api, operation, member, **inputs):
    found = api.get_paginator(operation).paginate(**inputs)
    return [row for page in found for row in page[member]]


@check("accounts over three pages")
def accounts(estate):
    api = connector(estate, "organizations")
    paged(
        estate,
        "organizations:ListAccounts",
        20,
        lambda: [row["Id"] for row in everything(api, "list_accounts", "Accounts")],
        45,
    )
    organization = api.describe_organization()["Organization"]
    equal(organization["MasterAccountId"], estate.facts["management_account"])


@check("permission sets over two pages")
def permission_sets(estate):
    api = connector(estate, "sso-admin")
    instance = api.list_instances()["Instances"][0]["InstanceArn"]
    equal(instance, estate.facts["instance_arn"])
    arns = paged(
        estate,
        "sso:ListPermissionSets",
        100,
        lambda: everything(
            api, "list_permission_sets", "PermissionSets", InstanceArn=instance
        ),
        130,
    )
    one = api.describe_permission_set(InstanceArn=instance, PermissionSetArn=arns[2])
    equal(one["PermissionSet"]["Name"], "prod-admin")


@check("users over three pages, groups over two")
def directory(estate):
    api = connector(estate, "identitystore")
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    paged(
        estate,
        "identitystore:ListUsers",
        100,
        lambda: [row["UserName"] for row in everything(api, "list_users", "Users", **store)],
        250,
    )
    groups = paged(
        estate,
        "identitystore:ListGroups",
        100,
        lambda: [row["GroupId"] for row in everything(api, "list_groups", "Groups", **store)],
        120,
    )
    memberships = 0
    for group in groups:
        memberships += len(
            everything(
                api, "list_group_memberships", "GroupMemberships", GroupId=group, **store
            )
        )
    equal(memberships, 3000)


@check("assignments over several pages, from three sides")
def assignments(estate):
    api = connector(estate, "sso-admin")
    instance = estate.facts["instance_arn"]
    (account, permission_set), holders = estate.crowded_pair()
    rows = paged(
        estate,
        "sso:ListAccountAssignments",
        100,
        lambda: [
            (row["PrincipalType"], row["PrincipalId"])
            for row in everything(
                api,
                "list_account_assignments",
                "AccountAssignments",
                InstanceArn=instance,
                AccountId=account,
                PermissionSetArn=permission_set,
            )
        ],
        len(holders),
    )
    equal(set(rows), holders)
    group, held = estate.busiest_group()
    rows = paged(
        estate,
        "sso:ListAccountAssignmentsForPrincipal",
        100,
        lambda: [
            (row["AccountId"], row["PermissionSetArn"])
            for row in everything(
                api,
                "list_account_assignments_for_principal",
                "AccountAssignments",
                InstanceArn=instance,
                PrincipalType="GROUP",
                PrincipalId=group,
            )
        ],
        len(held),
    )
    equal(set(rows), held)
    provisioned = everything(
        api,
        "list_permission_sets_provisioned_to_account",
        "PermissionSets",
        InstanceArn=instance,
        AccountId=account,
    )
    expected = {
        row["permission_set_arn"] for row in estate.assignments() if row["account_id"] == account
    }
    equal(set(provisioned), expected)
    there = everything(
        admin(estate, "sso-admin"),
        "list_accounts_for_provisioned_permission_set",
        "AccountIds",
        InstanceArn=instance,
        PermissionSetArn=permission_set,
    )
    expected = {
        row["account_id"]
        for row in estate.assignments()
        if row["permission_set_arn"] == permission_set
    }
    equal(set(there), expected)


@check("the connector's role with the right, a wrong and no External ID")
def external_id(estate):
    right = estate.facts["connector_external_id"]
    keys = assume(estate, right)
    caller = client(estate, "sts", keys).get_caller_identity()
    equal(caller["Account"], estate.facts["management_account"])
    for wrong in ("stint-wrong", None):
        answer = refused(lambda: assume(estate, wrong), "AccessDenied", 403)
        equal(
            answer["Error"]["Message"],
            f"User: {estate.facts['host']['arn']} is not authorized to perform: "
            f"sts:AssumeRole on resource: {estate.facts['connector_role_arn']}",
        )
    bare = client(estate, "organizations", estate.facts["host"])
    refused(bare.list_accounts, "AccessDeniedException", 400)


@check("an assignment from IN_PROGRESS to there to gone")
def life(estate):
    api = connector(estate, "sso-admin")
    triple = {
        "InstanceArn": estate.facts["instance_arn"],
        "TargetId": estate.account("prod-payments"),
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": estate.permission_set("prod-admin"),
        "PrincipalType": "USER",
        "PrincipalId": estate.facts["ana"]["user_id"],
    }

    def there():
        rows = everything(
            api,
            "list_account_assignments",
            "AccountAssignments",
            InstanceArn=triple["InstanceArn"],
            AccountId=triple["TargetId"],
            PermissionSetArn=triple["PermissionSetArn"],
        )
        return any(row["PrincipalId"] == triple["PrincipalId"] for row in rows)

    equal(there(), False)
    made = api.create_account_assignment(**triple)["AccountAssignmentCreationStatus"]
    equal(made["Status"], "IN_PROGRESS")
    refused(lambda: api.create_account_assignment(**triple), "ConflictException", 400)
    refused(lambda: api.delete_account_assignment(**triple), "ConflictException", 400)
    seen = []
    while not seen or seen[-1] == "IN_PROGRESS":
        status = api.describe_account_assignment_creation_status(
            InstanceArn=triple["InstanceArn"],
            AccountAssignmentCreationRequestId=made["RequestId"],
        )["AccountAssignmentCreationStatus"]
        seen.append(status["Status"])
    equal(seen[-1], "SUCCEEDED")
    equal(there(), True)
    gone = api.delete_account_assignment(**triple)["AccountAssignmentDeletionStatus"]
    equal(gone["Status"], "IN_PROGRESS")
    seen = []
    while not seen or seen[-1] == "IN_PROGRESS":
        status = api.describe_account_assignment_deletion_status(
            InstanceArn=triple["InstanceArn"],
            AccountAssignmentDeletionRequestId=gone["RequestId"],
        )["AccountAssignmentDeletionStatus"]
        seen.append(status["Status"])
    equal(seen[-1], "SUCCEEDED")
    equal(there(), False)
    done = everything(
        api,
        "list_account_assignment_creation_status",
        "AccountAssignmentsCreationStatus",
        InstanceArn=triple["InstanceArn"],
        Filter={"Status": "SUCCEEDED"},
    )
    equal(made["RequestId"] in [row["RequestId"] for row in done], True)


@check("a membership made, made again, looked for and removed")
def membership(estate):
    api = connector(estate, "identitystore")
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    group = everything(api, "list_groups", "Groups", **store)[0]["GroupId"]
    pair = {"GroupId": group, "MemberId": {"UserId": estate.facts["ana"]["user_id"]}, **store}
    made = api.create_group_membership(**pair)["MembershipId"]
    answer = refused(lambda: api.create_group_membership(**pair), "ConflictException", 400)
    equal(answer["Reason"], "UNIQUENESS_CONSTRAINT_VIOLATION")
    equal(api.get_group_membership_id(**pair)["MembershipId"], made)
    admins = admin(estate, "identitystore")
    asked = admins.is_member_in_groups(GroupIds=[group], MemberId=pair["MemberId"], **store)
    equal(asked["Results"][0]["MembershipExists"], True)
    api.delete_group_membership(MembershipId=made, **store)
    answer = refused(
        lambda: api.delete_group_membership(MembershipId=made, **store),
        "ResourceNotFoundException",
        400,
    )
    equal(answer["ResourceType"], "GROUP_MEMBERSHIP")
    found = admins.get_user_id(
        AlternateIdentifier={
            "UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "ana.moreno"}
        },
        **store,
    )
    equal(found["UserId"], estate.facts["ana"]["user_id"])


@check("old signatures and expired sessions on the virtual clock")
def clocks(estate):
    host = client(estate, "sts", estate.facts["host"])
    session = connector(estate, "sso-admin")
    session.list_instances()
    estate.advance(16 * 60)
    try:
        answer = refused(host.get_caller_identity, "SignatureDoesNotMatch", 403)
        equal(answer["Error"]["Message"].startswith("Signature expired: "), True)
        refused(session.list_instances, "InvalidSignatureException", 400)
        admin(estate, "sso-admin").list_instances()
        estate.advance(45 * 60)
        refused(session.list_instances, "ExpiredTokenException", 400)
        estate.advance(-45 * 60)
    finally:
        estate.advance(-16 * 60)
    session.list_instances()


@check("unknown keys, unknown operations and bad input")
def errors(estate):
    nobody = {"access_key_id": "AKIANOBODYNOBODYNOBO", "secret_access_key": "x"}
    refused(client(estate, "sts", nobody).get_caller_identity, "InvalidClientTokenId", 403)
    refused(client(estate, "sso-admin", nobody).list_instances, "UnrecognizedClientException", 400)
    sso = admin(estate, "sso-admin")
    instance = estate.facts["instance_arn"]
    refused(
        lambda: sso.delete_instance(InstanceArn=instance), "UnknownOperationException", 400
    )
    sts = admin(estate, "sts")
    refused(
        lambda: sts.decode_authorization_message(EncodedMessage="x"), "InvalidAction", 400
    )
    refused(admin(estate, "iam").list_saml_providers, "InvalidAction", 400)
    refused(
        lambda: sso.list_permission_sets(InstanceArn=instance, NextToken="abc"),
        "ValidationException",
        400,
    )
    try:
        sso.list_account_assignments(
            InstanceArn=instance,
            AccountId="000000000001",
            PermissionSetArn=estate.permission_set("prod-admin"),
        )
    except sso.exceptions.ResourceNotFoundException:
        pass
    else:
        raise AssertionError("an unknown account was listed")
