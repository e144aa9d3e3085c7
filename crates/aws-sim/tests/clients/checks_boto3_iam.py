"""boto3, on IAM."""

from checks_boto3 import client, admin, everything, paged, refused
from estate import equal, pages

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def by_key(estate, service):
    """The connector's own user, which needs no role."""
    return client(estate, service, estate.facts["connector_user"])


@check("IAM users over three pages, groups over two")
def lists(estate):
    # Those asked for, the administrator and the connector's.
    for iam in (admin(estate, "iam"), by_key(estate, "iam")):
        names = paged(
            estate,
            "iam:ListUsers",
            100,
            lambda: [row["UserName"] for row in everything(iam, "list_users", "Users")],
            232,
        )
        equal("ana.moreno" in names and "stint-connector" in names, True)
        paged(
            estate,
            "iam:ListGroups",
            100,
            lambda: [row["GroupName"] for row in everything(iam, "list_groups", "Groups")],
            120,
        )
    mark = estate.mark()
    page = iam.list_users(MaxItems=1000)
    equal((len(page["Users"]), page["IsTruncated"], "Marker" in page), (232, False, False))
    equal(len(estate.calls_since(mark, "iam:ListUsers")), 1)
    refused(lambda: iam.list_users(Marker="abc"), "ValidationError", 400)


@check("IAM memberships from both sides, page by page")
def memberships(estate):
    iam = by_key(estate, "iam")
    truth = {(row["group"], row["user"]) for row in estate.iam_memberships()}
    equal(len(truth), 700)
    group, user = estate.busiest_iam_group(), estate.busiest_iam_user()
    expected = {member for of, member in truth if of == group}
    mark = estate.mark()
    found = iam.get_paginator("get_group").paginate(
        GroupName=group, PaginationConfig={"PageSize": 3}
    )
    found = [row["UserName"] for page in found for row in page["Users"]]
    equal(sorted(found), sorted(expected))
    equal(len(estate.calls_since(mark, "iam:GetGroup")), pages(len(expected), 3))
    equal(len(expected) > 3, True)
    expected = {of for of, member in truth if member == user}
    mark = estate.mark()
    found = admin(estate, "iam").get_paginator("list_groups_for_user").paginate(
        UserName=user, PaginationConfig={"PageSize": 3}
    )
    found = [row["GroupName"] for page in found for row in page["Groups"]]
    equal(sorted(found), sorted(expected))
    equal(len(estate.calls_since(mark, "iam:ListGroupsForUser")), pages(len(expected), 3))
    equal(len(expected) > 3, True)


@check("an IAM user made, put into ten groups and no more, and taken out again")
def life(estate):
    iam = admin(estate, "iam")
    made = iam.create_user(
        UserName="Probe", Path="/probes/", Tags=[{"Key": "by", "Value": "a check <&>"}]
    )["User"]
    account = estate.facts["management_account"]
    equal(made["Arn"], f"arn:aws:iam::{account}:user/probes/Probe")
    equal(made["UserId"].startswith("AIDA"), True)
    equal(iam.get_user(UserName="probe")["User"]["Tags"], made["Tags"])
    answer = refused(
        lambda: iam.create_user(UserName="PROBE"), "EntityAlreadyExists", 409
    )
    equal(answer["Error"]["Message"], "User with name PROBE already exists.")
    equal(answer["Error"]["Type"], "Sender")
    groups = [row["GroupName"] for row in iam.list_groups(MaxItems=11)["Groups"]]
    stint = by_key(estate, "iam")
    for group in groups[:10]:
        stint.add_user_to_group(GroupName=group, UserName="Probe")
        stint.add_user_to_group(GroupName=group, UserName="Probe")
    answer = refused(
        lambda: stint.add_user_to_group(GroupName=groups[10], UserName="Probe"),
        "LimitExceeded",
        409,
    )
    equal(answer["Error"]["Message"], "Cannot exceed quota for GroupsPerUser: 10")
    answer = refused(lambda: iam.delete_user(UserName="Probe"), "DeleteConflict", 409)
    equal(
        answer["Error"]["Message"], "Cannot delete entity, must remove users from group first."
    )
    answer = refused(lambda: iam.delete_group(GroupName=groups[0]), "DeleteConflict", 409)
    for group in groups[:10]:
        stint.remove_user_from_group(GroupName=group, UserName="Probe")
        stint.remove_user_from_group(GroupName=group, UserName="Probe")
    equal(iam.list_groups_for_user(UserName="Probe")["Groups"], [])
    iam.delete_user(UserName="Probe")
    answer = refused(lambda: iam.delete_user(UserName="Probe"), "NoSuchEntity", 404)
    equal(answer["Error"]["Message"], "The user with name Probe cannot be found.")
    try:
        stint.add_user_to_group(GroupName=groups[0], UserName="Probe")
    except stint.exceptions.NoSuchEntityException:
        pass
    else:
        raise AssertionError("a deleted user was put into a group")


