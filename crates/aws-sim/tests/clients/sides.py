"""The same calls to several: who is asked, and how answers are made alike and compared."""

import datetime
import json
import re
import subprocess
import sys
import time
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"
# The service in policies, and its client.
SERVICES = {
    "iam": "iam",
    "sts": "sts",
    "organizations": "organizations",
    "sso": "sso-admin",
    "identitystore": "identitystore",
    "sqs": "sqs",
    "sso-oidc": "sso-oidc",
    "portal": "sso",
}
NAMES = {client: service for service, client in SERVICES.items()}
UNSIGNED = ("sso-oidc", "sso")

# Members whose values are ids, keys, texts of policies or other things nobody chose.
MADE = re.compile(
    r"(Id|Ids|Key|Handle|Token|Fingerprint|MD5OfMessageBody|MD5OfBody|SeedString\w*|QRCodePNG|Base32.*"
    r"|SecretAccessKey|ServicePassword|ServiceUserName|CertificateBody|Content|clientSecret|[dD]eviceCode"
    r"|userCode|verificationUriComplete|accessToken|refreshToken|sessionToken|[cC]ode)$"
)
KEPT = {"TagKey", "Key", "VersionId"}
# What the sequences make is named by it: whatever else an estate has is left out of lists.
OURS = "cmp"

# The organization moto begins with, once it is made.
ESTATE = """
seed: 7
management: { name: master, email: master@example.com }
accounts:
  - { name: cmp-member, email: member@example.com, unit: cmp-home }
units:
  - { name: cmp-home }
"""


class Answer(dict):
    """`answer("User.Arn")`, or a text that is nobody's where there is none."""

    def __call__(self, path):
        at = self
        for part in path.split("."):
            if isinstance(at, list):
                at = at[int(part)] if len(at) > int(part) else None
            elif isinstance(at, dict):
                at = at.get(part)
        return at if at is not None else "cmp-missing"


class Service:
    """One service as one side asks it; answers and errors alike are kept, in the order of the calls."""

    def __init__(self, side, name):
        self.side, self.name = side, name

    def __getattr__(self, operation):
        def call(**members):
            model = self.side.model(self.name, operation)
            answer = self.side.ask(self.name, operation, members)
            self.side.kept.append((f"{NAMES[self.name]}:{model}", answer))
            return Answer(answer)

        return call


class Side:
    """Asked through boto3. Without a URL and keys it is AWS itself, or whatever the environment says."""

    def __init__(self, url=None, keys=None, region=REGION, pause=0):
        self.url, self.keys, self.region, self.pause = url, keys, region, pause
        self.kept, self.clients = [], {}
        self.iam, self.sts = Service(self, "iam"), Service(self, "sts")
        self.organizations, self.sqs = Service(self, "organizations"), Service(self, "sqs")
        self.sso, self.store = Service(self, "sso-admin"), Service(self, "identitystore")
        self.oidc, self.portal = Service(self, "sso-oidc"), Service(self, "sso")

    def client(self, name):
        if name not in self.clients:
            access_key, secret = self.keys or (None, None)
            self.clients[name] = boto3.client(
                name,
                endpoint_url=self.url,
                region_name=self.region,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret,
                config=Config(
                    retries={"total_max_attempts": 1}, parameter_validation=False,
                    **({"proxies": {}} if self.url else {}),
                ),
            )
        return self.clients[name]

    def model(self, name, operation):
        return self.client(name).meta.method_to_api_mapping[operation]

    def ask(self, name, operation, members):
        try:
            answer = getattr(self.client(name), operation)(**members)
        except ClientError as error:
            answer = error.response
        if self.pause and not operation.startswith(("get", "list", "describe")):
            time.sleep(self.pause)
        return answer

    def wait(self, seconds):
        time.sleep(seconds if not self.url else 0)


