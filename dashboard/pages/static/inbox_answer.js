// An answer is sent without leaving the page; what cannot be sent stays in its field.
import { ask } from "./api.js";

const NAME = "widget-auth-agents-name";

/** The form sends to the API; `sent()` is called after each answer. */
export function answerIn(form, sent) {
  const { text, name } = form.elements;
  const fault = form.querySelector("[data-fault]");
  const button = form.querySelector("button");
  let busy = false;

  keepName(name);

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
      await sent();
    } catch (error) {
      tell(`It was not sent. ${error.code ? error.message : "The dashboard does not answer."}`);
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

/** The name that the agent chose last, in this browser. */
function keepName(name) {
  try {
    name.value = localStorage.getItem(NAME) ?? name.value;
    name.addEventListener("change", () => localStorage.setItem(NAME, name.value.trim()));
  } catch {
    // Blocked: the name stands as the page gave it.
  }
}
