// A short sentence at the edge of the screen, read out by screen readers; it goes by itself.
const SHOWN_MS = 4000;

export function toast(text) {
  const one = document.createElement("p");
  one.className = "toast";
  one.textContent = text;
  document.getElementById("toasts").append(one);
  setTimeout(() => one.remove(), SHOWN_MS);
}
