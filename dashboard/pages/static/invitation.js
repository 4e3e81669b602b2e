// What an invitation's link holds stands behind its `#`, which browsers send to no server. It is
// taken out of the address at once, and handed over in the body of a form, which no log keeps.
const form = document.querySelector("[data-invitation]");

function begin() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  document.querySelector("[data-opening]").hidden = !token;
  document.querySelector("[data-not-whole]").hidden = Boolean(token);
  if (!token) return;
  form.elements.token.value = token;
  form.submit();
  form.reset();
}

addEventListener("hashchange", begin); // another link, pasted into this very page
begin();
