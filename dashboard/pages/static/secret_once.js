// Lets nothing of a secret stay behind: not in the page once it is left, not behind the back button.
const shown = document.querySelector("[data-once-shown]");
const secret = document.getElementById("secret");

// The page is an answer to a form. From here on its entry in the history is the list of secrets,
// so that going back or loading it again sends nothing a second time.
history.replaceState(null, "", shown.dataset.back);

function wipe() {
  secret.textContent = "";
  getSelection()?.removeAllRanges();
}

addEventListener("pagehide", wipe);
// A browser that kept the page in memory shows it wiped; what belongs here is the list.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.replace(shown.dataset.back);
});
