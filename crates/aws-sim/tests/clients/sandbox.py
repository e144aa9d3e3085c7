#!/usr/bin/env python3
"""The simulated AWS beside AWS itself: the sequences that clean up after themselves, asked of a real
account and of the simulator, and what is answered otherwise printed. For whoever owns a sandbox account
and would prove the simulator wrong.

    sandbox.py --stint target/debug/stint --account 123456789012 --confirm 123456789012

It makes, changes and deletes IAM users, groups, policies, roles, access keys and queues that are named
`cmp-…`; with --directory also a user and a group of Identity Center. It never touches an organization,
an account alias, or anything of another name. It refuses to run

- without the account's id, and the same id once more as --confirm: nothing of it is a default;
- where the credentials it finds (as boto3 does) are of another account;
- where something named `cmp-…` is there already.

What it made is deleted in any case, also when it is interrupted; what could not be is said, by name.
"""

import argparse
import os
import re
import signal
import sys
import tempfile

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402

import sequences  # noqa: E402
from sides import OURS, Side, Simulated, both_answered, differ, in_step, start  # noqa: E402

# Those that leave nothing behind, and nothing but what is theirs.
CLEAN = (
    sequences.users, sequences.groups, sequences.policies, sequences.roles, sequences.credentials,
    sequences.sessions, sequences.queues,
)
# What two accounts do not have in common.
OF_THE_ACCOUNT = {("sts:GetCallerIdentity", "Arn")} | {
    (f"identitystore:List{kind}", member) for kind in ("Users", "Groups") for member in (kind, "NextToken")
}
# IAM says of a change later what it is; long enough for most.
PAUSE = 4


def refuse(why):
    sys.exit(f"refused: {why}")


def real(given):
    """AWS, as whoever the credentials are of; refused if that is not the account that was named."""
    if not re.fullmatch(r"\d{12}", given.account or ""):
        refuse("give --account, the 12 digits of a sandbox account that may be changed")
    if given.confirm != given.account:
        refuse("give --confirm with the same 12 digits: things in that account will be made and deleted")
    side = Side(region=given.region, pause=given.pause)
    try:
        found = side.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        refuse(f"no credentials that work were found, as boto3 looks for them: {error}")
    if found["Account"] != given.account:
        refuse(f"the credentials are of account {found['Account']}, not of {given.account}")
    side.management = given.account
    return side


def ours(side):
    """What is named as the sequences name things: kind and name."""
    iam, found = side.client("iam"), []
    for kind, name in (("user", "UserName"), ("group", "GroupName"), ("role", "RoleName")):
        pages = iam.get_paginator(f"list_{kind}s").paginate()
        rows = (row[name] for page in pages for row in page[f"{kind.title()}s"])
        found += [(kind, row) for row in rows if row.startswith(f"{OURS}-")]
    for page in iam.get_paginator("list_policies").paginate(Scope="Local"):
        found += [("policy", it["Arn"]) for it in page["Policies"] if it["PolicyName"].startswith(f"{OURS}-")]
    for page in iam.get_paginator("list_virtual_mfa_devices").paginate():
        serials = (it["SerialNumber"] for it in page["VirtualMFADevices"])
        found += [("device", it) for it in serials if f":mfa/{OURS}-" in it]
    queues = side.client("sqs").list_queues(QueueNamePrefix=f"{OURS}-")
    return found + [("queue", url) for url in queues.get("QueueUrls", [])]


