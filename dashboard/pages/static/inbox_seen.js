// What this browser has seen of each conversation: ids only, kept here, told to nobody. Ids grow
// with time, so that a message is new if its id is greater than the last one that was seen.
const KEPT = 300;
const title = document.title;
const memory = new Map();

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? memory.get(key);
  } catch {
    return memory.get(key);
  }
}

function write(key, value) {
  memory.set(key, value);
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Blocked or full: it is known until the page is left.
  }
}

/** New messages of visitors have a dot, and their number stands before the page's title. */
export function paintUnread(live) {
  const { inbox, open } = live.dataset;
  if (!inbox) return;
  const key = `widget-auth-seen-${inbox}`;
  const lines = [...live.querySelectorAll(".conversation")];
  // On the first visit nothing is new: what there is has been there before.
  const seen = read(key) ?? { since: latest(lines), each: {} };
  const line = lines.find((one) => one.dataset.key === open);
  if (line && !document.hidden) seen.each[open] = line.dataset.last;
  for (const one of lines) {
    const known = seen.each[one.dataset.key] ?? seen.since;
    one.querySelector(".unread").hidden = !("waits" in one.dataset && one.dataset.last > known);
  }
  const count = live.querySelectorAll(".unread:not([hidden])").length;
  document.title = count ? `(${count}) ${title}` : title;
  write(key, bounded(seen));
}

function latest(lines) {
  return lines.map((one) => one.dataset.last).reduce((a, b) => (a > b ? a : b), "");
}

/** The oldest are forgotten: everything until then counts as seen. */
function bounded(seen) {
  const each = Object.entries(seen.each).sort(([, a], [, b]) => (a < b ? 1 : -1));
  const forgotten = each.slice(KEPT).map(([, last]) => last);
  const since = [seen.since, ...forgotten].reduce((a, b) => (a > b ? a : b));
  return { since, each: Object.fromEntries(each.slice(0, KEPT)) };
}
