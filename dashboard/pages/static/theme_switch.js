// The choice of colours, kept in this browser.
const NAME = "widget-auth.theme";
const switches = document.querySelectorAll("[data-theme-choice]");

function chosen() {
  try {
    return localStorage.getItem(NAME) ?? "system";
  } catch {
    return "system";
  }
}

function choose(theme) {
  try {
    if (theme === "system") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, theme);
  } catch {
    // forbidden: the choice holds for no longer than this click
  }
  dispatchEvent(new Event("themechosen"));
  show();
}

function show() {
  for (const each of switches) {
    each.setAttribute("aria-pressed", String(each.dataset.themeChoice === chosen()));
  }
}

for (const each of switches) {
  each.addEventListener("click", () => choose(each.dataset.themeChoice));
}
addEventListener("storage", show);
show();
