// Keeps a part of a page up to date: <div data-live="/path/of/changes"> is fetched again, from the
// page's own address, whenever the stream says that something has changed. What the reader is in
// the midst of stays: the focus, open dialogs, what is typed, and where lists are scrolled to.
import { morph } from "./morph.js";
import { refetch } from "./refetch.js";
import { refreshTimes } from "./times.js";

const POLL_MS = 15000;

/**
 * Follows the element's stream, as long as somebody can see it. `changed(element)` is called after
 * each time it was fetched, and `arrived(fresh)` before that with the copy that it will look like.
 * Where the title `countsInTitle` it is asked for now and then while hidden, too. Gives what
 * fetches it now.
 */
export function follow(element, { changed = () => {}, arrived = () => {}, countsInTitle = false } = {}) {
  let asked = 0;

  async function refresh() {
    const mine = (asked += 1);
    const answer = await refetch();
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
  let source = null;

  // Browsers have six connections to a host for all of their tabs: a page nobody sees holds none.
  function listen() {
    source?.close();
    source = document.hidden ? null : new EventSource(element.dataset.live);
    source?.addEventListener("changed", ({ data }) => {
      if (told !== null && told !== data) quietly();
      told = data;
    });
    source?.addEventListener("error", ({ target }) => target.readyState === EventSource.CLOSED && quietly());
  }

  function lookNowAndThen() {
    if (document.hidden) return countsInTitle && quietly();
    if (source.readyState === EventSource.CLOSED) listen(); // there may be room now
  }

  listen();
  setInterval(lookNowAndThen, POLL_MS);
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return quietly;
}
