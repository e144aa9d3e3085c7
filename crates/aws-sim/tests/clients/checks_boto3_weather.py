"""boto3 in all weathers: throttled, not there, reset in the middle."""

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from checks_boto3 import admin, refused
from estate import equal

CLIENT = "boto3"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def patient(estate, service):
    keys = estate.facts["admin"]
    return boto3.client(
        service,
        endpoint_url=estate.url,
        region_name="eu-central-1",
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 12}, proxies={}),
    )


class Throttled:
    """While it lasts, calls are throttled by these rates; afterwards none is."""

    def __init__(self, estate, **rates):
        self.estate, self.rates = estate, rates

    def __enter__(self):
        self.estate.control("PATCH", "/_sim/knobs", {"throttling": {"on": True, **self.rates}})

    def __exit__(self, *_):
        self.estate.control("PATCH", "/_sim/knobs", {"throttling": {"on": False}})


@check("throttled, by each service in its own words")
def throttled(estate):
    # Once, and then not again for as long as this takes.
    rate = {"per_second": 0.001, "burst": 1}
    services = ["sso", "identitystore", "iam_reads", "iam_writes", "sts", "organizations"]
    iam, sts = admin(estate, "iam"), admin(estate, "sts")
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    calls = [
        (iam.list_users, "Throttling"),
        (sts.get_caller_identity, "Throttling"),
        (admin(estate, "organizations").list_roots, "TooManyRequestsException"),
        (admin(estate, "sso-admin").list_instances, "ThrottlingException"),
        (lambda: admin(estate, "identitystore").list_users(**store), "ThrottlingException"),
    ]
    with Throttled(estate, **{name: rate for name in services}):
        for call, code in calls:
            call()
            refused(call, code, 400)
            equal(estate.control("GET", "/_sim/journal")["calls"][-1]["weather"], ["rate"])
    for call, _ in calls:
        call()
        call()


@check("throttled, and through all the same with boto3's own retries")
def through(estate):
    mark = estate.mark()
    organizations = patient(estate, "organizations")
    with Throttled(estate, organizations={"per_second": 5, "burst": 1}):
        for _ in range(4):
            organizations.list_roots()
    calls = estate.calls_since(mark, "organizations:ListRoots")
    equal(sum(call["answer"] == "ok" for call in calls), 4)
    if len(calls) == 4:
        raise AssertionError("nothing was throttled")


@check("a service that is not there, and there again")
def unavailable(estate):
    fault = {"operation": "sts:*", "first": 1, "effect": "unavailable"}
    estate.control("POST", "/_sim/faults", fault)
    refused(admin(estate, "sts").get_caller_identity, "ServiceUnavailable", 503)
    estate.control("POST", "/_sim/faults", fault)
    patient(estate, "sts").get_caller_identity()
    estate.control("DELETE", "/_sim/faults")


@check("a connection that is reset after the write")
def reset(estate):
    iam = admin(estate, "iam")
    fault = {"operation": "iam:CreateGroup", "first": 1, "effect": "reset_after"}
    estate.control("POST", "/_sim/faults", fault)
    try:
        iam.create_group(GroupName="made-all-the-same")
    except ConnectionClosedError:
        pass
    else:
        raise AssertionError("was answered")
    iam.get_group(GroupName="made-all-the-same")
    iam.delete_group(GroupName="made-all-the-same")
    estate.control("DELETE", "/_sim/faults")
