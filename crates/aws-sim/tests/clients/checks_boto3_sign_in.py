"""boto3, on a person's sign-in and the access portal: the device flow, and the credentials that
come of it."""

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from checks_boto3 import admin, client, refused
from estate import equal

CLIENT = "boto3"
CHECKS = []

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "sso:account:access"


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def unsigned(estate, service):
    return boto3.client(
        service,
        endpoint_url=estate.url,
        region_name="eu-central-1",
        config=Config(
            retries={"total_max_attempts": 1}, proxies={}, signature_version=UNSIGNED
        ),
    )


@contextlib.contextmanager
def later(estate, seconds):
    """Time goes on, and back again: keys of the Stint host are judged by the same clock."""
    estate.advance(seconds)
    try:
        yield
    finally:
        estate.advance(-seconds)


def start_url(estate):
    return f"https://{estate.facts['identity_store_id']}.awsapps.com/start"


def register(estate, **more):
    made = unsigned(estate, "sso-oidc").register_client(
        clientName="checks", clientType="public", **more
    )
    return {"clientId": made["clientId"], "clientSecret": made["clientSecret"]}, made


def device(estate, program):
    api = unsigned(estate, "sso-oidc")
    return api.start_device_authorization(startUrl=start_url(estate), **program)


def ask(estate, program, waiting):
    return unsigned(estate, "sso-oidc").create_token(
        grantType=DEVICE_GRANT, deviceCode=waiting["deviceCode"], **program
    )


def sign_in(estate, user="ana.moreno", **more):
    """Signs a person in; gives the program and its tokens."""
    program, made = register(estate, **more)
    waiting = device(estate, program)
    answer = {"user_code": waiting["userCode"], "user": user}
    estate.control("POST", "/_sim/device/approve", answer)
    return {**program, "until": made["clientSecretExpiresAt"]}, ask(estate, program, waiting)


def everything(api, operation, member, **inputs):
    found = api.get_paginator(operation).paginate(**inputs)
    return [row for page in found for row in page[member]]


def credentials(estate, token, account, role):
    given = unsigned(estate, "sso").get_role_credentials(
        accessToken=token, accountId=account, roleName=role
    )["roleCredentials"]
    return {
        "access_key_id": given["accessKeyId"],
        "secret_access_key": given["secretAccessKey"],
        "session_token": given["sessionToken"],
        "expiration": given["expiration"],
    }


@check("a device is pending, told to slow down, denied, expired and never anybody else's")
def devices(estate):
    program, _ = register(estate)
    waiting = device(estate, program)
    oidc = unsigned(estate, "sso-oidc")
    told = refused(lambda: ask(estate, program, waiting), "AuthorizationPendingException", 400)
    equal(told["error"], "authorization_pending")
    refused(lambda: ask(estate, program, waiting), "SlowDownException", 400)
    estate.control("POST", "/_sim/device/deny", {"user_code": waiting["userCode"]})
    with later(estate, 30):
        refused(lambda: ask(estate, program, waiting), "AccessDeniedException", 400)
    late = device(estate, program)
    with later(estate, 601):
        refused(lambda: ask(estate, program, late), "ExpiredTokenException", 400)
    refused(
        lambda: ask(estate, {**program, "clientSecret": "x"}, late), "InvalidClientException", 401
    )
    refused(
        lambda: oidc.create_token(grantType="password", **program),
        "UnsupportedGrantTypeException",
        400,
    )
    refused(
        lambda: oidc.start_device_authorization(startUrl="https://other/start", **program),
        "InvalidRequestException",
        400,
    )


@check("the portal lists a person's accounts and roles, and lets nobody else in")
def portal(estate):
    _, token = sign_in(estate)
    shown = {"accessToken": token["accessToken"]}
    api = unsigned(estate, "sso")
    accounts = everything(
        api, "list_accounts", "accountList", PaginationConfig={"PageSize": 1}, **shown
    )
    ana = estate.facts["ana"]["user_id"]
    held = {row["account_id"] for row in estate.assignments() if row["principal_id"] == ana}
    equal({row["accountId"] for row in accounts}, held)
    payments = estate.account("prod-payments")
    roles = everything(api, "list_account_roles", "roleList", accountId=payments, **shown)
    equal("ReadOnlyAccess" in [row["roleName"] for row in roles], True)
    theirs = {"accountId": payments, **shown}
    refused(
        lambda: api.get_role_credentials(roleName="nothing", **theirs), "ForbiddenException", 403
    )
    refused(lambda: api.list_accounts(accessToken="x"), "UnauthorizedException", 401)
    api.logout(**shown)
    told = refused(lambda: api.list_accounts(**shown), "UnauthorizedException", 401)
    equal(told["Error"]["Message"], "Session token not found or invalid")


