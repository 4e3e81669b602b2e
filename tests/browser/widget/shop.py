"""A shop on an origin of its own: pages with the widget, and the back end that signs tokens."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.acceptance.sites import Site

Answer = tuple[int, str]

# What the page does is in a script of its own, for its policy forbids any that is not a file.
_PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,">
<h1>Shop</h1><p><a href="/elsewhere">Another page</a></p>
<script src="/page.js?{query}"></script><script src="{gateway}/widget/tiledesk.js"></script>
</html>
"""

_SCRIPT = """\
window.heard = [];
window.tokenAsked = [];
window.tiledeskSettings = {settings};
{before}
window.fetchToken = async ({{reason, signal}}) => {{
  tokenAsked.push(reason);
  const answer = await fetch("/token", {{signal, method: "POST"}});
  if (!answer.ok) throw new Error("the shop gives no token");
  return (await answer.json()).token;
}};
window.tileDeskAsyncInit = () => {{
  for (const type of ["onAuthStateChanged", "onTokenNeeded", "onConnectionChanged", "onMessage"])
    tiledesk.on(type, ({{detail}}) => heard.push({{type, ...detail}}));
  {then}
}};
"""

# One of our own origin is all that the widget needs besides: no inline script or style.
_POLICY = (
    "default-src 'none'; script-src 'self' {gateway}; connect-src 'self' {gateway} {socket};"
    " img-src data:; base-uri 'none'; require-trusted-types-for 'script'"
)


@dataclass
class Shop:
    """What its back end does when it is asked for a token, and what its pages do first."""

    site: Site
    gateway: str
    url: str = ""
    logged_in: str | None = "ada"
    before: str = ""
    then: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    asked: int = 0
    answer_token: Callable[["Shop"], Answer] = lambda shop: shop.fresh_token()

    def fresh_token(self, **claims: object) -> Answer:
        """A good token for whoever is logged in; null for nobody."""
        who = self.logged_in
        unique = secrets.token_hex(4)  # or two of one second would be the same
        token = who and self.site.token(who, name=who.capitalize(), jti=unique, **claims)
        return HTTPStatus.OK, json.dumps({"token": token})

    def page(self) -> str:
        """The shop's only page."""
        return _PAGE.format(gateway=self.gateway, query=time.monotonic_ns())

    def script(self) -> str:
        """What the page does before the widget comes."""
        settings = {
            "projectid": self.site.project_id,
            "longestPauseSeconds": 1,
            **self.settings,
        }
        return _SCRIPT.format(settings=json.dumps(settings), before=self.before, then=self.then)

    def policy(self) -> str:
        """The page's content security policy."""
        socket = self.gateway.replace("http", "ws", 1)
        return _POLICY.format(gateway=self.gateway, socket=socket)


@contextmanager
def open_shop(site: Site, gateway: str) -> Iterator[Shop]:
    """The shop is open, on a free port."""
    shop = Shop(site, gateway)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if urlsplit(self.path).path == "/page.js":
                self._answer(HTTPStatus.OK, "text/javascript", shop.script())
            else:
                self._answer(HTTPStatus.OK, "text/html", shop.page())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            shop.asked += 1
            status, body = shop.answer_token(shop)
            self._answer(status, "application/json", body)

        def _answer(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", shop.policy())
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shop.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield shop
        server.shutdown()
        thread.join()
