"""A SCIM client nobody here wrote (scim2-client), on the endpoint of an identity provider: it finds
its way by what the endpoint says of itself, and holds every answer against its own models."""

import contextlib

import httpx2
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import PatchOp, PatchOperation, SearchRequest

from checks_boto3 import admin
from estate import equal

CLIENT = "scim2-client"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CHECKS = []


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


@contextlib.contextmanager
def provider(estate):
    """An identity provider with a token of its own, which is gone afterwards."""
    made = estate.control("POST", "/_sim/scim-tokens", {})
    base = estate.url + made["path"]
    headers = {"Authorization": f"Bearer {made['secret']}"}
    try:
        with httpx2.Client(base_url=base, headers=headers, trust_env=False) as http:
            client = SyncSCIMClient(http)
            client.discover()
            yield client, http
    finally:
        estate.control("DELETE", f"/_sim/scim-tokens/{made['token']['id']}")


def refused(response, status):
    """AWS's errors are not the protocol's: their schemas are called otherwise."""
    told = response.json()
    found = (response.status_code, told["status"], told["schema"])
    expected = (status, str(status), ["urn:ietf:params:scim:api:messages:2.0:Error"])
    equal(found, expected)


@check("an identity provider's client finds its way by what the endpoint says of itself")
def discovery(estate):
    with provider(estate) as (scim, http):
        for name in ("User", "Group"):
            equal(bool(scim.get_resource_model(name)), True)
        equal(scim.service_provider_config.bulk.supported, False)
        one = http.get("Schemas/urn:ietf:params:scim:schemas:core:2.0:User")
        equal(one.json()["name"], "User")


@check("a user and a group, made, read, changed and deleted")
def lifecycle(estate):
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    api = admin(estate, "identitystore")
    with provider(estate) as (scim, http):
        Person, Team = scim.get_resource_model("User"), scim.get_resource_model("Group")
        emil = Person.model_validate({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
            "externalId": "00u-emil",
            "userName": "emil.ek",
            "displayName": "Emil Ek",
            "name": {"givenName": "Emil", "familyName": "Ek"},
            "emails": [{"value": "emil.ek@acme.example", "type": "work", "primary": True}],
            ENTERPRISE: {"department": "Data"},
        })
        made = scim.create(emil)
        known = api.describe_user(UserId=made.id, **store)
        equal(known["ExternalIds"][0]["Id"], "00u-emil")
        refused(http.post("Users", json=emil.model_dump()), 409)
        equal(scim.query(Person, made.id).user_name, "emil.ek")
        search = SearchRequest(filter='userName eq "EMIL.EK"')
        equal([it.id for it in scim.query(Person, query_parameters=search).resources], [made.id])
        made.title = "Engineer"
        equal(scim.replace(made).title, "Engineer")
        off = [PatchOperation(op=PatchOperation.Op.replace_, path="active", value=False)]
        patched = scim.modify(Person, made.id, PatchOp[Person](operations=off))
        equal((patched.active, patched.title), (False, "Engineer"))
        equal(api.describe_user(UserId=made.id, **store)["UserStatus"], "DISABLED")

        team = scim.create(Team.model_validate({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Provisioned",
            "members": [{"value": made.id, "type": "User"}],
        }))
        rows = api.list_group_memberships(GroupId=team.id, **store)["GroupMemberships"]
        equal([row["MemberId"]["UserId"] for row in rows], [made.id])
        both = SearchRequest(filter=f'id eq "{team.id}" and members eq "{made.id}"')
        equal(scim.query(Team, query_parameters=both).total_results, 1)
        equal(scim.query(Team, team.id).display_name, "Provisioned")
        gone = {"op": "remove", "path": f'members[value eq "{made.id}"]'}
        body = {"schemas": [PATCH], "Operations": [gone]}
        equal(http.patch(f"Groups/{team.id}", json=body).status_code, 204)
        equal(api.list_group_memberships(GroupId=team.id, **store)["GroupMemberships"], [])
        whole = {"op": "replace", "path": "members", "value": [{"value": made.id}]}
        body = {"schemas": [PATCH], "Operations": [whole]}
        refused(http.patch(f"Groups/{team.id}", json=body), 400)

        scim.delete(Team, team.id)
        scim.delete(Person, made.id)
        refused(http.get(f"Users/{made.id}"), 404)
        refused(http.delete(f"Groups/{team.id}"), 404)


@check("every page of people, from a cursor to the next")
def pages(estate):
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    listed = admin(estate, "identitystore").get_paginator("list_users").paginate(**store)
    expected = {user["UserId"] for page in listed for user in page["Users"]}
    with provider(estate) as (_, http):
        found, cursor, sizes = set(), "", []
        while cursor is not None:
            told = http.get("Users", params={"cursor": cursor, "count": 60}).json()
            sizes.append(told["itemsPerPage"])
            found |= {user["id"] for user in told["Resources"]}
            cursor = told.get("nextCursor")
    equal(found, expected)
    equal(max(sizes), 60)


@check("a token that was deleted, and one of nobody")
def tokens(estate):
    with provider(estate) as (_, http):
        kept = dict(http.headers)
    base = f"{estate.url}/{estate.facts['scim_tenant_id']}/scim/v2/"
    with httpx2.Client(base_url=base, trust_env=False) as http:
        for headers in (kept, {"Authorization": "Bearer nobodys"}, {}):
            refused(http.get("Users", headers=headers), 401)
