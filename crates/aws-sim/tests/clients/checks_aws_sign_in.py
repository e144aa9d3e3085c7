"""The `aws` command for a person: version 1 with a token another program got, version 2 with
`aws sso login` and AWS's own addresses, through a door with a certificate for them."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

from checks_boto3_sign_in import SCOPE, sign_in, start_url
from door import Door
from estate import equal

CLIENT = "aws"
CHECKS = []

# Where version 2 was unpacked; none where it cannot be had.
VERSION_2 = os.environ.get("STINT_AWS2")


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def home(folder, estate, session="person"):
    """A home directory with a profile that signs in as a person does."""
    aws = pathlib.Path(folder, ".aws")
    pathlib.Path(aws, "sso", "cache").mkdir(parents=True)
    scopes = f"sso_registration_scopes = {SCOPE}\n" if session else ""
    by = f"sso_session = {session}\n" if session else config(estate)
    text = (
        f"[profile ana]\n{by}sso_account_id = {estate.account('prod-payments')}\n"
        "sso_role_name = ReadOnlyAccess\nregion = eu-central-1\noutput = json\n"
    )
    if session:
        text += f"[sso-session {session}]\n{config(estate)}{scopes}"
    pathlib.Path(aws, "config").write_text(text)
    return aws


def config(estate):
    return f"sso_start_url = {start_url(estate)}\nsso_region = {estate.facts['region']}\n"


def around(folder, **more):
    return {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "AWS_PROFILE": "ana",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        **more,
    }


def told(done, *words):
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_ana(who, estate):
    equal(who["Account"], estate.account("prod-payments"))
    equal("assumed-role/AWSReservedSSO_ReadOnlyAccess_" in who["Arn"], True)
    equal(who["Arn"].endswith("/ana.moreno"), True)


@check("version 1 takes a cached token to the portal, and refreshes one that is running out")
def version_1(estate):
    program, token = sign_in(estate, scopes=[SCOPE])
    now = datetime.datetime.now(datetime.timezone.utc)
    with tempfile.TemporaryDirectory() as folder:
        aws = home(folder, estate)
        name = hashlib.sha1(b"person").hexdigest() + ".json"
        cache = pathlib.Path(aws, "sso", "cache", name)
        until = datetime.datetime.fromtimestamp(program["until"], datetime.timezone.utc)
        cached = {
            "startUrl": start_url(estate),
            "region": estate.facts["region"],
            "accessToken": token["accessToken"],
            "refreshToken": token["refreshToken"],
            "clientId": program["clientId"],
            "clientSecret": program["clientSecret"],
            "registrationExpiresAt": iso(until),
            # Within the quarter of an hour in which it is refreshed.
            "expiresAt": iso(now + datetime.timedelta(minutes=5)),
        }
        cache.write_text(json.dumps(cached))
        command = pathlib.Path(sys.executable).parent / "aws"

        def run(*words):
            return subprocess.run(
                [command, *words],
                env=around(folder, AWS_ENDPOINT_URL=estate.url),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        mark = estate.mark()
        is_ana(told(run("sts", "get-caller-identity"), "sts"), estate)
        refreshed = json.loads(cache.read_text())
        equal(refreshed["accessToken"] != cached["accessToken"], True)
        equal(refreshed["refreshToken"] != cached["refreshToken"], True)
        equal(len(estate.calls_since(mark, "sso-oidc:CreateToken")), 1)
        equal(len(estate.calls_since(mark, "portal:GetRoleCredentials")), 1)
        told(run("iam", "list-roles"), "iam")
        done = run("iam", "create-user", "--user-name", "x")
        equal("(AccessDenied)" in done.stderr, True)


def version_2(estate, folder, door, *words):
    return subprocess.Popen(
        ["/usr/bin/python3", "-s", f"{VERSION_2}/usr/bin/aws", *words],
        env=around(
            folder,
            PYTHONPATH=f"{VERSION_2}/usr/lib/python3/dist-packages",
            PYTHONUNBUFFERED="1",
            **door.environment(),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process, *words):
    try:
        out, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    finished = subprocess.CompletedProcess(words, process.returncode, out, errors)
    return finished


def visit(door, url, **form):
    """A person's browser."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": door.url}),
        urllib.request.HTTPSHandler(context=trusting(door)),
    )
    data = urllib.parse.urlencode(form).encode() if form else None
    with opener.open(url, data=data, timeout=30) as page:
        return page.read().decode()


def trusting(door):
    import ssl

    return ssl.create_default_context(cafile=door.ca)


def log_in(estate, folder, door):
    process = version_2(estate, folder, door, "sso", "login", "--no-browser")
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    lines = ""
    try:
        while not (url := re.search(r"https://device\.sso\.\S+\?user_code=(\S+)", lines)):
            line = process.stdout.readline()
            if not line:
                raise AssertionError(f"aws sso login: {lines} {process.stderr.read()}")
            lines += line
        page = visit(door, url[0])
        equal(url[1] in page, True)
        form = {"user_code": url[1], "user": "ana.moreno", "answer": "allow"}
        equal("Request approved" in visit(door, "https://device.sso.eu-central-1.amazonaws.com/", **form), True)
        ended = done(process)
    finally:
        watchdog.cancel()
        process.kill()
    equal((ended.returncode, "Successfully logged into" in lines + ended.stdout), (0, True))


def whole_way(estate, session):
    with tempfile.TemporaryDirectory() as folder:
        home(folder, estate, session)
        with Door(folder, estate.url) as door:

            def run(*words):
                return done(version_2(estate, folder, door, *words), *words)

            log_in(estate, folder, door)
            is_ana(told(run("sts", "get-caller-identity"), "sts"), estate)
            told(run("iam", "list-roles"), "iam")
            refused = run("iam", "create-user", "--user-name", "x")
            equal("(AccessDenied)" in refused.stderr, True)
            equal(run("sso", "logout").returncode, 0)
            gone = run("sts", "get-caller-identity")
            equal(gone.returncode != 0, True)
            equal("aws sso login" in gone.stderr or "Error loading SSO Token" in gone.stderr, True)


if VERSION_2:

    @check("version 2: aws sso login with a session, at AWS's own addresses")
    def with_session(estate):
        whole_way(estate, "person")

    @check("version 2: aws sso login as profiles had it before")
    def legacy(estate):
        whole_way(estate, None)
