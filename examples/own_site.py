"""A website of your own, as small as one can be: two people can log in, and the chat knows them.

    PROJECT=<project id> WIDGET_SECRET=<shared secret> python examples/own_site.py

It serves http://127.0.0.1:8500 (SITE_PORT) and embeds the widget of http://127.0.0.1:8400
(GATEWAY). Uses the standard library only. A real site has passwords; this one believes you.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROJECT = os.environ["PROJECT"]
SECRET = os.environ["WIDGET_SECRET"]
GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:8400")
PORT = int(os.environ.get("SITE_PORT", "8500"))
PEOPLE = {"ada": "Ada Lovelace", "grace": "Grace Hopper"}

logged_in: dict[str, str] = {}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>My site</title>
<style>body{font:1rem/1.5 system-ui;margin:3rem auto;max-width:32rem;padding:0 1rem}</style>
<h1>My site</h1>
<p>Hello, %(name)s.</p>
<form method="post" action="/%(action)s">%(buttons)s</form>
<p>The chat says: <output id="chat">not connected</output></p>
<script>
  window.tiledeskSettings = {projectid: "%(project)s"};
  window.tileDeskAsyncInit = () => {
    tiledesk.on("onAuthStateChanged", ({detail}) => {
      chat.value = detail.isLogged ? "signed in as " + detail.visitor.name : "anonymous";
    });
    tiledesk.signInWithCustomToken(async () => {
      const answer = await fetch("/widget-token", {method: "POST"});
      return (await answer.json()).token;
    }).catch(() => { chat.value = "anonymous"; });
  };
</script>
<script async src="%(gateway)s/widget/tiledesk.js"></script>
</html>"""


def sign(person: str) -> str:
    """A token about that person, which can be presented for five minutes."""
    now = int(time.time())
    claims = {"external_id": person, "name": PEOPLE[person], "iat": now, "exp": now + 300}
    signed = _part(json.dumps({"alg": "HS256", "typ": "JWT"})) + "." + _part(json.dumps(claims))
    return signed + "." + _part(hmac.digest(SECRET.encode(), signed.encode(), hashlib.sha256))


def _part(content: str | bytes) -> str:
    content = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Site(BaseHTTPRequestHandler):
    """Whoever has a cookie of ours is the person that it was given to."""

    def do_GET(self) -> None:
        """The page, for whoever looks at it."""
        name = PEOPLE.get(self._person() or "", "stranger")
        buttons = "".join(f'<button name="as" value="{p}">Log in as {p}</button> ' for p in PEOPLE)
        filled = {
            "name": name,
            "project": PROJECT,
            "gateway": GATEWAY,
            "action": "logout" if self._person() else "login",
            "buttons": "<button>Log out</button>" if self._person() else buttons,
        }
        self._answer(200, "text/html; charset=utf-8", PAGE % filled)

    def do_POST(self) -> None:
        """Log in, log out, or a token about whoever is logged in."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/widget-token":
            person = self._person()
            token = json.dumps({"token": sign(person) if person else None})
            self._answer(200, "application/json", token)
            return
        visit = secrets.token_urlsafe(16)
        if self.path == "/login" and body.removeprefix("as=") in PEOPLE:
            logged_in[visit] = body.removeprefix("as=")
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Set-Cookie", f"visit={visit}; HttpOnly; SameSite=Strict; Path=/")
        self.end_headers()

    def _person(self) -> str | None:
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("visit")
        return logged_in.get(cookie.value) if cookie else None

    def _answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


if __name__ == "__main__":
    print(f"my site is at http://127.0.0.1:{PORT}", flush=True)
    with ThreadingHTTPServer(("127.0.0.1", PORT), Site) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("my site is gone")
