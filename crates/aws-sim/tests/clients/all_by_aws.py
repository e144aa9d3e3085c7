#!/usr/bin/env python3
"""The `aws` command, on every operation of the simulator's own table: what boto3 asks of one simulator,
the command asks of another of the same estate, with good and bad input, and both must be told the
same. What no sequence asks fails.

    all_by_aws.py --stint target/debug/stint         `aws` is taken from beside the Python that runs this
    all_by_aws.py --simulator target/debug/examples/sim

Takes minutes: the command is started for each call. `cargo xtask test --all-clients` runs it.
"""

import argparse
import base64
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

import awscli  # noqa: E402
from botocore.loaders import Loader  # noqa: E402
from botocore.model import ServiceModel  # noqa: E402

from sequences_more import EVERYTHING  # noqa: E402
from sides import SERVICES, UNSIGNED, Simulated, both_answered, control, differ, in_step, start  # noqa: E402

AWS = os.path.join(os.path.dirname(sys.executable), "aws")
# No client knows these: a browser and an identity provider are asked by other checks.
NO_CLIENT = ("signin:", "identitystore-scim:")
REFUSED = re.compile(r"An error occurred \((?P<code>[^)]*)\) when calling the")
# Where the command itself looks at the input and sends nothing.
OWN = ("Parameter validation failed", "Invalid length for parameter", "Missing required parameter")