class Simulated(Side):
    """The simulated AWS, as its administrator."""

    def __init__(self, url):
        self.facts = control(url, "GET", "/_sim/facts")
        keys = self.facts["admin"]
        super().__init__(url, (keys["access_key_id"], keys["secret_access_key"]))
        # Assignments end within their call, as moto's do; and nobody has to wait for a turn.
        knobs = {"settle": {"polls": 0, "micros": 3_000_000}}
        throttling = control(url, "GET", "/_sim/knobs").get("throttling")
        if throttling:
            knobs["throttling"] = {**throttling, "on": False}
        control(url, "PATCH", "/_sim/knobs", knobs)
        self.instance, self.store_id = self.facts["instance_arn"], self.facts["identity_store_id"]
        self.management = self.facts["management_account"]
        accounts = self.client("organizations").list_accounts()["Accounts"]
        self.member = accounts[-1]["Id"]

    def wait(self, seconds):
        control(self.url, "POST", "/_sim/clock/advance", {"seconds": seconds})


def control(url, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url + path, data=data, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


def alike(value, name=""):
    """A value without what nobody chose."""
    if isinstance(value, dict):
        return {
            key: alike(inner, key)
            for key, inner in value.items()
            if key not in ("ResponseMetadata", "RequestId")
        }
    if isinstance(value, list):
        rows = [alike(row, name) for row in value]
        if rows and any(OURS in json.dumps(row, default=str) for row in rows):
            rows = [row for row in rows if OURS in json.dumps(row, default=str)]
        return sorted(rows, key=order)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return "<time>"
    if isinstance(value, bytes):
        return "<bytes>"
    if isinstance(value, str):
        if name not in KEPT and (MADE.search(name) or not name.endswith("Arn") and is_made(value)):
            return f"<{name}>"
        return arns(value)
    return value


def order(row):
    """AWS promises none; the same one for both."""
    names = ("VersionId", "UserName", "DisplayName", "Name")
    named = [row.get(name, "") for name in names] if isinstance(row, dict) else []
    return json.dumps([named, row], sort_keys=True, default=str)


def is_made(text):
    return re.fullmatch(r"\d{10,}(\.\d+)?|[0-9a-f-]{32,}", text) is not None


def arns(text):
    text = re.sub(r"\b\d{12}\b", "<account>", text)
    text = re.sub(r"(?<![A-Za-z-])(ssoins|ps|ou|r|o|p|d)-[0-9a-z-]{4,}", r"\1-<id>", text)
    text = re.sub(r"([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "<url>", text)
    return re.sub(r"\b(AIDA|AROA|AGPA|ANPA|AKIA|ASIA)[0-9A-Za-z]{10,}", "<id>", text)


def both_answered(*answers):
    """What is compared: the outputs, or codes and statuses where one of the two refused."""
    if any("Error" in answer for answer in answers):
        return [
            {
                "Error": f"{answer['ResponseMetadata']['HTTPStatusCode']} "
                + answer.get("Error", {}).get("Code", "and no error")
            }
            for answer in answers
        ]
    return [{**alike(answer), "Status": answer["ResponseMetadata"]["HTTPStatusCode"]} for answer in answers]


def differ(ours, theirs, path=""):
    """Paths at which two answers differ, and how."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            inner = f"{path}.{name}".lstrip(".")
            if name not in ours:
                yield inner, f"only the other has it: {short(theirs[name])}"
            elif name not in theirs:
                yield inner, f"only the simulator has it: {short(ours[name])}"
            else:
                yield from differ(ours[name], theirs[name], inner)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for inner in zip(ours, theirs):
            yield from differ(*inner, f"{path}[]")
    elif ours != theirs:
        yield path, f"simulator {short(ours)}, the other {short(theirs)}"


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "…"


def in_step(sequence, ours, theirs):
    """Runs a sequence on both; name, the simulator's answer and the other's, call by call."""
    ours.kept, theirs.kept = [], []
    for side in (ours, theirs):
        sequence(side)
    if [name for name, _ in ours.kept] != [name for name, _ in theirs.kept]:
        raise AssertionError(f"{sequence.__name__} took two ways")
    return [(name, mine, its) for (name, mine), (_, its) in zip(ours.kept, theirs.kept)]


def start(command, folder):
    """Starts a simulator with the estate the sequences know; gives the process and its address."""
    estate = f"{folder}/estate.yaml"
    with open(estate, "w", encoding="utf-8") as file:
        file.write(ESTATE)
    process = subprocess.Popen(
        [*command, "--port", "0", "--estate", estate], stdout=subprocess.PIPE, text=True
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
