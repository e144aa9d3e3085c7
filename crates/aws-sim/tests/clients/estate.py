"""What the checks know about the simulator they judge, by way of /_sim/."""

import json
import urllib.request
from collections import Counter


class Estate:
    def __init__(self, url):
        self.url = url
        self.facts = self.control("GET", "/_sim/facts")
        self.accounts = {}
        self.permission_sets = {}
        for row in self.assignments():
            self.accounts[row["account"]] = row["account_id"]
            self.permission_sets[row["permission_set"]] = row["permission_set_arn"]

    def control(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def assignments(self):
        return self.control("GET", "/_sim/assignments")["assignments"]

    def crowded_pair(self):
        """The account and permission set with the most rows, and who holds them."""
        rows = self.assignments()
        pairs = Counter((row["account_id"], row["permission_set_arn"]) for row in rows)
        pair, _ = pairs.most_common(1)[0]
        holders = {
            (row["principal_type"], row["principal_id"])
            for row in rows
            if (row["account_id"], row["permission_set_arn"]) == pair
        }
        return pair, holders

    def busiest_group(self):
        """The group that holds most, and what."""
        rows = [row for row in self.assignments() if row["principal_type"] == "GROUP"]
        group, _ = Counter(row["principal_id"] for row in rows).most_common(1)[0]
        held = {
            (row["account_id"], row["permission_set_arn"])
            for row in rows
            if row["principal_id"] == group
        }
        return group, held

    def iam_memberships(self):
        return self.control("GET", "/_sim/iam-memberships")["memberships"]

    def busiest_iam_group(self):
        rows = Counter(row["group"] for row in self.iam_memberships())
        return rows.most_common(1)[0][0]

    def busiest_iam_user(self):
        rows = Counter(row["user"] for row in self.iam_memberships())
        return rows.most_common(1)[0][0]

    def account(self, name):
        return self.accounts[name]

    def permission_set(self, name):
        return self.permission_sets[name]

    def mark(self):
        """The number of the last call so far."""
        calls = self.control("GET", "/_sim/journal")["calls"]
        return calls[-1]["no"] if calls else 0

    def calls_since(self, mark, operation):
        calls = self.control("GET", f"/_sim/journal?after={mark}")["calls"]
        return [call for call in calls if call["operation"] == operation]

    def advance(self, seconds):
        self.control("POST", "/_sim/clock/advance", {"seconds": seconds})


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")


def pages(rows, size):
    return max(1, -(-rows // size))
