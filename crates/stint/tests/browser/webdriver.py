"""WebDriver (https://www.w3.org/TR/webdriver2/), as much of it as the journeys need.

Speaks to Debian's chromedriver with Python's own library: a client crate would bring its
dependencies, and their features, into every test of the workspace.
"""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# What Chromium needs as root in a container, and to leave the network alone.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
]


class Trouble(Exception):
    """What a step found wrong."""


class Browser:
    """One Chromium with an empty profile. Use it with `with`."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="stint-browser-")
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.session = None
        try:
            self.base = self._listening()
            options = {"args": [*FLAGS, f"--user-data-dir={self.profile}"]}
            made = self._call(
                "POST",
                "/session",
                {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}},
            )
            self.session = made["sessionId"]
            # A machine that is busy with other tests is slow, not broken.
            patience = {"script": 120_000, "pageLoad": 120_000, "implicit": 0}
            self._do("POST", "/timeouts", patience)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.session:
            try:
                self._call("DELETE", f"/session/{self.session}")
            except (Trouble, OSError):
                pass
            self.session = None
        self.driver.terminate()
        try:
            self.driver.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def _listening(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            line = self.driver.stdout.readline()
            if not line:
                break
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return f"http://127.0.0.1:{found[1]}"
        raise Trouble("chromedriver did not say on which port it listens")

    def _call(self, method, path, body=None):
        data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
        request = urllib.request.Request(
            self.base + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=150) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error).get("value") or {}
            raise Trouble(f"{value.get('error')}: {value.get('message', '').splitlines()[:1]}") from None

    def _do(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def _cdp(self, command, **params):
        return self._do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def look_as(self, width, height, theme):
        """The size of the window's inside, and whether the system is light or dark."""
        self._cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self._cdp(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}]
        )

    def open(self, url):
        self._do("POST", "/url", {"url": url})

    def url(self):
        return self._do("GET", "/url")

    def forget(self):
        """Drops every cookie: nobody is signed in."""
        self._do("DELETE", "/cookie")

    def run(self, script, *args):
        return self._do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_later(self, script, *args):
        """The last argument of the script is what to call with the answer."""
        return self._do("POST", "/execute/async", {"script": script, "args": list(args)})

    def _wait(self, look, patience, what):
        """What `look` finds, as soon as it finds something. Pieces in motion are replaced while
        one looks: what has gone meanwhile is looked for again."""
        deadline = time.monotonic() + patience
        while True:
            try:
                found = look()
                if found is not None:
                    return found
            except Trouble as trouble:
                if "stale element" not in str(trouble):
                    raise
            if time.monotonic() > deadline:
                raise Trouble(f"{what} on {self.url()}")
            time.sleep(0.1)

    def _all(self, selector):
        found = self._do("POST", "/elements", {"using": "css selector", "value": selector})
        return [each[ELEMENT] for each in found]

    def find(self, selector, patience=20):
        """The first element that fits and is shown; waits for it."""

        def look():
            shown = (e for e in self._all(selector) if self._do("GET", f"/element/{e}/displayed"))
            return next(shown, None)

        return self._wait(look, patience, f"nothing is shown for {selector!r}")

    def find_text(self, selector, words, patience=20):
        """The first element that fits and has these words in it."""

        def look():
            fits = (e for e in self._all(selector) if words in self._do("GET", f"/element/{e}/text"))
            return next(fits, None)

        return self._wait(look, patience, f"{words!r} is in no {selector!r}")

    def at(self, part, patience=20):
        """Waits until the address has this in it."""
        self._wait(lambda: True if part in self.url() else None, patience, f"no {part!r} in the address")

    def click(self, element):
        self._do("POST", f"/element/{element}/click")

    def type(self, element, text):
        self._do("POST", f"/element/{element}/value", {"text": text})

    def text(self):
        return self.run("return document.body.innerText")

    def picture(self, path, whole=True):
        shot = self._cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))
