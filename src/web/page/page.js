// Keeps the picture fresh: fetches the page again and swaps <main>, keeping opened details, focus and scroll.
// Without it the page works the same and is reloaded by a meta element.
(() => {
  "use strict";
  const EVERY = 3000, PATIENCE = 8000;
  const live = document.getElementById("live");
  let failedSince = null;
  const say = (text, stale) => {
    if (!live || live.textContent === text) return;
    live.textContent = text;
    document.documentElement.classList.toggle("stale", stale);
  };
  const remember = () => new Set([...document.querySelectorAll("details[open][id]")].map((each) => each.id));
  async function refresh() {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), PATIENCE);
    try {
      const answer = await fetch(location.href, { signal: stop.signal, cache: "no-store", credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (!main) throw new Error("no main");
      const open = remember();
      const closed = new Set([...document.querySelectorAll("details[id]:not([open])")].map((each) => each.id));
      const focused = document.activeElement && document.activeElement.closest("[data-key]");
      const key = focused && focused.getAttribute("data-key");
      for (const each of main.querySelectorAll("details[id]")) {
        if (open.has(each.id)) each.open = true;
        else if (closed.has(each.id)) each.open = false;
      }
      document.querySelector("main").replaceWith(document.adoptNode(main));
      const clock = fresh.getElementById("taken"), here = document.getElementById("taken");
      if (clock && here) here.replaceWith(document.adoptNode(clock));
      document.title = fresh.title;
      if (key) document.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
      failedSince = null;
      say("", false);
    } catch {
      failedSince ??= new Date();
      say(`No answer from the monitor since ${failedSince.toLocaleTimeString()}: this picture is stale.`, true);
    } finally {
      clearTimeout(timer);
      setTimeout(tick, EVERY);
    }
  }
  const tick = () => (document.hidden ? document.addEventListener("visibilitychange", refresh, { once: true }) : refresh());
  setTimeout(tick, EVERY);
})();
