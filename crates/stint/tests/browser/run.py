#!/usr/bin/env python3
"""The pages in a browser: three people on `stint demo`, with its simulated AWS.

    run.py --stint target/debug/stint --axe target/tools/axe/axe.min.js --out target/browser

Ana asks, Bo approves, Cy looks and revokes, by clicking; the same again by forms alone, in a
browser without script. Then every page for every persona, and lists with nothing in them: at
390 and 1440 pixels, light and dark, nothing scrolls sideways and axe finds nothing serious.
Pictures of all of it are in --out. Prints one line per check; exits 1 if any failed.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

from plain import Plain  # noqa: E402
from webdriver import Browser, Trouble  # noqa: E402

PHONE, DESK = (390, 844), (1440, 900)
# How long the looks at pages take together at most, on a machine that does nothing else.
SECONDS = 90
# Pages that are each person's own.
OFTEN = ("/", "/approvals", "/requests", "/explore", "/request")
# What stands out at the right, where the page is wider than the window.
SIDEWAYS = (
    "const page = document.documentElement; if (page.scrollWidth <= window.innerWidth) return null;"
    "const out = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right"
    " > window.innerWidth + 1).slice(0, 3).map(e => e.tagName + '.' + e.className);"
    "return page.scrollWidth + ' px: ' + out.join(', ')"
)
# What a person sees of every list that has nothing in it, and of addresses that are wrong.
ODD = ["/people?q=nobodyatall", "/explore?q=nothingatall", "/audit?q=nothingatall", "/people?sort=shoe", "/nowhere"]
# Rules of axe that speak of other things than this page's own HTML.
SERIOUS = ("serious", "critical")


def start(stint):
    """Starts the demo on free ports; gives the process and its address."""
    process = subprocess.Popen(
        [stint, "demo", "--port", "0", "--sim-port", "0"], stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if not line:
            break
        found = re.search(r"Pages and API\s+(http://\S+)", line)
        if found:
            return process, found[1]
    process.terminate()
    process.wait()
    sys.exit("stint demo did not say where its pages are")


class Journeys:
    def __init__(self, base, browser, axe, out):
        self.base, self.browser, self.axe, self.out = base, browser, axe, out
        self.failed = self.passed = 0

    def check(self, name, step):
        begun = time.monotonic()
        try:
            step()
        except Exception as error:  # a step may fail in any way
            self.failed += 1
            print(f"FAILED {name}: {error}", flush=True)
            if not isinstance(error, Trouble):
                traceback.print_exc()
            try:
                self.browser.picture(self.out / f"FAILED-{self.failed}.png")
            except (Trouble, OSError):
                pass
        else:
            self.passed += 1
            print(f"ok     {name} ({time.monotonic() - begun:.1f} s)", flush=True)

    def become(self, persona):
        self.browser.forget()
        self.browser.open(f"{self.base}/sign-in")
        self.browser.click(self.browser.find(f"button[value={persona}]"))
        # On a phone who one is stands in the menu, which is closed.
        self.browser.find("header.st-side .st-brand", patience=10)
        if "/sign-in" in self.browser.url():
            raise Trouble(f"{persona} is not signed in")

    def says(self, words, patience=20):
        """Waits until the page says it: pieces in motion refresh themselves."""
        deadline = time.monotonic() + patience
        while words not in self.browser.text():
            if time.monotonic() > deadline:
                raise Trouble(f"{words!r} is not on {self.browser.url()}")
            time.sleep(0.2)

    # The journey, by clicking.

    def ana_asks(self):
        browser = self.browser
        browser.look_as(*DESK, "light")
        self.become("ana")
        browser.picture(self.out / "journey-1-home.png")
        browser.type(browser.find("#q"), "prod-deploy prod-payments\n")
        browser.at("/request?")
        browser.click(browser.find_text("#offers a.st-what", "prod-deploy on prod-payments"))
        browser.find_text("h2", "Who will have to approve")
        browser.picture(self.out / "journey-2-ask.png")
        browser.type(browser.find("#reason"), "INC-2291 the browser test declines nothing")
        browser.click(browser.find_text("button", "Send the request"))
        browser.find_text(".st-chip", "Waiting")
        self.request = browser.url()
        browser.picture(self.out / "journey-3-asked.png")

    def bo_approves(self):
        browser = self.browser
        self.become("bo")
        browser.open(f"{self.base}/approvals")
        browser.find_text("blockquote", "INC-2291 the browser test")
        browser.picture(self.out / "journey-4-inbox.png")
        browser.open(self.request)
        browser.click(browser.find_text("button", "Approve"))
        browser.find(".st-flash.live", patience=30)
        # Nobody reloads: the page itself sees AWS confirm it.
        browser.open(self.request)
        self.says("Active", patience=120)
        browser.picture(self.out / "journey-5-active.png")

    def cy_revokes(self):
        browser = self.browser
        self.become("cy")
        browser.open(f"{self.base}/grants")
        row = browser.run(
            "const rows = [...document.querySelectorAll('tr')];"
            "const row = rows.find(r => r.innerText.includes('prod-deploy on prod-payments')"
            " && r.innerText.includes('Ana Moreno') && r.querySelector('[popovertarget]'));"
            "return row && row.querySelector('[popovertarget]').getAttribute('popovertarget')"
        )
        if not row:
            raise Trouble("Ana's grant is not on the page of grants, or cannot be revoked")
        browser.click(browser.find(f"[popovertarget='{row}']"))
        box = f"#{row}"
        browser.find(box)
        browser.picture(self.out / "journey-6-revoke.png", whole=False)
        browser.type(browser.find(f"{box} [name=reason]"), "The incident is over")
        browser.click(browser.find(f"{box} .btn-danger"))
        browser.find(".st-flash.live")

    def it_has_ended(self):
        """Looked at after the others: it takes half a minute until AWS is believed."""
        browser = self.browser
        browser.look_as(*DESK, "light")
        self.become("cy")
        browser.open(self.request)
        self.says("Ended", patience=120)
        browser.picture(self.out / "journey-7-ended.png")

    def a_group_is_chosen(self):
        """Cy may ask for a group; choosing one shows who would hold it before anything is sent."""
        browser = self.browser
        self.become("cy")
        browser.open(f"{self.base}/request?q=prod-deploy%20prod-payments")
        browser.click(browser.find_text("#offers a.st-what", "prod-deploy on prod-payments"))
        browser.run("document.querySelector('#for-group').click()")
        browser.find_text(".st-found .st-item", "data")
        browser.click(browser.find(".st-found button"))
        browser.find(".st-chosen button")
        self.says("you are answerable")
        for size, theme in ((PHONE, "dark"), (DESK, "light")):
            browser.look_as(*size, theme)
            browser.picture(self.out / f"journey-8-group-{size[0]}-{theme}.png")
        trouble = self.axe_finds()
        if trouble:
            raise Trouble("; ".join(trouble))
        browser.run("document.querySelector('#for-me').click()")
        deadline = time.monotonic() + 10
        while "you are answerable" in browser.text():
            if time.monotonic() > deadline:
                raise Trouble("for oneself again, and the group is still there")
            time.sleep(0.1)

    def lists_improve_with_script(self):
        """A list is narrowed while somebody types, and its address says so."""
        browser = self.browser
        self.become("cy")
        browser.open(f"{self.base}/people")
        browser.type(browser.find("#q"), "lindqvist")
        deadline = time.monotonic() + 10
        while "q=lindqvist" not in browser.url():
            if time.monotonic() > deadline:
                raise Trouble("typing does not narrow the list")
            time.sleep(0.1)
        browser.find_text("#list td", "Bo Lindqvist")
        if "Ana Moreno" in browser.run("return document.querySelector('#list').innerText"):
            raise Trouble("Ana is still on a list narrowed to Bo")
        if not browser.run("return document.activeElement.id === 'q'"):
            raise Trouble("the search box lost the focus")
        browser.click(browser.find("#list-clear a"))
        browser.click(browser.find_text("th a", "User"))
        browser.find("th[aria-sort=descending], th[aria-sort=ascending]")

    # The set-up of a connection.

    def both_looks(self, name):
        """A picture light on a desk and dark on a phone; nothing may be wrong with either."""
        trouble = []
        for size, theme in ((DESK, "light"), (PHONE, "dark")):
            self.browser.look_as(*size, theme)
            self.browser.picture(self.out / f"{name}-{size[0]}-{theme}.png")
            wide = self.browser.run(SIDEWAYS)
            if wide:
                trouble.append(f"{name} at {size[0]} px scrolls sideways: {wide}")
            trouble.extend(f"{name} at {size[0]} px, {theme}: {bad}" for bad in self.axe_finds())
        self.browser.look_as(*DESK, "light")
        if trouble:
            raise Trouble("; ".join(trouble))

    def cy_connects_aws(self):
        """From the form to a test that says what to mend; no role is made in AWS, so it fails."""
        browser = self.browser
        browser.look_as(*DESK, "light")
        self.become("cy")
        browser.open(f"{self.base}/connections/new")
        browser.type(browser.find("#application"), "AWS for the wizard")
        browser.type(browser.find("#name"), "wizard")
        browser.type(browser.find("#role_arn"), "arn:aws:iam::123456789012:role/StintConnector")
        browser.type(browser.find("#region"), "eu-central-1")
        self.both_looks("wizard-1-new")
        browser.click(browser.find_text("button", "Continue"))
        browser.at("/setup")
        self.says("StintChangesAssignments")
        self.says("sts:ExternalId")
        self.both_looks("wizard-2-setup")
        browser.click(browser.find_text("a.btn", "Change what it does"))
        browser.at("/scope")
        browser.click(browser.find("#iam"))
        browser.click(browser.find("#management_account"))
        browser.type(browser.find("#iam_groups"), "not a group")
        browser.click(browser.find_text("button", "Save"))
        browser.find_text(".st-mistake", "is neither the name nor the ARN of an IAM group")
        self.both_looks("wizard-3-scope-mistake")
        browser.run("document.querySelector('#iam_groups').value = ''")
        browser.type(browser.find("#iam_groups"), "Developers\nstint/*")
        browser.type(browser.find("#iam_user_prefix"), "app-")
        self.both_looks("wizard-4-scope")
        browser.click(browser.find_text("button", "Save"))
        browser.at("/setup")
        self.says("Puts IAM users whose names begin with app- into 2 named IAM groups")
        self.says("arn:aws:iam::123456789012:group/Developers")
        self.says("AWSSSO_*_DO_NOT_DELETE")
        for shape in ("Terraform", "CloudFormation"):
            browser.click(browser.find_text(".st-tabs a", shape))
            self.says("StintChangesManagementAccountRoles")
            self.both_looks(f"wizard-5-{shape.lower()}")
        browser.click(browser.find_text("button", "Test connection"))
        browser.find(".st-flash.stop", patience=60)
        self.says("does not exist in account 123456789012")
        self.both_looks("wizard-6-failed")

    def cy_tests_what_works(self):
        """The demo's own connection: every action it needs, one by one."""
        browser = self.browser
        self.become("cy")
        browser.open(f"{self.base}/connections")
        browser.click(browser.find("table.st-list td a, #list td a"))
        browser.click(browser.find_text("button", "Test connection"))
        browser.find(".st-flash", patience=60)
        self.says("actions it needs, one by one")
        browser.click(browser.find_text("summary", "actions it needs, one by one"))
        self.says("sso:CreateAccountAssignment")
        self.both_looks("wizard-7-works")

    # The same by forms alone.

    def journey_without_script(self):
        ana, bo, cy = (Plain(self.base).become(who) for who in ("ana", "bo", "cy"))
        page = ana.open("/request?q=prod-deploy%20prod-payments")
        place = next(link for link in page.links if re.match(r"/request/ent_", link))
        page = ana.open(place)
        wrong = ana.send(page, "Send the request", {"duration": "other", "hours": "900"}, expect=422)
        if "st-mistake" not in wrong.text:
            raise Trouble("a mistake is not said at its field")
        page = ana.send(page, "Send the request", {"reason": "INC-2292 without any script"})
        request = page.url.removeprefix(self.base)
        page = bo.open(request)
        bo.send(page, "Approve", {"comment": "go"})
        for _ in range(300):
            page = ana.open(request)
            if ">Active<" in page.text:
                break
            time.sleep(0.2)
        else:
            raise Trouble("the access never became active")
        page = ana.send(page, "Return it")
        for who, paths in ((cy, ["/grants", "/people", "/explore", "/audit", "/connections"]), (ana, ["/explore"])):
            for path in paths:
                page = who.open(path)
                search = next((form for form in page.forms if form.method == "get" and "q" in form.fields), None)
                if search:
                    found = who.send(page, search.buttons[0][3], {"q": "zzz-nothing"}, among=search.action)
                    if "zzz-nothing" not in found.text:
                        raise Trouble(f"the search of {path} forgets what was asked")

    # Every page.

    def pages_of(self, persona):
        """The pages this persona is led to: by the navigation, and one of a kind beyond."""
        first = Plain(self.base).become(persona)
        seen, queue = [], ["/"]
        kinds = set()
        while queue and len(seen) < 40:
            path = queue.pop(0)
            kind = re.sub(r"_[0-9a-z]{26}", "_…", path.split("?")[0])
            if "?" in path or kind in kinds or "/assets/" in path:
                continue
            kinds.add(kind)
            page = first.open(path)
            if "<html" in page.text:
                seen.append(path)
                queue.extend(link.split("#")[0] for link in page.links)
        return seen

    def looks(self, persona, path, judged):
        """One page on phone and desk, light and dark; what is wrong with it."""
        browser = self.browser
        name = re.sub(r"_[0-9a-z]{26}", "", path).strip("/").replace("/", "-") or "home"
        name = re.sub(r"[^a-z0-9=-]+", "-", name)
        trouble = []
        browser.look_as(*PHONE, "light")
        browser.open(self.base + path)
        # Judged in light on a phone and in dark on a desk: the HTML is the same four times.
        for size, theme, here in (
            (PHONE, "light", judged),
            (PHONE, "dark", False),
            (DESK, "dark", judged),
            (DESK, "light", False),
        ):
            browser.look_as(*size, theme)
            browser.picture(self.out / f"{persona}-{name}-{size[0]}-{theme}.png")
            wide = browser.run(SIDEWAYS)
            if wide:
                trouble.append(f"{path} at {size[0]} px scrolls sideways: {wide}")
            if here:
                trouble.extend(f"{path} at {size[0]} px, {theme}: {bad}" for bad in self.axe_finds())
        return trouble

    def axe_finds(self):
        found = self.browser.run_later(
            self.axe + ";const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations'],"
            " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
            ".then(r => done(r.violations.map(v => [v.impact, v.id, v.help,"
            " v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))])),"
            " e => done([['critical', 'axe', String(e), []]]))"
        )
        return [json.dumps(each, ensure_ascii=False) for each in found if each[0] in SERIOUS]

    def every_page(self):
        begun = time.monotonic()
        seen = set()
        for persona in ("cy", "ana", "bo", "dee"):

            def pages(persona=persona):
                paths = self.pages_of(persona) + (ODD if persona == "cy" else [])
                self.become(persona)
                trouble = []
                for path in paths:
                    # The same kind of page differs for another person in its rows: axe judges
                    # it again where those are the person's own.
                    kind = re.sub(r"_[0-9a-z]{26}", "_", path)
                    judged = kind not in seen or kind in OFTEN
                    seen.add(kind)
                    trouble.extend(self.looks(persona, path, judged))
                print(f"       {len(paths)} pages, four looks each", flush=True)
                if trouble:
                    raise Trouble("\n  ".join(trouble))

            self.check(f"every page for {persona}", pages)
        seconds = time.monotonic() - begun
        if seconds > SECONDS:
            print(f"       the looks took {seconds:.0f} s; on a machine that is free they take less than {SECONDS}")


