// Keeps a part of a page up to date: <div data-live="/path/of/changes"> is fetched again, from the
// page's own address, whenever the stream says that something has changed. What the reader is in
// the midst of stays: the focus, open dialogs, what is typed, and where lists are scrolled to.
import { morph } from "./morph.js";
import { refreshTimes } from "./times.js";

const POLL_MS = 15000;

/**
 * Follows the element's stream. `changed(element)` is called after each time it was fetched, and
 * `arrived(fresh)` before that with the copy that it will look like. Gives what fetches it now.
 */
export function follow(element, changed = () => {}, arrived = () => {}) {
  let asked = 0;

  async function refresh() {
    const mine = (asked += 1);
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (mine !== asked) return;
    if (answer.redirected) location.assign(answer.url); // signed out, or it has moved
    if (answer.redirected || !answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(`[data-live="${element.dataset.live}"]`);
    if (!fresh || mine !== asked) return;
    arrived(fresh);
    const focused = document.activeElement;
    morph(element, fresh);
    // What has moved loses the focus on its way.
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
    refreshTimes(element);
    changed(element);
  }

  const quietly = () => refresh().catch(() => {});
  let told = element.dataset.seen ?? null; // what the page knew when it was made
  const source = new EventSource(element.dataset.live);
  source.addEventListener("changed", ({ data }) => {
    if (told !== null && told !== data) quietly();
    told = data;
  });
  source.addEventListener("error", () => source.readyState === EventSource.CLOSED && quietly());
  // Where streams do not get through, it is asked for now and then.
  setInterval(() => source.readyState === EventSource.CLOSED && !document.hidden && quietly(), POLL_MS);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return quietly;
}
