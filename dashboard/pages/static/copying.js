// Buttons that copy the text of another element.
import { toast } from "./toasts.js";

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not allowed, or the page is not served over TLS
  }
}

function select(element) {
  if ("select" in element) element.select();
  else getSelection().selectAllChildren(element);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  const done = await copyText(source.value ?? source.textContent.trim());
  if (!done) select(source);
  toast(done ? "Copied." : "Press Ctrl+C to copy what is selected.");
});
