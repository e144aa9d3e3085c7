#!/usr/bin/env python3
"""Runs a command beside moto's server, filled through boto3: a second opinion on what the
connector sends and reads, by people who never saw Stint.

    judge.py -- cargo nextest run -p stint-aws --run-ignored only -E 'test(/^moto::/)'

The command finds moto's address in STINT_MOTO_URL and a file that says what was put there in
STINT_MOTO_SEEDED. Its exit code is this program's. Needs the packages of
crates/aws-sim/tests/clients/requirements.txt.

What it does not fill: sso-admin. moto answers a create or delete of an assignment at once
with SUCCEEDED, gives permission sets ARNs of a form AWS does not have, and provisions
nothing: the connector's own tests would have to be bent to pass.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

import boto3  # noqa: E402
from botocore.config import Config  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

REGION = "eu-central-1"
# moto's own account unless told otherwise.
ACCOUNT = "123456789012"
STORE = "d-9067abcdef"


def client(url, service):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="moto",
        aws_secret_access_key="moto",
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )


def organization(url):
    """More accounts than AWS lists on one page (20)."""
    api = client(url, "organizations")
    management = api.create_organization(FeatureSet="ALL")["Organization"]["MasterAccountId"]
    if management != ACCOUNT:
        raise AssertionError(f"moto lives in {management}")
    names = [f"moto-{n}" for n in range(24)]
    for name in names:
        api.create_account(Email=f"{name}@example.com", AccountName=name)
    rows = [row for page in api.get_paginator("list_accounts").paginate() for row in page["Accounts"]]
    return {row["Id"]: {"name": row["Name"], "email": row["Email"]} for row in rows}


def directory(url):
    """Users, groups and one group's members, each beyond a page of 100."""
    api = client(url, "identitystore")
    store = {"IdentityStoreId": STORE}
    users = {}
    for n in range(130):
        made = api.create_user(
            UserName=f"user{n}",
            DisplayName=f"User & Son {n}",
            Name={"GivenName": "User", "FamilyName": str(n)},
            Emails=[{"Value": f"user{n}@example.com", "Type": "work", "Primary": True}],
            **store,
        )
        users[made["UserId"]] = f"user{n}"
    groups = {}
    for n in range(110):
        made = api.create_group(DisplayName=f"group{n}", Description=f"No. {n}", **store)
        groups[made["GroupId"]] = f"group{n}"
    crowded, other = list(groups)[:2]
    memberships = {}
    for group, members in ((crowded, list(users)[:115]), (other, list(users)[100:103])):
        for user in members:
            made = api.create_group_membership(GroupId=group, MemberId={"UserId": user}, **store)
            memberships[made["MembershipId"]] = {"group": group, "user": user}
    return {"store": STORE, "users": users, "groups": groups, "memberships": memberships}


def iam(url):
    """Users, groups and one group's members beyond a page of 100; moto itself never pages."""
    api = client(url, "iam")
    users = {}
    for n in range(130):
        made = api.create_user(UserName=f"iam-user{n}", Path="/people/" if n % 2 else "/")
        users[f"iam-user{n}"] = made["User"]["UserId"]
    groups = {}
    for n in range(105):
        made = api.create_group(GroupName=f"iam-group{n}", Path="/teams/" if n % 2 else "/")
        groups[f"iam-group{n}"] = made["Group"]["GroupId"]
    members = {
        "iam-group0": [f"iam-user{n}" for n in range(120)],
        "iam-group1": ["iam-user3", "iam-user5"],
    }
    for group, names in members.items():
        for name in names:
            api.add_user_to_group(GroupName=group, UserName=name)
    return {"users": users, "groups": groups, "members": members}


def main():
    command = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if not command:
        sys.exit("judge.py -- <command>")
    # Ended from outside, the command must end too; the server is a thread of this process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        seeded = {
            "account": ACCOUNT,
            "region": REGION,
            "accounts": organization(url),
            "directory": directory(url),
            "iam": iam(url),
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(seeded, file)
            file.flush()
            around = {**os.environ, "STINT_MOTO_URL": url, "STINT_MOTO_SEEDED": file.name}
            process = subprocess.Popen(command, env=around)
            try:
                code = process.wait()
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
    finally:
        server.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
