#!/usr/bin/env python3
"""Judges the simulated AWS by clients nobody here wrote: boto3 and the `aws` command.

    run.py --stint target/debug/stint            starts `stint sim` and stops it again
    run.py --simulator target/debug/examples/sim starts the simulator by itself
    STINT_SIM_URL=http://127.0.0.1:8481 run.py   uses one that runs already

Needs the packages of requirements.txt; `aws` is taken from beside the Python that runs this.
Version 2 of the `aws` command signs in where STINT_AWS2 names the folder it was unpacked to.
Prints one line per check and `N passed, M failed`; exits 1 if any failed.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
import traceback

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

import checks_aws  # noqa: E402
import checks_aws_iam  # noqa: E402
import checks_aws_sign_in  # noqa: E402
import checks_boto3  # noqa: E402
import checks_boto3_all  # noqa: E402
import checks_boto3_center  # noqa: E402
import checks_boto3_iam  # noqa: E402
import checks_boto3_policies  # noqa: E402
import checks_boto3_queues  # noqa: E402
import checks_boto3_sign_in  # noqa: E402
import checks_boto3_weather  # noqa: E402
import checks_sandbox  # noqa: E402
import checks_scim  # noqa: E402
from estate import Estate  # noqa: E402

SIZE = {
    "--seed": 7,
    "--accounts": 45,
    "--permission-sets": 130,
    "--users": 250,
    "--groups": 120,
    "--memberships": 3000,
    "--assignments": 40000,
    "--iam-users": 230,
    "--iam-groups": 120,
    "--iam-memberships": 700,
}


MODULES = (
    checks_boto3,
    checks_boto3_iam,
    checks_boto3_policies,
    checks_boto3_center,
    checks_boto3_sign_in,
    checks_boto3_queues,
    checks_boto3_weather,
    checks_scim,
    checks_sandbox,
    checks_boto3_all,
    checks_aws,
    checks_aws_iam,
    checks_aws_sign_in,
)

LAST_OF_BOTO3 = checks_boto3_all


def driven(estate):
    """Every operation of the simulator's own table was called by boto3 and answered with an
    output, which boto3 held against its own model. That each refuses what it must refuse,
    checks_boto3_all asks of all of them."""
    known = set(estate.control("GET", "/_sim/operations")["operations"])
    calls = estate.control("GET", "/_sim/journal")["calls"]
    answered = {call["operation"] for call in calls if call["answer"] == "ok"}
    if known - answered:
        raise AssertionError(f"no check drives: {', '.join(sorted(known - answered))}")


def start(command):
    """Starts a simulator on a free port; gives the process and its address."""
    words = [str(word) for pair in SIZE.items() for word in pair]
    process = subprocess.Popen(
        [*command, "--port", "0", *words], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if not line:
            break
        name, _, value = line.strip().partition("=")
        if name == "AWS_ENDPOINT_URL":
            return process, value
    process.terminate()
    process.wait()
    sys.exit(f"{' '.join(command)} did not say where it listens (exit code {process.returncode})")


def run(estate):
    passed, failed = 0, 0
    for module in MODULES:
        checks = list(module.CHECKS)
        if module is LAST_OF_BOTO3:
            checks.append(("every operation was driven", driven))
        for name, check in checks:
            try:
                check(estate)
            except Exception:  # a check may fail in any way
                failed += 1
                print(f"FAILED {module.CLIENT}: {name}", flush=True)
                traceback.print_exc()
            else:
                passed += 1
                print(f"ok     {module.CLIENT}: {name}", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    if not checks_aws_sign_in.VERSION_2:
        print("version 2 of the aws command was not asked: set STINT_AWS2", flush=True)
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description="Real clients against the simulated AWS.")
    parser.add_argument("--stint", help="path of the stint binary")
    parser.add_argument("--simulator", help="path of the simulator's own binary")
    given = parser.parse_args()
    # Ended from outside, the simulator must end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    process, url = None, os.environ.get("STINT_SIM_URL")
    if given.stint:
        process, url = start([given.stint, "sim", "--no-throttling"])
    elif given.simulator:
        process, url = start([given.simulator])
    elif not url:
        parser.error("give --stint, --simulator or STINT_SIM_URL")
    try:
        fine = run(Estate(url))
    finally:
        if process:
            process.terminate()
            process.wait(timeout=30)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
