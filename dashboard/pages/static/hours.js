// The week is edited in rows; what it comes to is told beside it as one types.
const form = document.querySelector("[data-hours]");
const preview = document.querySelector("[data-preview]");
const AFTER_MS = 250;
let waiting = null;
let asked = 0;

function follow() {
  const chosen = form.querySelector("input[name=chat]:checked").value;
  form.querySelector("[data-by-hours]").hidden = chosen !== "by_hours";
  for (const group of form.querySelectorAll(".day")) {
    group.querySelector("[data-none]").hidden = Boolean(group.querySelector("[data-rows] [data-row]"));
  }
  for (const row of form.querySelectorAll("[data-rows] [data-row]")) {
    const [start, end] = row.querySelectorAll("input[type=time]");
    row.querySelector(".overnight").hidden = !(start.value && end.value && end.value <= start.value);
  }
}

async function tell() {
  const mine = (asked += 1);
  try {
    const answer = await fetch(form.dataset.previews, {
      method: "POST",
      headers: { Accept: "text/html" },
      body: new URLSearchParams(new FormData(form)),
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const told = page.querySelector("[data-told]");
    if (mine === asked && told) preview.replaceChildren(told);
  } catch {
    // the next time may do better
  }
}

function changed() {
  follow();
  clearTimeout(waiting);
  waiting = setTimeout(tell, AFTER_MS);
}

form.addEventListener("input", changed);
form.addEventListener("click", (event) => {
  const group = event.target.closest(".day");
  if (event.target.closest("[data-adds]")) {
    const row = group.querySelector("template").content.cloneNode(true);
    group.querySelector("[data-none]").before(row);
    changed();
    [...group.querySelectorAll("[data-rows] [data-row]")].at(-1).querySelector("input").focus();
  }
  if (event.target.closest("[data-removes]")) {
    event.target.closest("[data-row]").remove();
    changed();
    group.querySelector("[data-adds]").focus();
  }
});
follow();
