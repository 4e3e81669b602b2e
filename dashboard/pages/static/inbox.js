// The inbox: kept up to date, tells what is new, stays at the latest message, sends answers.
import { answerIn } from "./inbox_answer.js";
import { keepOrder } from "./inbox_order.js";
import { paintUnread } from "./inbox_seen.js";
import { follow } from "./live.js";

const live = document.querySelector("[data-live]");
const log = document.querySelector("[data-log]");
const form = document.querySelector("form[data-answer]");
const NEAR = 48;
let atEnd = true;

const toEnd = () => log && (log.scrollTop = log.scrollHeight);

const inOrder = keepOrder(live, () => refresh());
const refresh = follow(live, {
  changed() {
    paintUnread(live);
    if (atEnd) toEnd();
  },
  arrived: inOrder,
  countsInTitle: true,
});

log?.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
});
document.addEventListener("visibilitychange", () => paintUnread(live));
if (form) {
  answerIn(form, async () => {
    atEnd = true;
    await refresh();
  });
}
paintUnread(live);
toEnd();
