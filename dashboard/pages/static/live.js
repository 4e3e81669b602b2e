// Keeps a part of a page up to date: <div data-live="/path/of/changes"> is fetched again, from the
// page's own address, whenever the stream says that something has changed. What the reader is in
// the midst of stays: fields with the focus, open dialogs, and where the page is scrolled to.
import { refreshTimes } from "./times.js";

const POLL_MS = 15000;

/** Follows the element's stream; `changed(element)` is called after each time it was replaced. */
export function follow(element, changed = () => {}) {
  let asked = 0;

  async function refresh() {
    const mine = (asked += 1);
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.redirected || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`[data-live="${element.dataset.live}"]`);
    if (!fresh || mine !== asked || element.contains(document.activeElement?.closest("dialog, form"))) return;
    if (fresh.innerHTML === element.innerHTML) return;
    element.replaceChildren(...fresh.childNodes);
    refreshTimes(element);
    changed(element);
  }

  const quietly = () => refresh().catch(() => {});
  let first = true;
  const source = new EventSource(element.dataset.live);
  source.addEventListener("changed", () => {
    if (!first) quietly();
    first = false;
  });
  // Where streams do not get through, it is asked for now and then.
  setInterval(() => source.readyState === EventSource.CLOSED && !document.hidden && quietly(), POLL_MS);
  addEventListener("pagehide", () => source.close());
  return quietly;
}
