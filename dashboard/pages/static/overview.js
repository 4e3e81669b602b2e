// Brings the overview up to date every few seconds. Numbers change in place. What would move
// something under the pointer or the focus waits until they have left, or have rested for a while.
import { refetch } from "./refetch.js";
import { refreshTimes } from "./times.js";
import { toast } from "./toasts.js";

const EVERY_MS = 2500;
const RESTED_MS = 30_000;
const pause = document.querySelector("[data-pause]");
const parts = document.querySelector("[data-parts]");
let isPaused = false;
let isHeld = false;
let stirredAt = -RESTED_MS;

function partsOf(root) {
  return [...root.querySelectorAll("[data-part]")];
}

function figuresOf(part) {
  return new Map([...part.querySelectorAll("[data-figure]")].map((one) => [one.dataset.figure, one]));
}

/** What is left of a part when its numbers and its relative times are taken out. */
function formOf(part) {
  const bare = part.cloneNode(true);
  for (const each of bare.querySelectorAll("[data-figure], time[data-relative]")) {
    each.textContent = "";
    for (const name of ["title", "data-exact", "datetime"]) each.removeAttribute(name);
  }
  for (const each of bare.querySelectorAll("details[open]")) each.removeAttribute("open");
  return bare.innerHTML;
}

/** Which part somebody is about to use: its number, or -1. */
function partInUse() {
  if (performance.now() - stirredAt > RESTED_MS) return -1;
  const isUsed = (part) => part.matches(":hover") || part.contains(document.activeElement);
  return partsOf(parts).findLastIndex(isUsed);
}

function updateInPlace(part, fresh) {
  const figures = figuresOf(part);
  for (const [name, one] of figuresOf(fresh)) figures.get(name).textContent = one.textContent;
  const times = part.querySelectorAll("time[data-relative]");
  fresh.querySelectorAll("time[data-relative]").forEach((one, n) => {
    times[n].dateTime = one.dateTime;
    times[n].dataset.exact = one.title;
  });
}

function replace(part, fresh) {
  const open = [...part.querySelectorAll("details")].map((each) => each.open);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll("details").forEach((each, n) => { each.open = open[n] ?? false; });
}

/** Whether the part looks like the fresh one now, without moving what comes after it. */
function replaceInItsHeight(part, fresh) {
  const before = [...part.childNodes];
  const height = part.offsetHeight;
  replace(part, fresh);
  if (part.offsetHeight === height) return true;
  part.replaceChildren(...before); // nobody has seen it: nothing is painted meanwhile
  return false;
}

/** Whether the part is as the fresh one is. */
function update(part, fresh, number, inUse) {
  if (formOf(part) === formOf(fresh)) updateInPlace(part, fresh);
  else if (inUse < number) replace(part, fresh);
  else return number < inUse && replaceInItsHeight(part, fresh);
  return true;
}

function updateAll(freshParts) {
  const [old, fresh] = [partsOf(parts), partsOf(freshParts)];
  const inUse = partInUse();
  const names = (some) => some.map((part) => part.dataset.part).join();
  if (names(old) === names(fresh)) {
    return old.filter((part, n) => !update(part, fresh[n], n, inUse)).length === 0;
  }
  if (inUse >= 0) return false;
  replace(parts, freshParts);
  return true;
}

function tell(isDone) {
  if (!isDone && !isHeld) toast("There is news. It is shown when the pointer and the focus have left.");
  isHeld = !isDone;
}

async function refresh() {
  const answer = await refetch();
  if (answer.redirected) location.reload(); // signed out meanwhile
  if (answer.redirected || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const freshParts = fresh.querySelector("[data-parts]");
  if (!freshParts || isPaused) return;
  tell(updateAll(freshParts));
  refreshTimes(parts);
}

async function keepUp() {
  if (!isPaused && !document.hidden) {
    await refresh().catch(() => {}); // the next time may do better
  }
  setTimeout(keepUp, EVERY_MS);
}

for (const sign of ["pointermove", "pointerdown", "wheel", "keydown", "focusin"]) {
  addEventListener(sign, () => { stirredAt = performance.now(); }, { passive: true });
}
pause.hidden = false;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  toast(isPaused ? "The page stands still." : "The page is brought up to date again.");
});
setTimeout(keepUp, EVERY_MS);
