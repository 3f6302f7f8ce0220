// Keeps the page up to date: whenever the controller tells of news, the same page is fetched again and put in place.
"use strict";
(() => {
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  const toggle = document.getElementById("theme");

  // Theme.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => { toggle.textContent = theme() === "dark" ? "Light" : "Dark"; };
  toggle.hidden = false;
  label();
  dark.addEventListener("change", label);
  toggle.addEventListener("click", () => {
    const next = theme() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* It lasts as long as the page. */ }
    label();
  });

  // Ages.
  const age = (then) => {
    const seconds = Math.max(0, Math.round((Date.now() - skew - then) / 1000));
    if (seconds < 90) return `${seconds} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86400)} days`;
  };
  let skew = 0;
  const ages = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const text = `${age(Date.parse(time.dateTime))} ago`;
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(ages, 10000);

  // The page again, with as little changed as possible: focus, selection, scrolling and open details stay.
  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.id === b.id;
  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return false;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return true;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "class") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !(name === "value" && old === document.activeElement)) {
        old.setAttribute(name, value);
      }
    }
    if (!fresh.hasAttribute("class")) old.removeAttribute("class");
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    let changed = false;
    after.forEach((node, index) => {
      const known = before[index];
      if (!known) { old.append(node); changed = true; return; }
      if (same(known, node)) { changed = morph(known, node) || changed; return; }
      known.replaceWith(node);
      changed = true;
    });
    for (const extra of before.slice(after.length)) { extra.remove(); changed = true; }
    if (changed && old.nodeName === "TR" && !old.querySelector(":scope > .changed")) {
      old.classList.add("changed");
      setTimeout(() => old.classList.remove("changed"), 1700);
    }
    return changed;
  };

  // What is shown, and of which address.
  let etag = null;
  let shownOf = null;
  let fetching = null;
  let again = false;
  const refresh = async (url = location.href) => {
    if (fetching) { again = true; return; }
    fetching = new AbortController();
    try {
      const headers = etag && url === shownOf ? { "if-none-match": etag } : {};
      const answer = await fetch(url, { headers, cache: "no-store", signal: fetching.signal });
      // What is gone has a page, too; what somebody else answers, such as a proxy, has no such content.
      const shown = answer.status === 200 || answer.status === 404;
      const fresh = shown && new DOMParser().parseFromString(await answer.text(), "text/html");
      const content = fresh && fresh.getElementById("main");
      if (content) {
        etag = answer.headers.get("etag");
        shownOf = url;
        const date = Date.parse(answer.headers.get("date"));
        if (date) skew = Date.now() - date > 2000 || Date.now() - date < -2000 ? Date.now() - date : 0;
        morph(main, content);
        document.title = fresh.title;
        ages();
        main.dataset.updates = String(Number(main.dataset.updates || 0) + 1);
      }
      if (content || answer.status === 304) found(); else lose();
    } catch { lose(); /* The next news are worth trying again. */ }
    fetching = null;
    if (again) { again = false; refresh(); }
  };

  // News.
  const say = (text, lost) => {
    live.hidden = false;
    live.classList.toggle("is-lost", lost);
    if (live.textContent !== text) live.textContent = text;
  };
  let lost = false;
  let timer = 0;
  let stream = null;
  let reconnecting = 0;
  const lose = () => { lost = true; say("Connection lost", true); };
  const found = () => {
    if (!stream || stream.readyState !== EventSource.OPEN) return;
    lost = false;
    say("Live", false);
  };
  // Many look at the same time: not all of them have to ask at once.
  const soon = (most) => { clearTimeout(timer); timer = setTimeout(refresh, Math.random() * most); };
  const listen = () => {
    stream = new EventSource("/api/v1/events");
    stream.addEventListener("open", () => {
      if (lost) soon(2000);
      found();
    });
    stream.addEventListener("change", () => soon(400));
    stream.addEventListener("error", () => {
      lose();
      // A connection that breaks is made again by itself; after another answer than news, it never is.
      if (stream.readyState !== EventSource.CLOSED) return;
      clearTimeout(reconnecting);
      reconnecting = setTimeout(listen, 5000 + Math.random() * 10000);
    });
  };
  listen();
  addEventListener("pagehide", () => { clearTimeout(reconnecting); stream.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(200); });
  // Tasks and nodes change without the controller's doing, and nobody tells of it.
  setInterval(() => { if (!document.hidden && !lost) refresh(); }, 15000);

  // Search as one types; without scripts, the form does the same.
  let typed = 0;
  document.addEventListener("input", (event) => {
    if (event.target.id !== "q") return;
    clearTimeout(typed);
    typed = setTimeout(() => {
      const url = new URL(location.href);
      url.searchParams.set("q", event.target.value);
      url.searchParams.delete("page");
      history.replaceState(null, "", url);
      refresh();
    }, 200);
  });
  document.addEventListener("keydown", (event) => {
    const search = document.getElementById("q");
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "/" && search && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      search.focus();
    }
  });
})();
