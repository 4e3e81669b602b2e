// While the pointer moves over the list of conversations, nothing in it changes its place: those
// that were there stay where they are, new ones come to the end, and once it rests or has left,
// everything is put in order.
const RESTS_MS = 4000;

/** Gives what is called with a fresh copy of the page's part, before it is shown. */
export function keepOrder(live, refresh) {
  let movedAt = -Infinity;
  let timer = 0;

  live.addEventListener("pointermove", ({ target }) => {
    if (target.closest?.(".conversation-list")) movedAt = performance.now();
  });
  live.addEventListener("pointerout", ({ relatedTarget }) => {
    if (movedAt === -Infinity || relatedTarget?.closest?.(".conversation-list")) return;
    movedAt = -Infinity;
    if (timer) refresh();
  });

  return (fresh) => {
    clearTimeout(timer);
    timer = 0;
    const coming = fresh.querySelector(".conversation-list");
    if (!coming || performance.now() - movedAt > RESTS_MS) return;
    const there = [...live.querySelectorAll(".conversation")].reverse();
    for (const { dataset } of there) {
      const line = coming.querySelector(`[data-key="${dataset.key}"]`);
      if (line) coming.prepend(line);
    }
    timer = setTimeout(refresh, RESTS_MS);
  };
}
