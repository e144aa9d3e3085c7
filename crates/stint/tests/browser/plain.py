"""A browser without script: follows links and sends forms as they stand in the HTML."""

import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar

from webdriver import Trouble


class Form:
    def __init__(self, attributes):
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.fields = {}
        self.buttons = []


class Page(HTMLParser):
    def __init__(self, url, text):
        super().__init__()
        self.url, self.text = url, text
        self.forms, self.links = [], []
        self._form = self._select = self._area = self._button = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.append(given["href"])
        if tag == "form":
            self._form = Form(given)
            self.forms.append(self._form)
        if self._form is None:
            return
        name, value = given.get("name"), given.get("value") or ""
        if tag == "button":
            self._button = [name, value, given.get("formaction"), ""]
            self._form.buttons.append(self._button)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._form.fields):
            self._form.fields[self._select] = value
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = ""
        elif tag == "input" and name:
            if given.get("type") not in ("radio", "checkbox") or "checked" in given:
                self._form.fields[name] = value

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None
        elif tag == "button":
            self._button = None

    def handle_data(self, data):
        if self._form is not None and self._area:
            self._form.fields[self._area] += data
        if self._button:
            self._button[3] += data


class Plain:
    """One person's browser without script."""

    def __init__(self, base):
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.opener.addheaders = [("Sec-Fetch-Site", "same-origin")]

    def open(self, path, data=None, expect=200):
        url = urllib.parse.urljoin(self.base, path)
        body = None if data is None else urllib.parse.urlencode(data).encode()
        try:
            with self.opener.open(url, body, timeout=30) as answer:
                status, url, text = answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        if status != expect:
            raise Trouble(f"{path} answered {status} instead of {expect}: {text[:400]}")
        return Page(url, text)

    def send(self, page, words, fields=None, expect=200, among=None):
        """Presses the button with these words in it, in the first form that has one."""
        for form in page.forms:
            if among and among not in form.action:
                continue
            for name, value, action, said in form.buttons:
                if words not in said:
                    continue
                data = {**form.fields, **(fields or {})}
                if name:
                    data[name] = value
                place = urllib.parse.urljoin(page.url, action or form.action)
                if form.method == "get":
                    return self.open(f"{place}?{urllib.parse.urlencode(data)}", expect=expect)
                return self.open(place, data, expect=expect)
        raise Trouble(f"no form has a button {words!r} on {page.url}")

    def become(self, persona):
        self.open("/demo/sign-in", {"persona": persona, "back": "/"})
        return self