@check("role credentials work, no further than the permission set")
def role(estate):
    _, token = sign_in(estate)
    payments = estate.account("prod-payments")
    keys = credentials(estate, token["accessToken"], payments, "ReadOnlyAccess")
    who = client(estate, "sts", keys).get_caller_identity()
    equal(who["Account"], payments)
    equal("assumed-role/AWSReservedSSO_ReadOnlyAccess_" in who["Arn"], True)
    equal(who["Arn"].endswith("/ana.moreno"), True)
    iam = client(estate, "iam", keys)
    listed = [row["RoleName"] for row in iam.list_roles()["Roles"]]
    equal(who["Arn"].split("/")[1] in listed, True)
    refused(lambda: iam.create_user(UserName="x"), "AccessDenied", 403)
    # Eight hours, in milliseconds, by the simulator's clock.
    now = estate.control("GET", "/_sim/clock")["micros"] // 1000
    equal(0 < keys["expiration"] - now <= 8 * 3600 * 1000, True)


@check("tokens with scopes last an hour and are refreshed, until the person is disabled")
def refreshed(estate):
    store = {"IdentityStoreId": estate.facts["identity_store_id"]}
    made = admin(estate, "identitystore").create_user(
        **store,
        UserName="leaver",
        DisplayName="Leaver",
        Name={"GivenName": "Le", "FamilyName": "Aver"},
    )
    program, token = sign_in(estate, "leaver", scopes=[SCOPE])
    program.pop("until")
    equal(token["expiresIn"], 3600)
    oidc = unsigned(estate, "sso-oidc")

    def again(token):
        return oidc.create_token(
            grantType="refresh_token", refreshToken=token["refreshToken"], **program
        )

    second = again(token)
    portal = unsigned(estate, "sso")
    equal(portal.list_accounts(accessToken=second["accessToken"])["accountList"], [])
    estate.control("POST", "/_sim/disable-user", {"user_id": made["UserId"]})
    refused(lambda: again(second), "InvalidGrantException", 400)
    portal.list_accounts(accessToken=second["accessToken"])
    with later(estate, 3600):
        refused(
            lambda: portal.list_accounts(accessToken=second["accessToken"]),
            "UnauthorizedException",
            401,
        )
    admin(estate, "identitystore").delete_user(UserId=made["UserId"], **store)


class Stay(urllib.request.HTTPRedirectHandler):
    """A browser that does not go where it is sent."""

    def redirect_request(self, *_):
        return None


def browse(estate, data=None, **members):
    form = urllib.parse.urlencode(members)
    url = estate.url + "/federation" + ("" if data else "?" + form)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay)
    try:
        with opener.open(url, data=form.encode() if data else None, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


@check("credentials of the portal open the console, for as long as was asked")
def console(estate):
    _, token = sign_in(estate)
    payments = estate.account("prod-payments")
    keys = credentials(estate, token["accessToken"], payments, "ReadOnlyAccess")
    session = {
        "sessionId": keys["access_key_id"],
        "sessionKey": keys["secret_access_key"],
        "sessionToken": keys["session_token"],
    }
    asked = {"Action": "getSigninToken", "Session": json.dumps(session)}
    status, _, body = browse(estate, data=True, SessionDuration="3600", **asked)
    equal(status, 200)
    destination = "https://console.aws.amazon.com/"
    login = {
        "Action": "login",
        "Issuer": "https://stint.example",
        "Destination": destination,
        "SigninToken": json.loads(body)["SigninToken"],
    }
    status, headers, _ = browse(estate, **login)
    equal((status, headers["location"]), (302, destination))
    equal(browse(estate, **login)[0], 400)
    asked["Session"] = json.dumps({**session, "sessionKey": "x"})
    equal(browse(estate, **asked)[0], 400)
    opened = estate.control("GET", "/_sim/console-sessions")["sessions"][-1]
    equal(opened["arn"].endswith("/ana.moreno"), True)
