"use strict";

/** A fresh token of the shop's own back end for whoever is logged in; null for nobody. */
async function fetchToken({ signal }) {
  const answer = await fetch("/token", { method: "POST", signal });
  if (!answer.ok) {
    // The back end has no secret to sign with.
    document.getElementById("waiting").hidden = false;
    throw new Error("The shop gives no token.");
  }
  return (await answer.json()).token;
}

const WORDS = {
  anonymous: "Connected. Nobody has proved who this is.",
  signed_in: "Signed in, with a token that the shop's back end has signed.",
  signed_out: "Signed out.",
  signed_out_elsewhere: "Signed out in another tab.",
  signed_in_elsewhere: "Somebody else has signed in, in another tab.",
  secret_revoked: "Disconnected: the secret behind the token was revoked.",
  signed_out_by_operator: "Disconnected: an operator has signed this person out everywhere.",
  merge_undone: "Disconnected: an operator has split this visitor from another.",
  proof_ended: "The proof has ended; a fresh token is asked for.",
  key_revoked: "Refused: the shop still signs with a secret that was revoked.",
};

/** One more line of what the widget says, newest first. */
function note(text) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  line.append(time, ` ${text}`);
  document.getElementById("told").prepend(line);
}

window.tileDeskAsyncInit = () => {
  tiledesk.on("onAuthStateChanged", ({ detail }) => {
    const name = detail.isLogged ? ` The platform knows ${detail.visitor.name}.` : "";
    note((WORDS[detail.event] ?? detail.event) + name);
    const waiting = document.getElementById("waiting");
    if (detail.isLogged) waiting.hidden = true;
    else if (["secret_revoked", "key_revoked"].includes(detail.event)) waiting.hidden = false;
  });
  tiledesk.on("onConnectionChanged", ({ detail }) => {
    if (detail.state === "waiting") note("Not connected; the widget tries again.");
  });
  tiledesk.signInWithCustomToken(fetchToken);
};
