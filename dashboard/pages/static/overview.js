// Brings the overview up to date every few seconds. Numbers change in place; a part that would
// change its form waits until neither the pointer nor the focus is in it, so nothing moves under it.
import { refreshTimes } from "./times.js";
import { toast } from "./toasts.js";

const EVERY_MS = 2500;
const pause = document.querySelector("[data-pause]");
const parts = document.querySelector("[data-parts]");
let isPaused = false;

function figuresOf(part) {
  return new Map([...part.querySelectorAll("[data-figure]")].map((one) => [one.dataset.figure, one]));
}

/** What is left of a part when its numbers and its relative times are taken out. */
function formOf(part) {
  const bare = part.cloneNode(true);
  for (const each of bare.querySelectorAll("[data-figure], time[data-relative]")) {
    each.textContent = "";
    each.removeAttribute("title");
    each.removeAttribute("data-exact");
    each.removeAttribute("datetime");
  }
  for (const each of bare.querySelectorAll("details[open]")) each.removeAttribute("open");
  return bare.innerHTML;
}

function isInUse(part) {
  return part.matches(":hover") || part.contains(document.activeElement);
}

function updateInPlace(part, fresh) {
  const figures = figuresOf(part);
  for (const [name, one] of figuresOf(fresh)) figures.get(name).textContent = one.textContent;
  const times = part.querySelectorAll("time[data-relative]");
  fresh.querySelectorAll("time[data-relative]").forEach((one, n) => {
    times[n].dateTime = one.dateTime;
    times[n].dataset.exact = one.title;
  });
  refreshTimes(part);
}

function replace(part, fresh) {
  const open = [...part.querySelectorAll("details")].map((each) => each.open);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll("details").forEach((each, n) => { each.open = open[n] ?? false; });
  refreshTimes(part);
}

function update(part, fresh) {
  if (formOf(part) === formOf(fresh)) updateInPlace(part, fresh);
  else if (!isInUse(part)) replace(part, fresh);
}

function namesOf(root) {
  return [...root.querySelectorAll("[data-part]")].map((part) => part.dataset.part).join();
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) location.reload(); // signed out meanwhile
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const freshParts = fresh.querySelector("[data-parts]");
  if (!freshParts || isPaused) return;
  if (namesOf(parts) !== namesOf(freshParts)) {
    if (!isInUse(parts)) replace(parts, freshParts);
    return;
  }
  for (const part of freshParts.querySelectorAll("[data-part]")) {
    update(parts.querySelector(`[data-part="${part.dataset.part}"]`), part);
  }
}

async function keepUp() {
  if (!isPaused && !document.hidden) {
    try {
      await refresh();
    } catch {
      // the next time may do better
    }
  }
  setTimeout(keepUp, EVERY_MS);
}

pause.hidden = false;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  toast(isPaused ? "The page stands still." : "The page is brought up to date again.");
});
setTimeout(keepUp, EVERY_MS);
