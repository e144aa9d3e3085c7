// What script adds to pages that work without it: copy buttons, the local time on hover, a
// button that shows it was pressed, "/" for the search box. No dependency but the browser's
// own; htmx (loaded beside) refreshes what is in motion and asks us to look at new pieces.
(function () {
  "use strict";

  function each(root, selector, act) {
    if (root.matches && root.matches(selector)) act(root);
    root.querySelectorAll(selector).forEach(act);
  }

  // <button data-copy="…" hidden>: shown only where copying can work.
  function copyButton(button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    if (button.dataset.ready) return;
    button.dataset.ready = "1";
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(button.dataset.copy).then(function () {
        var word = button.querySelector("[data-copy-word]");
        var use = button.querySelector("use");
        var before = { href: use && use.getAttribute("href"), label: button.getAttribute("aria-label") };
        if (word) word.textContent = "Copied";
        if (use) use.setAttribute("href", before.href.replace(/#.*/, "#check"));
        if (before.label) button.setAttribute("aria-label", "Copied");
        button.classList.add("st-copied");
        setTimeout(function () {
          if (word) word.textContent = "Copy";
          if (use) use.setAttribute("href", before.href);
          if (before.label) button.setAttribute("aria-label", before.label);
          button.classList.remove("st-copied");
        }, 1600);
      });
    });
  }

  // The exact UTC moment stands in the title; the local one is added to it.
  function localTime(element) {
    if (element.dataset.local) return;
    var moment = new Date(element.getAttribute("datetime"));
    if (isNaN(moment)) return;
    element.dataset.local = "1";
    element.title += "\n" + moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
  }

  function look(root) {
    each(root, "[data-copy]", copyButton);
    each(root, "time[datetime]", localTime);
  }

  document.addEventListener("DOMContentLoaded", function () { look(document); });
  document.addEventListener("htmx:load", function (event) { look(event.detail.elt); });

  // What refreshes itself waits while somebody types in it or answers a question about it.
  document.addEventListener("htmx:beforeRequest", function (event) {
    var piece = event.detail.target;
    var busy = document.activeElement;
    var typing = busy && /^(INPUT|TEXTAREA|SELECT)$/.test(busy.tagName) && piece.contains(busy) && busy !== event.detail.elt;
    var asking = Array.prototype.some.call(piece.querySelectorAll("[popover]"), function (box) {
      return box.matches(":popover-open");
    });
    if (typing || asking) event.preventDefault();
  });
  // A list's address says only what is asked.
  document.addEventListener("htmx:configRequest", function (event) {
    if (event.detail.verb !== "get") return;
    var asked = event.detail.parameters;
    Object.keys(asked).forEach(function (name) { if (asked[name] === "") delete asked[name]; });
  });
  // What a list could not answer is said by the page of that address; when nothing was
  // reached at all, the old rows stay, with a word above them.
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.target.id === "list") location.assign(event.detail.xhr.responseURL || event.detail.pathInfo.finalRequestPath);
  });
  document.addEventListener("htmx:sendError", function (event) {
    var note = event.detail.target.querySelector(".st-list-trouble");
    if (!note) return;
    note.querySelector("a").href = event.detail.pathInfo.finalRequestPath;
    note.hidden = false;
  });
  // A sign-in that is over answers with another page: go there instead of showing a hole.
  document.addEventListener("htmx:beforeSwap", function (event) {
    var came = event.detail.xhr.responseURL;
    if (came && new URL(came).pathname === "/sign-in") { event.preventDefault(); location.reload(); }
  });

  // A form is sent once, however often the button is pressed.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    var button = event.submitter;
    if (button) button.setAttribute("aria-busy", "true");
  });
  // Coming back by the browser's history finds the form as it was left: let it be sent again.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
    document.querySelectorAll("[aria-busy]").forEach(function (button) { button.removeAttribute("aria-busy"); });
  });

  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    var box = document.querySelector("[data-search]");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
})();
