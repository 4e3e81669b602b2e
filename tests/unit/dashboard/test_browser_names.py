"""Browsers are called what people call them."""

import pytest

from dashboard.pages.browser_names import browser_name

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("Chrome on Linux", f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36"),
        ("Edge on Windows", f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/140.0"),
        ("Chrome on Android", f"Mozilla/5.0 (Linux; Android 15) {CHROME} Mobile Safari/537.36"),
        ("Firefox on a Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) Firefox/140.0"),
        ("Safari on an iPhone", "Mozilla/5.0 (iPhone; like Mac OS X) Version/18.0 Safari/604.1"),
        ("Firefox", "Firefox/1.0"),
        ("curl/8.10", "curl/8.10"),
        ("An unknown browser", ""),
        ("An unknown browser", None),
    ],
)
def test_a_browser_is_called_by_its_name_and_system(name: str, agent: str | None) -> None:
    """Also where it claims to be others; a program that is none keeps its own words."""
    assert browser_name(agent) == name
