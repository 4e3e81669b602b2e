// Rotations tell by themselves how they go on, and count down to their date.
import { follow } from "./live.js";

const PARTS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

function remaining(moment) {
  let seconds = Math.round((moment - Date.now()) / 1000);
  if (seconds <= 0) return "due now";
  const told = [];
  for (const [unit, length] of PARTS) {
    const count = Math.floor(seconds / length);
    seconds -= count * length;
    if (count || told.length) told.push(`${count} ${unit}`);
  }
  return `in ${told.slice(0, 3).join(" ")}`;
}

function countDown() {
  for (const each of document.querySelectorAll("[data-countdown]")) {
    each.textContent = remaining(new Date(each.dataset.countdown).getTime());
  }
}

const live = document.querySelector("[data-live]");
const before = live.dataset.state;
follow(live, {
  changed() {
    countDown();
    // What can be done about it is another thing now.
    if (live.dataset.state !== before && !document.querySelector("dialog[open]")) location.reload();
  },
});
countDown();
setInterval(countDown, 1000);

document.querySelector("[data-prints]")?.addEventListener("click", () => print());
