// A form that asks for a date shows what belongs to the choice, names it on its button, and tells
// what a local time comes to.
function follow(form) {
  const chosen = form.querySelector("input[name=when]:checked");
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(chosen?.value);
  }
  const time = form.querySelector("#local_time");
  if (time) time.required = chosen?.value === "at";
  const submit = form.querySelector("button[type=submit]");
  if (!chosen) return;
  submit.querySelector("span").textContent = chosen.dataset.says;
  submit.classList.toggle("button-danger", chosen.dataset.kind === "danger");
  submit.classList.toggle("button-primary", chosen.dataset.kind !== "danger");
}

let asked = 0;

async function preview(field) {
  const mine = (asked += 1);
  const told = field.closest("form").querySelector("[data-moment]");
  if (!field.value) {
    told.textContent = "";
    return;
  }
  const query = new URLSearchParams({ local_time: field.value });
  try {
    const answer = await fetch(`${field.dataset.previews}?${query}`, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine === asked) told.textContent = page.querySelector("[data-told]")?.textContent ?? "";
  } catch {
    told.textContent = "";
  }
}

for (const choices of document.querySelectorAll("[data-choices]")) {
  const form = choices.closest("form");
  choices.addEventListener("change", () => follow(form));
  follow(form);
}
for (const field of document.querySelectorAll("[data-previews]")) {
  field.addEventListener("input", () => preview(field));
  preview(field);
}
// What was refused is shown where it can be put right.
document.querySelector("[data-reopen]")?.closest("dialog")?.showModal();
