// An answer is sent without leaving the page; what cannot be sent stays in its field.
import { ask } from "./api.js";

const NAME = "widget-auth-agents-name:";
const UNSURE = "It may not have been sent: look at the conversation before you send it again.";

/** The form sends to the API; `show()` is called whenever an answer more may be in the thread. */
export function answerIn(form, show) {
  const { text, name } = form.elements;
  const fault = form.querySelector("[data-fault]");
  const button = form.querySelector("button");
  let busy = false;

  keepName(name, NAME + form.dataset.author);

  function tell(message) {
    fault.textContent = message;
    fault.parentElement.hidden = !message;
    text.setAttribute("aria-invalid", String(Boolean(message)));
  }

  async function send() {
    const words = text.value.trim();
    if (!words || busy) return;
    busy = true;
    button.setAttribute("aria-disabled", "true");
    try {
      await ask("POST", form.dataset.answer, { text: words, name: name.value.trim() || null });
      text.value = "";
      tell("");
      await show();
    } catch (error) {
      // Without an answer of the dashboard's own, or with one that it failed, nobody knows.
      const isRefused = error.code && error.status < 500;
      tell(isRefused ? `It was not sent. ${error.message}` : UNSURE);
      if (!isRefused) await show();
    } finally {
      busy = false;
      button.removeAttribute("aria-disabled");
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
}

/** The name that the agent chose last, in this browser: each account has its own. */
function keepName(name, key) {
  try {
    name.value = localStorage.getItem(key) || name.value;
  } catch {
    return; // blocked: the name stands as the page gave it
  }
  name.addEventListener("change", () => {
    const chosen = name.value.trim();
    name.value = chosen || name.defaultValue;
    try {
      if (chosen) localStorage.setItem(key, chosen);
      else localStorage.removeItem(key);
    } catch {
      // Full: it is known until the page is left.
    }
  });
}
