"""The demo shop's back end, asked over HTTP as its own pages and as others would."""

import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest

from cli.development.ports import is_free
from cli.development.shop import choose_shop_port, kept_shop
from cli.shop.configuration import ShopConfiguration
from cli.shop.server import Shop, ShopServer
from tests.servers.ports import free_port
from tests.waiting import SECONDS

SECRET, NEXT = "s" * 64, "n" * 64
GATEWAY = "http://127.0.0.1:1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The shop's file, in which there is a secret."""
    path = tmp_path / "shop.json"
    ShopConfiguration("a-project", SECRET).write(path)
    return path


@pytest.fixture
def browser(path: Path) -> Iterator[httpx.Client]:
    """A browser at the shop."""
    port = free_port()
    with ShopServer(Shop(path, GATEWAY, port), port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=SECONDS) as client:
            yield client
        server.shutdown()
        thread.join()


def _log_in(browser: httpx.Client) -> None:
    assert browser.post("/log-in", data={"customer": "customer-1815"}).status_code == 303


def test_a_token_says_who_is_logged_in(browser: httpx.Client) -> None:
    """Signed with the shop's secret, and good for two minutes; null for nobody."""
    assert browser.post("/token").json() == {"token": None}
    _log_in(browser)
    assert "Logged in as <b>Ada Lovelace</b>" in browser.get("/").text

    claims = jwt.decode(browser.post("/token").json()["token"], SECRET, ["HS256"])

    assert claims["external_id"] == "customer-1815"
    assert claims["name"] == "Ada Lovelace"
    assert claims["exp"] - claims["iat"] == 120
    assert browser.post("/log-out").status_code == 303
    assert browser.post("/token").json() == {"token": None}


def test_a_pasted_secret_is_used_from_then_on(browser: httpx.Client, path: Path) -> None:
    """It is kept for the shop alone, and no page ever shows it."""
    _log_in(browser)
    answer = browser.post("/back-office", data={"secret": f" {NEXT}\n"})

    assert answer.status_code == 200
    jwt.decode(browser.post("/token").json()["token"], NEXT, ["HS256"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for page in ("/", "/back-office", "/settings.js"):
        assert NEXT not in browser.get(page).text
    assert "<code>nnnn</code>" in browser.get("/back-office").text


def test_what_is_no_secret_changes_nothing(browser: httpx.Client, path: Path) -> None:
    """It is told so; without any secret the shop gives no token."""
    before = path.read_text()
    for wrong in ("", "short", "s" * 63 + "!", "s" * 65):
        assert browser.post("/back-office", data={"secret": wrong}).status_code == 422
    assert path.read_text() == before
    ShopConfiguration("a-project").write(path)
    _log_in(browser)
    assert browser.post("/token").status_code == 503
    assert "There is none yet." in browser.get("/back-office").text


def test_other_sites_get_nothing(browser: httpx.Client) -> None:
    """Neither by a form of theirs, nor by a name of theirs that leads here; cookies are signed."""
    _log_in(browser)
    for path in ("/token", "/back-office", "/log-out"):
        assert browser.post(path, headers={"Origin": "https://evil.example"}).status_code == 403
        assert browser.post(path, headers={"Origin": "null"}).status_code == 403
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert browser.post("/token", headers={"Host": "evil.example"}).status_code == 403
    assert browser.post("/back-office", content=b"x" * 5000).status_code == 403
    browser.cookies.clear()
    for forged in ("customer-1815.", "customer-1815." + "0" * 64, "customer-1815", "\u00fc.x"):
        headers = {"Cookie": f"demo_shop_customer={forged}".encode()}
        assert browser.post("/token", headers=headers).json() == {"token": None}


def test_it_takes_the_port_after_the_systems_if_that_is_free() -> None:
    """Else any other, so that several systems run beside each other."""
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        chosen = choose_shop_port(taken - 1)

    assert chosen != taken
    assert is_free(chosen)
    assert choose_shop_port(taken - 1) == taken
    assert "WIDGET_AUTH" not in str(kept_shop(Path(), chosen, GATEWAY).environment)


def test_its_pages_load_from_nowhere_else(browser: httpx.Client) -> None:
    """But the widget, from the gateway's origin; and what they load is there."""
    page = browser.get("/")
    assert GATEWAY in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for name in ("/shop.css", "/shop.js", "/mark.svg", "/lamp.svg", "/kettle.svg", "/chair.svg"):
        assert browser.get(name).status_code == 200
        assert f'"{name}"' in page.text
    assert browser.get("/../server.py").status_code == 404
    assert browser.post("/elsewhere").status_code == 404