def main():
    parser = argparse.ArgumentParser(description="The pages in a browser.")
    parser.add_argument("--stint", required=True)
    parser.add_argument("--axe", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    given = parser.parse_args()
    # Ended from outside, the demo and the browser must end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    given.out.mkdir(parents=True, exist_ok=True)
    for old in given.out.glob("*.png"):
        old.unlink()
    axe = given.axe.read_text()
    process, base = start(given.stint)
    try:
        with Browser() as browser:
            all_ = Journeys(base, browser, axe, given.out)
            all_.check("Ana asks", all_.ana_asks)
            all_.check("Bo approves", all_.bo_approves)
            all_.check("Cy looks and revokes", all_.cy_revokes)
            all_.check("Cy chooses a group", all_.a_group_is_chosen)
            all_.check("a list follows what is typed", all_.lists_improve_with_script)
            all_.check("Cy connects AWS", all_.cy_connects_aws)
            all_.check("Cy tests what works", all_.cy_tests_what_works)
            all_.check("the journey without script", all_.journey_without_script)
            all_.check("what was revoked has ended", all_.it_has_ended)
            all_.every_page()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    print(f"{all_.passed} passed, {all_.failed} failed; pictures in {os.path.relpath(given.out)}", flush=True)
    sys.exit(1 if all_.failed else 0)


if __name__ == "__main__":
    main()
