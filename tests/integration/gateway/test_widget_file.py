"""The browser SDK as the gateway serves it: to any page, compressed, and only when it changed."""

import gzip
import urllib.request
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import pytest

from gateway.widget_files import PATH
from tests.integration.gateway.running import RunningGateway
from tests.waiting import SECONDS

SDK = Path(__file__).parents[3] / "widget" / "tiledesk.js"
MOST_BYTES = 12_000


def _fetch(
    gateway: RunningGateway, method: str = "GET", **headers: str
) -> tuple[int, Message, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{gateway.port}{PATH}"
    request = urllib.request.Request(url, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - our own
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_a_page_of_any_origin_may_load_the_sdk(gateway: RunningGateway) -> None:
    """As a script of its type, readable across origins, and kept for a while."""
    status, headers, body = _fetch(gateway, Origin="https://shop.example")

    assert status == 200
    assert body == SDK.read_bytes()
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"].startswith("public, max-age=")
    assert headers["Vary"] == "accept-encoding"


def test_it_travels_compressed_and_is_small(gateway: RunningGateway) -> None:
    """At most 12 KB, for whoever takes gzip; the others get it as it is."""
    status, headers, body = _fetch(gateway, Accept_Encoding="br;q=1, gzip")

    assert status == 200
    assert headers["Content-Encoding"] == "gzip"
    assert len(body) <= MOST_BYTES
    assert gzip.decompress(body) == SDK.read_bytes()
    _, plain, _ = _fetch(gateway, Accept_Encoding="gzip;q=0")
    assert plain["Content-Encoding"] is None
    assert plain["ETag"] != headers["ETag"]


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_an_unchanged_file_is_not_sent_again(gateway: RunningGateway, coding: str) -> None:
    """The tag of either coding is answered 304, whether weakened on the way or one of several."""
    _, headers, _ = _fetch(gateway, Accept_Encoding=coding)
    tag = headers["ETag"]

    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        status, again, body = _fetch(gateway, Accept_Encoding=coding, If_None_Match=known)
        assert (status, body) == (304, b"")
        assert again["ETag"] == tag
        assert again["Cache-Control"] == headers["Cache-Control"]
    assert _fetch(gateway, Accept_Encoding=coding, If_None_Match='"another"')[0] == 200


def test_a_head_request_gets_the_headers_alone(gateway: RunningGateway) -> None:
    """And whatever would change the file is refused."""
    status, headers, body = _fetch(gateway, "HEAD")

    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == str(SDK.stat().st_size)
    status, headers, _ = _fetch(gateway, "POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
