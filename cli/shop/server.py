"""The shop over HTTP: its pages, log in and out, a token for whoever is logged in, its back office.

Small on purpose: the standard library's server, and one file as a database.
"""

import json
import threading
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Final
from urllib.parse import parse_qs, urlsplit

from cli.shop import pages
from cli.shop.configuration import SecretRefused, ShopConfiguration
from cli.shop.people import COOKIE, CUSTOMERS, Customer, cookie_for, find_customer, token_for

LOOPBACK: Final = "127.0.0.1"
_MOST_BYTES: Final = 4096
_HTML: Final = "text/html"
_TOOK: Final = "The new secret is in use. Every widget gets its next token signed with it."


class Shop:
    """What all requests share. The file is read anew when it is wanted, as it may be replaced."""

    def __init__(self, path: Path, gateway: str, port: int) -> None:
        self.path = path
        self.gateway = gateway
        self.hosts = {f"{name}:{port}" for name in ("localhost", LOOPBACK)}
        self._turn = threading.Lock()

    @property
    def configuration(self) -> ShopConfiguration:
        """What the shop's file says now."""
        return ShopConfiguration.read(self.path) or ShopConfiguration("")

    def paste(self, secret: str) -> None:
        """The shop signs with this secret from now on.

        Raises:
            SecretRefused: it is none.
        """
        with self._turn:
            self.configuration.with_secret(secret).write(self.path)

    @property
    def policy(self) -> str:
        """Which other origin the pages may reach: the gateway, and nobody else."""
        socket = self.gateway.replace("http", "ws", 1)
        return (
            f"default-src 'none'; script-src 'self' {self.gateway}; style-src 'self';"
            f" img-src 'self'; connect-src 'self' {self.gateway} {socket};"
            " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )


class ShopServer(ThreadingHTTPServer):
    """Serves one shop on the loopback address."""

    daemon_threads = True

    def __init__(self, shop: Shop, port: int) -> None:
        self.shop = shop
        super().__init__((LOOPBACK, port), _Request)

    def server_bind(self) -> None:
        """It listens, without asking the network what this machine is called."""
        TCPServer.server_bind(self)


class _Request(BaseHTTPRequestHandler):
    server: ShopServer
    protocol_version = "HTTP/1.1"
    server_version = "shop"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        """A page, or a file of one."""
        path, shop = urlsplit(self.path).path, self.server.shop
        if not self._is_ours():
            self._say(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "Another host was asked for.")
        elif path == "/":
            self._say(HTTPStatus.OK, _HTML, pages.shop_page(self._customer(), shop.gateway))
        elif path == "/back-office":
            self._back_office()
        elif path == "/settings.js":
            script = pages.settings_script(shop.configuration, shop.gateway)
            self._say(HTTPStatus.OK, "text/javascript", script)
        elif path in pages.FILES:
            kind, body = pages.FILES[path]
            self._say(HTTPStatus.OK, kind, body.decode())
        else:
            self._say(HTTPStatus.NOT_FOUND, "text/plain", "There is no such page.")

    def do_POST(self) -> None:
        """Something of the shop's own pages was sent; nobody else's page may."""
        fields = self._read_fields()
        acts = {
            "/log-in": self._log_in,
            "/log-out": self._log_out,
            "/token": self._give_token,
            "/back-office": self._paste,
        }
        act = acts.get(urlsplit(self.path).path)
        if fields is None or not self._is_ours() or self._is_from_elsewhere():
            self._say(HTTPStatus.FORBIDDEN, "text/plain", "Only this shop's own pages may do that.")
        elif act is None:
            self._say(HTTPStatus.NOT_FOUND, "text/plain", "There is no such page.")
        else:
            act(fields)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the base class's name
        """A demo needs no access log."""

    def _log_in(self, fields: dict[str, str]) -> None:
        customer = CUSTOMERS.get(fields.get("customer", ""))
        key = self.server.shop.configuration.cookie_key
        self._go_to("/", cookie=cookie_for(customer, key) if customer else "")

    def _log_out(self, _: dict[str, str]) -> None:
        self._go_to("/", cookie="")

    def _give_token(self, _: dict[str, str]) -> None:
        """Null where nobody is logged in, which signs the visitor out of the chat too."""
        customer, secret = self._customer(), self.server.shop.configuration.secret
        if customer and not secret:
            self._say(HTTPStatus.SERVICE_UNAVAILABLE, "application/json", '{"token":null}')
            return
        token = token_for(customer, secret) if customer else None
        self._say(HTTPStatus.OK, "application/json", json.dumps({"token": token}))

    def _paste(self, fields: dict[str, str]) -> None:
        try:
            self.server.shop.paste(fields.get("secret", ""))
        except SecretRefused:
            self._back_office(SecretRefused.__doc__ or "", HTTPStatus.UNPROCESSABLE_ENTITY)
        else:
            self._back_office(_TOOK)

    def _back_office(self, said: str = "", status: HTTPStatus = HTTPStatus.OK) -> None:
        shop = self.server.shop
        self._say(status, _HTML, pages.back_office_page(shop.configuration, shop.gateway, said))

    def _customer(self) -> Customer | None:
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return None
        if COOKIE not in cookies:
            return None
        return find_customer(cookies[COOKIE].value, self.server.shop.configuration.cookie_key)

    def _is_ours(self) -> bool:
        """Whether the host asked for is this machine's: no other name may lead here."""
        return self.headers.get("Host") in self.server.shop.hosts

    def _is_from_elsewhere(self) -> bool:
        origin = self.headers.get("Origin")
        return origin is not None and urlsplit(origin).netloc != self.headers.get("Host")

    def _read_fields(self) -> dict[str, str] | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self.close_connection = True
            return None
        body = self.rfile.read(int(length)).decode(errors="replace")
        return {name: values[0] for name, values in parse_qs(body).items()}

    def _go_to(self, path: str, cookie: str) -> None:
        age = 86_400 if cookie else 0
        kept = f"{COOKIE}={cookie}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax"
        self._say(HTTPStatus.SEE_OTHER, "text/plain", "", {"Location": path, "Set-Cookie": kept})

    def _say(
        self, status: HTTPStatus, kind: str, text: str, more: dict[str, str] | None = None
    ) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": self.server.shop.policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            **(more or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
