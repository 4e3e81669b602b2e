"""What every page is held to: accessible, usable by keyboard, and no wider than the screen."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

_GRAVE = {"serious", "critical"}
_EVERYTHING = {"resultTypes": ["violations"]}  # what is well need not be listed: half the time
_OF_COLOURS = ["color-contrast", "link-in-text-block"]
_COLOURS = {**_EVERYTHING, "runOnly": {"type": "rule", "values": _OF_COLOURS}}
# As many steps as any page of ours takes from its top to its end.
_MOST_STEPS = 120


def check_accessible(page: Page) -> None:
    """Axe finds nothing serious or critical on the page as it stands, contrast included."""
    _check(page, _EVERYTHING)


def check_colours(page: Page) -> None:
    """Axe finds nothing of the kind in the colours as they are."""
    _check(page, _COLOURS)


def _check(page: Page, options: dict[str, Any]) -> None:
    page.wait_for_load_state()  # what was clicked may have led here
    found: list[dict[str, Any]] = Axe().run(page, options=options).response["violations"]
    grave = [
        f"{each['id']}: {each['help']}: {[node['html'] for node in each['nodes']]}"
        for each in found
        if each["impact"] in _GRAVE
    ]
    assert grave == []


def check_accessible_in_both(page: Page) -> None:
    """The same in light colours, and what depends on colours in dark ones."""
    page.emulate_media(reduced_motion="reduce")  # colours fade; axe would see them half-way
    for theme, check in (("light", check_accessible), ("dark", check_colours)):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        check(page)


def check_fits(page: Page, width: int = 320) -> None:
    """On a screen of that width nothing has to be scrolled sideways."""
    height = (page.viewport_size or {"height": 800})["height"]
    page.set_viewport_size({"width": width, "height": height})
    inside = page.evaluate("document.documentElement.scrollWidth")
    assert inside <= width, f"the page is {inside} pixels wide"


def tab_to(page: Page, target: Locator) -> None:
    """The target has the focus, reached by the Tab key alone, and one sees that it has.

    Keys that come next are heard: the page's scripts have been run.
    """
    page.wait_for_load_state()
    for _ in range(_MOST_STEPS):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            expect(target).to_be_in_viewport()
            outline = target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", "nobody sees where the focus is"
            return
    raise AssertionError(f"the Tab key does not lead to {target}")
