#!/usr/bin/env python3
"""What Stint says AWS needs, judged by programs nobody here wrote.

    judge.py --stint target/debug/stint

On `stint demo`, for a connection by role, by access key and by the host's credentials, with this
and that switched on: the
Terraform is parsed by python-hcl2, the CloudFormation passes cfn-lint, and the policies taken out of
both are those that are pasted by hand. Prints one line per check; exits 1 if any failed.
"""

import argparse
import json
import pathlib
import re
import sys
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "browser"))

import cfnlint.api  # noqa: E402
import hcl2  # noqa: E402
from plain import Plain  # noqa: E402
from run import start  # noqa: E402

# AWS's own, which this repository's rules for secrets know as well.
KEY = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}

# What the page of a connection's scope sends.
SCOPES = {
    "no more than Identity Center": {},
    "faster": {"faster": "on"},
    "IAM groups": {"faster": "on", "iam": "on"},
    "everything": {
        "faster": "on",
        "iam": "on",
        "management_account": "on",
        "account_tags": "on",
        "iam_groups": "Developers\nstint/*",
        "iam_user_life": "on",
        "iam_user_boundary": "arn:aws:iam::123456789012:policy/stint/Users",
        "key_rotation": "on",
        "iam_user_prefix": "app-",
        "iam_user_path": "/stint/",
        "kms_key": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    },
}


def told(browser, path):
    return json.loads(browser.open(path).text)


def connections(browser):
    """One connection of each kind; gives their ids by kind."""
    found = {"role": told(browser, "/api/v1/connections")["items"][0]["id"]}
    for kind, fields in (("access_key", KEY), ("host", {})):
        page = browser.open(f"/connections/new?by={kind}")
        sent = {"name": f"by {kind}", "application": "AWS", "region": "eu-central-1", "account_id": "123456789012", **fields}
        made = browser.send(page, "", sent, among="/connections/new")
        found[kind] = re.search(r"/connections/(con_\w+)/setup", made.url)[1]
    return found


def heredocs(value, found):
    """Every document in the parsed HCL, as it was before it was escaped."""
    if isinstance(value, dict):
        for inner in value.values():
            heredocs(inner, found)
    elif isinstance(value, list):
        for inner in value:
            heredocs(inner, found)
    elif isinstance(value, str) and "<<JSON" in value:
        text = value.strip('"').split("<<JSON\n", 1)[1].rsplit("\nJSON", 1)[0]
        found.append(json.loads(text.replace("$${", "${").replace("%%{", "%{")))


def documents(value, found):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("AssumeRolePolicyDocument", "PolicyDocument"):
                found.append(inner)
            else:
                documents(inner, found)
    elif isinstance(value, list):
        for inner in value:
            documents(inner, found)


def judged(setup):
    """Raises where one of the three differs, or a program finds something."""
    pasted = [it for it in (setup.get("trust_policy"), setup["permission_policy"]) if it]
    parsed = hcl2.loads(setup["terraform"])
    found = []
    heredocs(parsed, found)
    assert found == pasted, f"Terraform has other policies: {found}"
    assert parsed["variable"] and parsed["resource"], parsed
    # Errors and warnings; what is only information is advice on metadata.
    problems = [str(it) for it in cfnlint.api.lint_all(setup["cloudformation"]) if it.rule.id[0] in "EW"]
    assert not problems, problems
    found = []
    documents(json.loads(setup["cloudformation"]), found)
    assert found == pasted, f"CloudFormation has other policies: {found}"


def members_judged(setup):
    """The same for the role of member accounts, whose texts put the account's number in by themselves."""
    pasted = [setup["trust_policy"], setup["permission_policy"]]
    here = setup["terraform"].replace("${data.aws_caller_identity.here.account_id}", "ACCOUNT_ID")
    assert here.count("ACCOUNT_ID") == 1, here
    hcl2.loads(setup["terraform"])
    found = []
    heredocs(hcl2.loads(here), found)
    assert found == pasted, f"Terraform has other policies: {found}"
    problems = [str(it) for it in cfnlint.api.lint_all(setup["cloudformation"]) if it.rule.id[0] in "EW"]
    assert not problems, problems
    found = []
    documents(json.loads(setup["cloudformation"]), found)
    asked = found[0]["Statement"][0]["Condition"]["StringEquals"]
    asked["sts:ExternalId"] = asked["sts:ExternalId"]["Fn::Sub"].replace("${AWS::AccountId}", "ACCOUNT_ID")
    assert found == pasted, f"CloudFormation has other policies: {found}"


def events(setup):
    """The same of what brings change events: here the documents in both forms are one another's."""
    parsed = hcl2.loads(setup["terraform"])
    hcl = []
    heredocs(parsed, hcl)
    assert parsed["provider"] and parsed["resource"], parsed
    problems = [str(it) for it in cfnlint.api.lint_all(setup["cloudformation"]) if it.rule.id[0] in "EW"]
    assert not problems, problems
    cfn = []

    def patterns(value):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else []):
            if key == "EventPattern":
                cfn.append(inner)
            else:
                patterns(inner)

    template = json.loads(setup["cloudformation"])
    documents(template, cfn)
    patterns(template)
    key = lambda it: json.dumps(it, sort_keys=True)  # noqa: E731
    assert sorted(hcl, key=key) == sorted(cfn, key=key), f"they differ: {hcl} {cfn}"
    assert setup["queue_policy"] in hcl and setup["event_pattern"] in hcl, hcl


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--stint", required=True)
    asked = asked.parse_args()
    process, base = start(asked.stint)
    failed = 0
    try:
        browser = Plain(base).become("cy")
        for kind, connection in connections(browser).items():
            try:
                events(told(browser, f"/api/v1/connections/{connection}/feeds/setup"))
                print(f"ok     change events by {kind}", flush=True)
            except Exception:  # noqa: BLE001
                failed += 1
                print(f"FAILED change events by {kind}", flush=True)
                traceback.print_exc()
            for name, scope in SCOPES.items():
                try:
                    if "iam_user_boundary" in scope:
                        # A boundary is a policy of the connection's own account.
                        shown = json.dumps(told(browser, f"/api/v1/connections/{connection}"))
                        role = re.search(r"arn:aws:iam::(\d{12}):role/", shown)
                        account = role[1] if role else "123456789012"
                        boundary = f"arn:aws:iam::{account}:policy/stint/Users"
                        scope = {**scope, "iam_user_boundary": boundary}
                    browser.open(f"/connections/{connection}/scope", scope)
                    judged(told(browser, f"/api/v1/connections/{connection}/setup"))
                    print(f"ok     set-up by {kind}, {name}", flush=True)
                except Exception:  # noqa: BLE001
                    failed += 1
                    print(f"FAILED set-up by {kind}, {name}", flush=True)
                    traceback.print_exc()
            if kind != "role":
                continue
            try:
                browser.open(f"/connections/{connection}/member-accounts", {"on": "on", "role": "ops/StintMember"})
                members_judged(told(browser, f"/api/v1/connections/{connection}/member-accounts/setup"))
                print("ok     set-up of member accounts", flush=True)
            except Exception:  # noqa: BLE001
                failed += 1
                print("FAILED set-up of member accounts", flush=True)
                traceback.print_exc()
    finally:
        process.terminate()
        process.wait(30)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
