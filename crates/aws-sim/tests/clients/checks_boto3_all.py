"""boto3, on every operation of the simulator's own table: what nobody may do without a key and
without input, and the operations no other check has a reason to call."""

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from checks_boto3 import admin, refused
from estate import equal

CLIENT = "boto3"
CHECKS = []

# The service's name in policies is not always its client's.
CLIENTS = {"sso": "sso-admin", "portal": "sso"}

# Nobody signs these; checks_boto3_sign_in and checks_scim ask how they know a caller.
UNSIGNED = ("sso-oidc", "portal", "signin", "identitystore-scim")

# No SDK knows them.
UNKNOWN = ("signin", "identitystore-scim")


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def unchecked(estate, service, keys):
    """A client that sends whatever it is given."""
    return boto3.client(
        CLIENTS.get(service, service),
        endpoint_url=estate.url,
        region_name="eu-central-1",
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        config=Config(
            retries={"total_max_attempts": 1}, proxies={}, parameter_validation=False
        ),
    )


def operations(estate):
    names = estate.control("GET", "/_sim/operations")["operations"]
    return [name.split(":") for name in names]


def code(call):
    try:
        call()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return error.response["Error"]["Code"], status
    return None


@check("every operation, with a key nobody has and with a wrong secret")
def keys(estate):
    nobody = {"access_key_id": "AKIANOBODYNOBODYNOBO", "secret_access_key": "x"}
    wrong = {**estate.facts["admin"], "secret_access_key": "x"}
    for service, name in operations(estate):
        if service in UNSIGNED:
            continue
        # SQS still answers with the codes of its older protocol.
        query = service in ("iam", "sts", "sqs")
        for keys, expected in (
            (nobody, "InvalidClientTokenId" if query else "UnrecognizedClientException"),
            (wrong, "SignatureDoesNotMatch" if query else "InvalidSignatureException"),
        ):
            api = unchecked(estate, service, keys)
            found = code(getattr(api, xform_name(name)))
            if found != (expected, 403 if query else 400):
                raise AssertionError(f"{service}:{name} with {keys}: {found}")


@check("every operation, without any input")
def nothing(estate):
    for service, name in operations(estate):
        if service in UNKNOWN:
            continue
        api = unchecked(estate, service, estate.facts["admin"])
        model = api.meta.service_model.operation_model(name)
        required = model.input_shape.required_members if model.input_shape else []
        call = getattr(api, xform_name(name))
        if required:
            found = code(call)
            words = ("ValidationError", "ValidationException", "InvalidInputException")
            words += {
                "sso-oidc": ("InvalidRequestException",),
                "portal": ("UnauthorizedException",),
                "sqs": ("MissingParameter",),
            }.get(service, ())
            if not found or found[0] not in words:
                raise AssertionError(f"{service}:{name}() gave {found}")
            continue
        # The lists take any page but one of no row. What takes no input at all is left out.
        size = {"iam": "MaxItems"}.get(service, "MaxResults")
        if not model.input_shape or size not in model.input_shape.members:
            continue
        found = code(lambda: call(**{size: 0}))
        if not found:
            raise AssertionError(f"{service}:{name}({size}=0) was answered")


@check("a user's tags, and its new name")
def tags(estate):
    iam = admin(estate, "iam")
    iam.create_user(UserName="bearer")
    iam.tag_user(UserName="bearer", Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_user(UserName="bearer", TagKeys=["A"])
    equal(iam.list_user_tags(UserName="bearer")["Tags"], [{"Key": "b", "Value": "2"}])
    iam.update_user(UserName="bearer", NewUserName="carrier", NewPath="/people/")
    refused(lambda: iam.get_user(UserName="bearer"), "NoSuchEntity", 404)
    iam.delete_user(UserName="carrier")


@check("an account, made")
def account(estate):
    api = admin(estate, "organizations")
    made = api.create_account(AccountName="made", Email="made@acme.example")["CreateAccountStatus"]
    while made["State"] == "IN_PROGRESS":
        made = api.describe_create_account_status(CreateAccountRequestId=made["Id"])
        made = made["CreateAccountStatus"]
    equal(api.describe_account(AccountId=made["AccountId"])["Account"]["Name"], "made")
    listed = api.list_create_account_status(States=["SUCCEEDED"])["CreateAccountStatuses"]
    equal([row["Id"] for row in listed], [made["Id"]])


@check("the tags of an account")
def account_tags(estate):
    api = admin(estate, "organizations")
    account = estate.account("prod-payments")
    before = api.list_tags_for_resource(ResourceId=account)["Tags"]
    tags = [{"Key": f"k{n:02}", "Value": str(n)} for n in range(30)]
    api.tag_resource(ResourceId=account, Tags=tags)
    pages = api.get_paginator("list_tags_for_resource").paginate(ResourceId=account)
    equal([tag for page in pages for tag in page["Tags"]], before + tags)
    refused(
        lambda: api.tag_resource(ResourceId=account, Tags=[{"Key": "aws:x", "Value": "1"}]),
        "InvalidInputException",
        400,
    )
    refused(
        lambda: api.list_tags_for_resource(ResourceId="000000000001"),
        "TargetNotFoundException",
        400,
    )
    api.untag_resource(ResourceId=account, TagKeys=[tag["Key"] for tag in tags])
    equal(api.list_tags_for_resource(ResourceId=account)["Tags"], before)


@check("one user, group and membership by their ids")
def directory(estate):
    api = admin(estate, "identitystore")
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    ana = estate.facts["ana"]["user_id"]
    equal(api.describe_user(UserId=ana, **store)["UserName"], "ana.moreno")
    group = api.list_groups(MaxResults=1, **store)["Groups"][0]
    told = api.describe_group(GroupId=group["GroupId"], **store)
    equal(told["DisplayName"], group["DisplayName"])
    named = {"AttributePath": "displayName", "AttributeValue": group["DisplayName"]}
    found = api.get_group_id(AlternateIdentifier={"UniqueAttribute": named}, **store)
    equal(found["GroupId"], group["GroupId"])
    pair = {"GroupId": group["GroupId"], "MemberId": {"UserId": ana}}
    made = api.create_group_membership(**pair, **store)["MembershipId"]
    told = api.describe_group_membership(MembershipId=made, **store)
    equal(told["MemberId"], {"UserId": ana})
    mine = api.list_group_memberships_for_member(MemberId={"UserId": ana}, **store)
    equal([row["MembershipId"] for row in mine["GroupMemberships"]], [made])
    api.delete_group_membership(MembershipId=made, **store)


@check("one account, and what was deleted lately")
def one(estate):
    account = estate.account("prod-payments")
    told = admin(estate, "organizations").describe_account(AccountId=account)["Account"]
    equal(told["Name"], "prod-payments")
    listed = admin(estate, "sso-admin").list_account_assignment_deletion_status(
        InstanceArn=estate.facts["instance_arn"]
    )
    equal(len(listed["AccountAssignmentsDeletionStatus"]) > 0, True)