def sweep(side):
    """Deletes whatever is ours, with what hangs on it; gives what could not be deleted."""
    iam = side.client("iam")

    def tries(call, **members):
        try:
            return call(**members)
        except ClientError:
            return {}

    for kind, name in ours(side):
        if kind == "queue":
            tries(side.client("sqs").delete_queue, QueueUrl=name)
        if kind == "device":
            tries(iam.delete_virtual_mfa_device, SerialNumber=name)
        if kind in ("user", "group", "role"):
            who = {f"{kind.title()}Name": name}
            for policy in tries(getattr(iam, f"list_{kind}_policies"), **who).get("PolicyNames", []):
                tries(getattr(iam, f"delete_{kind}_policy"), **who, PolicyName=policy)
            attached = tries(getattr(iam, f"list_attached_{kind}_policies"), **who)
            for policy in attached.get("AttachedPolicies", []):
                tries(getattr(iam, f"detach_{kind}_policy"), **who, PolicyArn=policy["PolicyArn"])
        if kind == "user":
            who = {"UserName": name}
            for group in tries(iam.list_groups_for_user, **who).get("Groups", []):
                tries(iam.remove_user_from_group, **who, GroupName=group["GroupName"])
            for key in tries(iam.list_access_keys, **who).get("AccessKeyMetadata", []):
                tries(iam.delete_access_key, **who, AccessKeyId=key["AccessKeyId"])
            for key in tries(iam.list_ssh_public_keys, **who).get("SSHPublicKeys", []):
                tries(iam.delete_ssh_public_key, **who, SSHPublicKeyId=key["SSHPublicKeyId"])
            for one in tries(iam.list_signing_certificates, **who).get("Certificates", []):
                tries(iam.delete_signing_certificate, **who, CertificateId=one["CertificateId"])
            tries(iam.delete_login_profile, **who)
    for kind, name in ours(side):
        if kind == "policy":
            for version in tries(iam.list_policy_versions, PolicyArn=name).get("Versions", []):
                if not version["IsDefaultVersion"]:
                    tries(iam.delete_policy_version, PolicyArn=name, VersionId=version["VersionId"])
            tries(iam.delete_policy, PolicyArn=name)
        if kind in ("user", "group", "role"):
            tries(getattr(iam, f"delete_{kind}"), **{f"{kind.title()}Name": name})
    return ours(side)


def compare(simulator, aws, chosen):
    compared = differing = 0
    for sequence in chosen:
        print(f"{sequence.__name__} …", flush=True)
        for number, (name, mine, its) in enumerate(in_step(sequence, simulator, aws), 1):
            compared += 1
            for path, how in differ(*both_answered(mine, its)):
                if (name, path) not in OF_THE_ACCOUNT:
                    differing += 1
                    print(f"AWS SAYS OTHERWISE {name} {path} ({sequence.__name__}#{number}): {how}")
    print(f"{compared} answers compared, {differing} otherwise than AWS")
    return differing


def main():
    parser = argparse.ArgumentParser(description="The simulated AWS beside a sandbox account of AWS.")
    parser.add_argument("--stint", help="path of the stint binary")
    parser.add_argument("--simulator", help="path of the simulator's own binary")
    parser.add_argument("--account", help="the 12 digits of the sandbox account")
    parser.add_argument("--confirm", help="the same again: it will be changed")
    parser.add_argument("--region", default="eu-central-1")
    parser.add_argument("--directory", action="store_true", help="also a user and a group of Identity Center")
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds after each change")
    given = parser.parse_args()
    if not (given.stint or given.simulator):
        parser.error("give --stint or --simulator")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    aws = real(given)
    chosen = list(CLEAN)
    if given.directory:
        instances = aws.client("sso-admin").list_instances()["Instances"]
        if not instances:
            refuse("--directory: the account has no instance of Identity Center in this region")
        aws.store_id = instances[0]["IdentityStoreId"]
        chosen.append(sequences.directory)
    there = ours(aws)
    if there:
        refuse(f"there is something named {OURS}-… already: {', '.join(name for _, name in there)}")
    print(f"Account {given.account} will be changed, and left as it is.", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        process, url = start([given.stint, "sim"] if given.stint else [given.simulator], folder)
        left, differing = [], 1
        try:
            differing = compare(Simulated(url), aws, chosen)
        finally:
            left = sweep(aws)
            for kind, name in left:
                print(f"COULD NOT BE DELETED: {kind} {name}")
            process.terminate()
            process.wait(timeout=30)
    sys.exit(1 if differing or left else 0)


if __name__ == "__main__":
    # Never of this machine's making: whoever runs it says where AWS is.
    os.environ.setdefault("AWS_MAX_ATTEMPTS", "1")
    main()