@check("an IAM group made, renamed and deleted")
def group(estate):
    iam = admin(estate, "iam")
    made = iam.create_group(GroupName="probe-group")["Group"]
    equal(made["GroupId"].startswith("AGPA"), True)
    refused(lambda: iam.create_group(GroupName="PROBE-group"), "EntityAlreadyExists", 409)
    iam.update_group(GroupName="probe-group", NewGroupName="probed", NewPath="/probes/")
    answer = refused(lambda: iam.get_group(GroupName="probe-group"), "NoSuchEntity", 404)
    equal(answer["Error"]["Message"], "The group with name probe-group cannot be found.")
    found = iam.get_group(GroupName="probed")
    equal((found["Group"]["GroupId"], found["Group"]["Path"]), (made["GroupId"], "/probes/"))
    equal((found["Users"], found["IsTruncated"]), ([], False))
    iam.delete_group(GroupName="probed")


@check("an access key that signs in until it is inactive")
def access_key(estate):
    iam = admin(estate, "iam")
    iam.create_user(UserName="keyed")
    given = iam.create_access_key(UserName="keyed")["AccessKey"]
    keys = {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
    }
    sts = client(estate, "sts", keys)
    caller = sts.get_caller_identity()
    equal(caller["Arn"], f"arn:aws:iam::{caller['Account']}:user/keyed")
    answer = refused(client(estate, "iam", keys).list_users, "AccessDenied", 403)
    equal(
        answer["Error"]["Message"],
        f"User: {caller['Arn']} is not authorized to perform: iam:ListUsers on resource: "
        f"arn:aws:iam::{caller['Account']}:user/ because no identity-based policy allows "
        "the iam:ListUsers action",
    )
    last = iam.get_access_key_last_used(AccessKeyId=keys["access_key_id"])
    equal(last["UserName"], "keyed")
    equal(last["AccessKeyLastUsed"]["ServiceName"], "iam")
    mine = {"UserName": "keyed", "AccessKeyId": keys["access_key_id"]}
    iam.update_access_key(Status="Inactive", **mine)
    refused(sts.get_caller_identity, "InvalidClientTokenId", 403)
    listed = iam.list_access_keys(UserName="keyed")["AccessKeyMetadata"]
    equal([row["Status"] for row in listed], ["Inactive"])
    equal("SecretAccessKey" in listed[0], False)
    iam.update_access_key(Status="Active", **mine)
    sts.get_caller_identity()
    answer = refused(lambda: iam.delete_user(UserName="keyed"), "DeleteConflict", 409)
    equal(answer["Error"]["Message"], "Cannot delete entity, must delete access keys first.")
    iam.delete_access_key(**mine)
    refused(sts.get_caller_identity, "InvalidClientTokenId", 403)
    iam.delete_user(UserName="keyed")