class ByHand(Simulated):
    """The simulated AWS, asked through the command."""

    unsent = 0
    folder = None

    def approve(self, code, user):
        control(self.url, "POST", "/_sim/device/approve", {"user_code": code, "user": user})

    def ask(self, name, operation, members):
        words = [AWS, name, operation.replace("_", "-"), "--endpoint-url", self.url]
        words += ["--region", self.region, "--output", "json", "--no-paginate"]
        if name in UNSIGNED:
            words.append("--no-sign-request")
        if operation == "create_virtual_mfa_device":
            # The command has its own way with it: the seed goes to a file.
            seed = os.path.join(self.folder, "seed")
            words += ["--outfile", seed, "--bootstrap-method", "Base32StringSeed"]
            words += ["--virtual-mfa-device-name", members["VirtualMFADeviceName"]]
        else:
            words += ["--cli-input-json", json.dumps(members)]
        access_key, secret = self.keys
        environment = {
            "PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret, "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "",
            "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode == 0:
            answer = json.loads(done.stdout) if done.stdout.strip() else {}
            return {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}
        code = REFUSED.search(done.stderr)
        if not code and any(words in done.stderr for words in OWN):
            self.unsent += 1
            return {"Error": {"Code": "unsent"}, "ResponseMetadata": {"HTTPStatusCode": 0}}
        if not code:
            raise AssertionError(f"{' '.join(words)}: {done.stderr}")
        return {"Error": {"Code": code["code"]}, "ResponseMetadata": {"HTTPStatusCode": 0}}


class Boto(Simulated):
    approve = ByHand.approve


def as_printed(value):
    """What boto3 read, as the command prints it."""
    if isinstance(value, dict):
        return {key: as_printed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_printed(inner) for inner in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


# Times that are numbers in both.
WHEN = ("clientIdIssuedAt", "clientSecretExpiresAt", "expiration")
# What the command keeps from what it prints.
LEFT_OUT = {
    ("iam:CreateVirtualMFADevice", "VirtualMFADevice.Base32StringSeed"),
    ("iam:CreateVirtualMFADevice", "VirtualMFADevice.QRCodePNG"),
}


class Models:
    """The command's own copy of AWS's models, which is older than boto3's."""

    def __init__(self):
        data = os.path.join(os.path.dirname(awscli.__file__), "botocore", "data")
        # Where it has none of its own, it has boto3's.
        found = {"extra_search_paths": [data], "include_default_search_paths": False} if os.path.isdir(data) else {}
        self.loader, self.known = Loader(**found), {}

    def known_of(self, name, answer):
        """An answer without the members the command has no name for."""
        service, operation = name.split(":")
        client = SERVICES[service]
        if client not in self.known:
            self.known[client] = ServiceModel(self.loader.load_service_model(client, "service-2"), client)
        model = self.known[client].operation_model(operation)
        return self.within(model.output_shape, answer)

    def within(self, shape, value):
        kind = getattr(shape, "type_name", None)
        if kind == "structure" and isinstance(value, dict):
            return {key: self.within(shape.members[key], it) for key, it in value.items() if key in shape.members}
        if kind == "list" and isinstance(value, list):
            return [self.within(shape.member, it) for it in value]
        return {} if shape is None else value


def without_times(mine, its, name=""):
    """Both without times: the command prints as it likes what boto3 reads as one."""
    if isinstance(mine, datetime.datetime) or name in WHEN:
        return "<time>", "<time>"
    if isinstance(mine, dict) and isinstance(its, dict):
        pairs = {key: without_times(mine[key], its[key], key) for key in mine if key in its}
        return tuple(
            {key: pairs[key][place] if key in pairs else inner for key, inner in whole.items()}
            for place, whole in enumerate((mine, its))
        )
    if isinstance(mine, list) and isinstance(its, list) and len(mine) == len(its):
        # In the order they came: both are of the same estate.
        pairs = [without_times(*inner) for inner in zip(mine, its)]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return mine, its


def told(answer):
    if "Error" in answer:
        # The command does not print the status.
        return {"Error": {"Code": answer["Error"]["Code"]}, "ResponseMetadata": {"HTTPStatusCode": 0}}
    return as_printed(answer)


def compare(boto, command, only):
    failed, compared, called, models = 0, 0, set(), Models()
    for sequence in EVERYTHING:
        if only and sequence.__name__ != only:
            continue
        for number, (name, mine, its) in enumerate(in_step(sequence, boto, command), 1):
            compared += 1
            called.add(name)
            if its.get("Error", {}).get("Code") == "unsent":
                if "Error" not in mine:
                    failed += 1
                    print(f"{name}: the command did not send what boto3 was answered")
                continue
            if "Error" not in mine:
                about = mine["ResponseMetadata"]
                mine = {**models.known_of(name, mine), "ResponseMetadata": about}
            mine, its = without_times(told(mine), told(its))
            if "Error" not in its:
                # The command leaves out members it prints elsewhere.
                its["ResponseMetadata"] = mine.get("ResponseMetadata", its["ResponseMetadata"])
            for path, how in differ(*both_answered(mine, its)):
                if (name, path) in LEFT_OUT:
                    continue
                failed += 1
                print(f"DIFFERS {name} {path} ({sequence.__name__}#{number}): {how}")
    print(f"{compared} answers compared, {command.unsent} the command refused to send, {failed} differ")
    return failed, called


def main():
    parser = argparse.ArgumentParser(description="The aws command, on everything.")
    parser.add_argument("--stint", help="path of the stint binary")
    parser.add_argument("--simulator", help="path of the simulator's own binary")
    parser.add_argument("--only", help="one sequence, by its name")
    given = parser.parse_args()
    if not (given.stint or given.simulator):
        parser.error("give --stint or --simulator")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    command = [given.stint, "sim"] if given.stint else [given.simulator]
    with tempfile.TemporaryDirectory() as folder:
        running = [start(command, folder), start(command, folder)]
        try:
            boto, by_hand = Boto(running[0][1]), ByHand(running[1][1])
            by_hand.folder = folder
            failed, called = compare(boto, by_hand, given.only)
            known = set(control(boto.url, "GET", "/_sim/operations")["operations"])
            forgotten = {name for name in known - called if not name.startswith(NO_CLIENT)}
            if forgotten and not given.only:
                failed += 1
                print(f"no sequence calls: {', '.join(sorted(forgotten))}")
            print(f"{len(called)} operations driven by the aws command")
        finally:
            for process, _ in running:
                process.terminate()
                process.wait(timeout=30)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
