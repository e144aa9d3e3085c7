"""The suite for a sandbox account of AWS: whom it refuses, and that it leaves nothing behind. The
simulator stands for AWS."""

import os
import subprocess
import sys

import sandbox
import sequences
from estate import equal
from sides import Side

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def refused(estate, words, *more, keys=None):
    """Runs it where AWS is the simulator; it must refuse with these words, before it changes anything."""
    keys = keys or estate.facts["admin"]
    environment = {
        "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": estate.url, "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"], "AWS_EC2_METADATA_DISABLED": "true",
    }
    # It must have refused before it would start one.
    command = [sys.executable, sandbox.__file__, "--simulator", os.devnull, *more]
    mark = estate.mark()
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode == 0 or words not in done.stderr:
        raise AssertionError(f"{more}: {done.returncode} {done.stderr}")
    calls = estate.control("GET", f"/_sim/journal?after={mark}")["calls"]
    changing = [call["operation"] for call in calls if not call["operation"].split(":")[1].startswith(("Get", "List"))]
    equal(changing, [])


@check("the sandbox suite refuses whoever has not said which account, twice")
def unconfirmed(estate):
    account = estate.facts["management_account"]
    refused(estate, "give --account")
    refused(estate, "give --account", "--account", "sandbox")
    refused(estate, "give --confirm", "--account", account)
    refused(estate, "give --confirm", "--account", account, "--confirm", "123456789012")
    other = ("--account", "123456789012", "--confirm", "123456789012")
    refused(estate, f"are of account {account}", *other)
    nobody = {"access_key_id": "AKIANOBODYNOBODYNOBO", "secret_access_key": "x"}
    refused(estate, "no credentials that work", "--account", account, "--confirm", account, keys=nobody)


@check("the sandbox suite touches nothing that is there, and deletes whatever it made")
def swept(estate):
    keys = estate.facts["admin"]
    side = Side(estate.url, (keys["access_key_id"], keys["secret_access_key"]))
    side.management = estate.facts["management_account"]
    iam = side.client("iam")
    before = iam.get_account_summary()["SummaryMap"]
    # Ends where AWS refuses to let go of what it made.
    sequences.leaving(side)
    iam.create_login_profile(UserName="cmp-stays", Password="Long-enough-1")
    iam.create_access_key(UserName="cmp-stays")
    side.client("sqs").create_queue(QueueName="cmp-left")
    equal(len(sandbox.ours(side)) > 4, True)
    account = ("--account", side.management, "--confirm", side.management)
    refused(estate, "named cmp-… already", *account)
    equal(sandbox.sweep(side), [])
    equal(iam.get_account_summary()["SummaryMap"], before)
