"""The `aws` command, on IAM."""

from checks_aws import answer, paged, refused
from estate import equal

CLIENT = "aws"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


@check("IAM users and groups over more than one page each")
def listing(estate):
    keys = estate.facts["connector_user"]
    paged(estate, keys, "iam:ListUsers", 100, 232, "Users", "iam", "list-users")
    paged(estate, keys, "iam:ListGroups", 100, 120, "Groups", "iam", "list-groups")
    group = estate.busiest_iam_group()
    expected = {row["user"] for row in estate.iam_memberships() if row["group"] == group}
    rows = paged(
        estate, keys, "iam:GetGroup", 3, len(expected), "Users",
        "iam", "get-group", "--group-name", group, "--page-size", "3",
    )
    equal({row["UserName"] for row in rows}, expected)


@check("an IAM user from made to member to gone, and what stands in the way")
def life(estate):
    admin = estate.facts["admin"]
    stint = estate.facts["connector_user"]
    named = ("--user-name", "by-command")
    pair = ("--group-name", "Developers", *named)
    made = answer(estate, admin, "iam", "create-user", *named)["User"]
    equal(made["UserId"].startswith("AIDA"), True)
    refused(estate, admin, "EntityAlreadyExists", "iam", "create-user", "--user-name", "BY-command")
    answer(estate, stint, "iam", "add-user-to-group", *pair)
    answer(estate, stint, "iam", "add-user-to-group", *pair)
    groups = answer(estate, admin, "iam", "list-groups-for-user", *named)["Groups"]
    equal([row["GroupName"] for row in groups], ["Developers"])
    refused(estate, admin, "DeleteConflict", "iam", "delete-user", *named)
    answer(estate, stint, "iam", "remove-user-from-group", *pair)
    answer(estate, stint, "iam", "remove-user-from-group", *pair)
    # What its policy has no statement for; deleting users it has.
    refused(estate, stint, "AccessDenied", "iam", "create-group", "--group-name", "Ours")
    answer(estate, admin, "iam", "delete-user", *named)
    refused(estate, admin, "NoSuchEntity", "iam", "get-user", *named)
    refused(estate, stint, "NoSuchEntity", "iam", "add-user-to-group", *pair)


@check("a third access key, and who one belongs to")
def access_keys(estate):
    admin = estate.facts["admin"]
    named = ("--user-name", "two-keys")
    answer(estate, admin, "iam", "create-user", *named)
    given = [
        answer(estate, admin, "iam", "create-access-key", *named)["AccessKey"] for _ in range(2)
    ]
    refused(estate, admin, "LimitExceeded", "iam", "create-access-key", *named)
    keys = {
        "access_key_id": given[1]["AccessKeyId"],
        "secret_access_key": given[1]["SecretAccessKey"],
    }
    caller = answer(estate, keys, "sts", "get-caller-identity")
    equal(caller["Arn"].endswith(":user/two-keys"), True)
    equal(caller["UserId"].startswith("AIDA"), True)
    for key in given:
        answer(
            estate, admin, "iam", "delete-access-key", *named,
            "--access-key-id", key["AccessKeyId"],
        )
    answer(estate, admin, "iam", "delete-user", *named)
