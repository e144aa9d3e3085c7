"""The `aws` command."""

import json
import os
import pathlib
import subprocess
import sys
import time

from estate import equal, pages

CLIENT = "aws"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def run(estate, keys, *words):
    """Runs `aws` with these keys and nothing else from around it."""
    command = pathlib.Path(sys.executable).parent / "aws"
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "AWS_ENDPOINT_URL": estate.url,
        "AWS_REGION": estate.facts["region"],
        "AWS_DEFAULT_REGION": estate.facts["region"],
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    if "session_token" in keys:
        environment["AWS_SESSION_TOKEN"] = keys["session_token"]
    return subprocess.run(
        [command, "--output", "json", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answer(estate, keys, *words):
    done = run(estate, keys, *words)
    if done.returncode != 0:
        raise AssertionError(f"aws {' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def refused(estate, keys, code, *words):
    done = run(estate, keys, *words)
    equal(done.returncode != 0, True)
    if f"({code})" not in done.stderr:
        raise AssertionError(f"expected {code}: {done.stderr.strip()}")


def assume(estate):
    given = answer(
        estate,
        estate.facts["host"],
        *("sts", "assume-role", "--role-session-name", "stint"),
        *("--role-arn", estate.facts["connector_role_arn"]),
        *("--external-id", estate.facts["connector_external_id"]),
    )["Credentials"]
    return {
        "access_key_id": given["AccessKeyId"],
        "secret_access_key": given["SecretAccessKey"],
        "session_token": given["SessionToken"],
    }


def paged(estate, keys, operation, size, expected, member, *words):
    """The command follows the pages by itself; the journal shows how many there were."""
    mark = estate.mark()
    rows = answer(estate, keys, *words)[member]
    equal(len(rows), expected)
    equal(len(estate.calls_since(mark, operation)), pages(expected, size))
    equal(expected > size, True)
    return rows


@check("accounts, permission sets, users, groups and assignments over more than one page each")
def listing(estate):
    keys = assume(estate)
    instance = ("--instance-arn", estate.facts["instance_arn"])
    store = ("--identity-store-id", estate.facts["identity_store_id"])
    # With the one that checks_boto3_all made.
    paged(
        estate, keys, "organizations:ListAccounts", 20, 45 + 1, "Accounts",
        "organizations", "list-accounts",
    )
    paged(
        estate, keys, "sso:ListPermissionSets", 100, 130, "PermissionSets",
        "sso-admin", "list-permission-sets", *instance,
    )
    users = paged(
        estate, keys, "identitystore:ListUsers", 100, 250, "Users",
        "identitystore", "list-users", *store,
    )
    equal(users[0]["UserName"], "ana.moreno")
    paged(
        estate, keys, "identitystore:ListGroups", 100, 120, "Groups",
        "identitystore", "list-groups", *store,
    )
    (account, permission_set), holders = estate.crowded_pair()
    rows = paged(
        estate, keys, "sso:ListAccountAssignments", 100, len(holders), "AccountAssignments",
        "sso-admin", "list-account-assignments", *instance,
        "--account-id", account, "--permission-set-arn", permission_set,
    )
    equal({(row["PrincipalType"], row["PrincipalId"]) for row in rows}, holders)


@check("the connector's role with the right and a wrong External ID")
def external_id(estate):
    keys = assume(estate)
    caller = answer(estate, keys, "sts", "get-caller-identity")
    equal(
        caller["Arn"],
        f"arn:aws:sts::{estate.facts['management_account']}:assumed-role/StintConnector/stint",
    )
    refused(
        estate,
        estate.facts["host"],
        "AccessDenied",
        *("sts", "assume-role", "--role-session-name", "stint"),
        *("--role-arn", estate.facts["connector_role_arn"]),
        *("--external-id", "stint-wrong"),
    )


@check("an assignment from IN_PROGRESS to there to gone")
def life(estate):
    keys = assume(estate)
    instance = ("--instance-arn", estate.facts["instance_arn"])
    account = estate.account("prod-payments")
    permission_set = estate.permission_set("prod-admin")
    ana = estate.facts["ana"]["user_id"]
    triple = (
        *instance,
        *("--target-id", account, "--target-type", "AWS_ACCOUNT"),
        *("--permission-set-arn", permission_set),
        *("--principal-type", "USER", "--principal-id", ana),
    )

    def there():
        rows = answer(
            estate, keys, "sso-admin", "list-account-assignments", *instance,
            "--account-id", account, "--permission-set-arn", permission_set,
        )["AccountAssignments"]
        return ana in [row["PrincipalId"] for row in rows]

    def watch(command, option, member, request):
        seen = [None]
        deadline = time.monotonic() + 60
        while seen[-1] in (None, "IN_PROGRESS") and time.monotonic() < deadline:
            polled = answer(estate, keys, "sso-admin", command, *instance, option, request)
            seen.append(polled[member]["Status"])
        equal(seen[-1], "SUCCEEDED")

    equal(there(), False)
    made = answer(estate, keys, "sso-admin", "create-account-assignment", *triple)
    made = made["AccountAssignmentCreationStatus"]
    equal(made["Status"], "IN_PROGRESS")
    watch(
        "describe-account-assignment-creation-status",
        "--account-assignment-creation-request-id",
        "AccountAssignmentCreationStatus",
        made["RequestId"],
    )
    equal(there(), True)
    gone = answer(estate, keys, "sso-admin", "delete-account-assignment", *triple)
    gone = gone["AccountAssignmentDeletionStatus"]
    equal(gone["Status"], "IN_PROGRESS")
    watch(
        "describe-account-assignment-deletion-status",
        "--account-assignment-deletion-request-id",
        "AccountAssignmentDeletionStatus",
        gone["RequestId"],
    )
    equal(there(), False)


@check("errors come through with AWS's codes")
def errors(estate):
    refused(
        estate, estate.facts["admin"], "ResourceNotFoundException",
        "identitystore", "describe-user",
        "--identity-store-id", estate.facts["identity_store_id"],
        "--user-id", "00000000-0000-4000-8000-000000000000",
    )
    refused(estate, estate.facts["host"], "AccessDeniedException", "organizations", "list-accounts")
    nobody = {"access_key_id": "AKIANOBODYNOBODYNOBO", "secret_access_key": "x"}
    refused(estate, nobody, "InvalidClientTokenId", "sts", "get-caller-identity")
