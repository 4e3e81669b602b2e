// Makes a part of a page look like a fresh copy of it, and leaves alone what is the same already:
// the focus, what is selected, how far a list is scrolled, and what somebody is typing stay.
const OWN = "textarea, input:not([type=hidden]), select, [data-still]"; // the reader's

/** `old` comes to look like `fresh`; elements with a `data-key` are found again wherever they are. */
export function morph(old, fresh) {
  if (old.matches(OWN) || sameTime(old, fresh)) return;
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

function sameTime(old, fresh) {
  return old.matches("time[data-relative]") && old.dateTime === fresh.dateTime;
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isOurs(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

/** What scripts and the reader have set: dialogs that are open, `data-own-…`. */
function isOurs(element, name) {
  return (name === "open" && element.matches("dialog, details")) || name.startsWith("data-own-");
}

function morphChildren(old, fresh) {
  const keyed = new Map([...old.children].filter((e) => e.dataset.key).map((e) => [e.dataset.key, e]));
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const known = keyed.get(wanted.dataset?.key);
    const match = known ?? (alike(at, wanted) ? at : null);
    if (!match) {
      old.insertBefore(wanted, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    if (match.nodeType === Node.ELEMENT_NODE) morph(match, wanted);
    else if (match.data !== wanted.data) match.data = wanted.data;
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function alike(old, fresh) {
  return old?.nodeName === fresh.nodeName && !old.dataset?.key && !fresh.dataset?.key && old.id === fresh.id;
}
