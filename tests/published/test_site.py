"""The documentation as a site: it builds without a warning, hangs together, and loads nothing."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page as BrowserPage

from scripts.website import environment, navigation, other_files, state_diagrams
from tests.documents import ROOT

BUILD_SECONDS = 100
SEARCH_SECONDS = 40
# In addresses that are names and not places to load from.
_NAMES = ("http://www.w3.org/", "https://www.w3.org/")


class ReadPage(HTMLParser):
    """One page: what it links to, what it loads, and the anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag refers to."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in {"canonical", "prev", "next"}:
            self.loads.append(given.get("href", ""))
        elif "src" in given:
            self.loads.append(given["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site's folder."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, ReadPage]:
    """Every page."""
    return {path: ReadPage(path.read_text()) for path in site.rglob("*.html")}


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_link_leads_somewhere(pages: dict[Path, ReadPage]) -> None:
    """To a page or file of the site, and to an anchor that is on it."""
    broken = [
        (path.name, link)
        for path, page in pages.items()
        for link in page.links + page.loads
        if not _leads_somewhere(path, link, pages)
    ]

    assert broken == []


def _leads_somewhere(path: Path, link: str, pages: dict[Path, ReadPage]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or path.name == "404.html":
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if parts.fragment and target in pages:
        return unquote(parts.fragment) in pages[target].anchors | {"__tabbed", "__skip"}
    return target.exists()


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, ReadPage]) -> None:
    """No page, style or script names another host to load from."""
    for path, page in pages.items():
        assert [each for each in page.loads if urlsplit(each).netloc] == [], path
    for path in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", path.read_text()) == []
    for path in site.rglob("*.js"):
        hosts = re.findall(
            r"(?:src|href|import|fetch)[^\n]{0,40}?(https?://[^\"'`\s)]+)", path.read_text()
        )
        assert [each for each in hosts if not each.startswith(_NAMES)] == [], path
        assert not re.search(r"unpkg\.com/\w|jsdelivr|cdnjs|googleapis", path.read_text()), path


@pytest.mark.parametrize("width", [1280, 320])
def test_pages_in_a_browser(address: str, page: BrowserPage, width: int) -> None:
    """No page complains, asks another host, or is wider than the screen."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 800})
    for path in ("index", "quick-start", "rotations", "concepts/epochs", "reference/http-api"):
        page.goto(f"{address}/{path}.html")
        assert page.locator("h1").first.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path

    assert {urlsplit(url).netloc for url in asked if url.startswith("http")} == {
        urlsplit(address).netloc
    }


def test_the_search_finds(address: str, page: BrowserPage) -> None:
    """Offline, with the index that is part of the site."""
    page.goto(f"{address}/index.html")
    field = page.get_by_role("textbox", name="Search").first
    found = page.locator(".md-search-result__link").first

    deadline = time.monotonic() + SEARCH_SECONDS
    while not found.is_visible():  # what is typed before the script listens is lost
        assert time.monotonic() < deadline
        field.fill("")
        field.press_sequentially("epoch")
        page.wait_for_timeout(300)


def test_every_page_has_its_place() -> None:
    """Those that are named, those that are not, and the decisions."""
    found = navigation.of(["index.md", "decisions/0001-a.md", "new.md", "architecture.md"])

    assert found == [
        {"Start": ["index.md"]},
        {"More": ["new.md"]},
        {"Architecture": ["architecture.md", {"Decisions": ["decisions/0001-a.md"]}]},
    ]


def test_every_setting_is_explained() -> None:
    """In the reference, by what stands under it in the code."""
    fields = {name for each in environment._PROCESSES.values() for name in each.model_fields}

    assert {name for name, said in environment.sayings().items() if said} == fields


def test_the_readme_is_told_once() -> None:
    """The quick start takes its part over, with links that hold."""
    text = (ROOT / "docs" / "quick-start.md").read_text()
    told = other_files.take_over(text, ROOT, "quick-start.md")

    assert ".venv/bin/widget-auth token mint" in told
    assert "](docs/" not in told


def test_a_state_diagram_is_drawn() -> None:
    """Every state and every transition of it."""
    drawn = state_diagrams.draw_all(
        "```mermaid\nstateDiagram-v2\n    [*] --> a: begin\n    a --> b: go\n    b --> a: back\n```"
    )

    assert "mermaid" not in drawn
    assert drawn.count('class="state"') == 2
    assert drawn.count('class="arc"') == 3
