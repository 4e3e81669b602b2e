// Sends the token without leaving the page, so that no history holds it, and wipes it on leaving.
import { refreshTimes } from "./times.js";
import { toast } from "./toasts.js";

const form = document.querySelector("[data-inspect]");
const result = document.querySelector("[data-result]");
const clear = document.querySelector("[data-clear]");
let asked = 0;

function wipe() {
  asked += 1;
  form.reset();
  form.elements.token.value = "";
  result.replaceChildren();
}

function show(page) {
  const found = page.querySelector("[data-result]");
  if (found) {
    result.replaceChildren(...found.childNodes);
    refreshTimes(result);
    result.focus();
  } else {
    toast(page.querySelector("main p")?.textContent.trim() ?? "It could not be inspected just now.");
  }
}

async function inspect(token) {
  const mine = (asked += 1);
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Accept: "text/html" },
    body: new URLSearchParams({ csrf_token: form.elements.csrf_token.value, token }),
    cache: "no-store",
  });
  if (answer.redirected) location.reload(); // signed out meanwhile
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine === asked) show(page);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await inspect(form.elements.token.value);
  } catch {
    toast("It could not be inspected just now; is there a connection?");
  }
});

clear.hidden = false;
clear.addEventListener("click", () => {
  wipe();
  form.elements.token.focus();
});
addEventListener("pagehide", wipe);
