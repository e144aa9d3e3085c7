#!/usr/bin/env python3
"""The simulated AWS beside moto: the same calls to both, through boto3, and their answers compared
once ids and times are made alike. Where they differ, differences.py says which fact about AWS
decides it; what differs and is not there fails, and so does what is there and no longer differs.

    compare.py --stint target/debug/stint       starts `stint sim`, and stops it again
    compare.py --simulator target/debug/examples/sim

Every operation both have is called: the simulator's own table and moto's handlers are asked which
those are.
"""

import argparse
import fnmatch
import importlib
import logging
import os
import signal
import sys
import tempfile

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))

# AWS's own policies are there, as they are at AWS.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from botocore import xform_name  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from differences import DIFFERENCES  # noqa: E402
from sequences import SEQUENCES  # noqa: E402
from sides import Side, Simulated, both_answered, control, differ, in_step, start  # noqa: E402

# The service in policies, and moto's handler.
HANDLERS = {
    "iam": ("moto.iam.responses", "IamResponse"),
    "sts": ("moto.sts.responses", "TokenResponse"),
    "organizations": ("moto.organizations.responses", "OrganizationsResponse"),
    "sso": ("moto.ssoadmin.responses", "SSOAdminResponse"),
    "identitystore": ("moto.identitystore.responses", "IdentityStoreResponse"),
    "sqs": ("moto.sqs.responses", "SQSResponse"),
}


def motos(url):
    side = Side(url, ("moto", "moto"))
    organizations = side.client("organizations")
    side.management = organizations.create_organization(FeatureSet="ALL")["Organization"]["MasterAccountId"]
    made = organizations.create_account(Email="member@example.com", AccountName="cmp-member")
    side.member = made["CreateAccountStatus"]["AccountId"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    home = organizations.create_organizational_unit(ParentId=root, Name="cmp-home")
    organizations.move_account(
        AccountId=side.member, SourceParentId=root, DestinationParentId=home["OrganizationalUnit"]["Id"]
    )
    instance = side.client("sso-admin").list_instances()["Instances"][0]
    side.instance, side.store_id = instance["InstanceArn"], instance["IdentityStoreId"]
    return side


def both_have(url):
    """The operations that are the simulator's and moto's."""
    found = set()
    for operation in control(url, "GET", "/_sim/operations")["operations"]:
        service, name = operation.split(":")
        if service in HANDLERS:
            module, handler = HANDLERS[service]
            handler = getattr(importlib.import_module(module), handler)
            if callable(getattr(handler, xform_name(name), None)):
                found.add(operation)
    return found


def compare(ours, theirs):
    """How many differences nothing decides; and which operations were called."""
    used, called, failed, compared = set(), set(), 0, 0
    for sequence in SEQUENCES:
        for number, (name, mine, its) in enumerate(in_step(sequence, ours, theirs), 1):
            compared += 1
            called.add(name)
            step = f"{sequence.__name__}/{name.split(':')[1]}#{number}"
            for path, how in differ(*both_answered(mine, its)):
                known = [entry for entry in DIFFERENCES if decides(entry, name, path, step)]
                used.update(known[:1])
                if not known:
                    failed += 1
                    print(f"DIFFERS {name} {path} ({step}): {how}")
    for entry in DIFFERENCES:
        if entry not in used:
            failed += 1
            print(f"NO LONGER DIFFERS {entry[0]} {entry[1]}")
    print(f"{compared} answers compared, {len(used)} kinds of differences decided, {failed} not")
    return failed, called


def decides(entry, name, path, step):
    operation, wanted, _ = entry
    if not fnmatch.fnmatchcase(name, operation):
        return False
    return any(fnmatch.fnmatchcase(where, wanted) for where in (path, f"{path} {step}"))


def main():
    parser = argparse.ArgumentParser(description="The simulated AWS beside moto.")
    parser.add_argument("--stint", help="path of the stint binary")
    parser.add_argument("--simulator", help="path of the simulator's own binary")
    given = parser.parse_args()
    if not (given.stint or given.simulator):
        parser.error("give --stint or --simulator")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        os.environ.pop(name, None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        process, url = start([given.stint, "sim"] if given.stint else [given.simulator], folder)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        try:
            host, port = server.get_host_and_port()
            failed, called = compare(Simulated(url), motos(f"http://{host}:{port}"))
            forgotten = both_have(url) - called
            if forgotten:
                failed += 1
                print(f"both have, and no sequence calls: {', '.join(sorted(forgotten))}")
        finally:
            server.stop()
            process.terminate()
            process.wait(timeout=30)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
