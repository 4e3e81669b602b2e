"""Pictures of the pages for the documentation: `python -m tests.browser.screenshots [NAME …]`."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from domain.ids import ProjectId
from domain.roles import Role
from tests.acceptance.processes import ROOT
from tests.browser.busy_days import act_in, live_through_a_day, mint, plan_a_rotation
from tests.browser.conversations import talk
from tests.browser.crews import staff
from tests.browser.dashboards import Dashboard, OnePortSystem, open_dashboard
from tests.servers.browser import ARGUMENTS
from tests.servers.redis import RedisServer
from tests.servers.runs import begin_run, end_run

FOLDER = ROOT / "docs" / "images"
DESKTOP = (1280, 800)
PHONE = (320, 640)

Theme = Literal["light", "dark"]


def _nothing(_dashboard: Dashboard, _project_id: ProjectId) -> None:
    """The project is shown as it is made."""


def _as_it_is(_page: Page) -> None:
    """The page is shown as it loads."""


def inspect_a_bad_token(page: Page) -> None:
    """One that has expired, for somebody else, signed with nobody's secret."""
    issued = int(time.time()) - 3600
    token = mint("s" * 64, lifetime=-3300, iat=issued, name="Ada Lovelace", aud="another-site")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Inspect").click()
    page.get_by_role("heading", name="Checks").wait_for()
    page.evaluate("scrollTo(0, 0)")


def ask_to_regenerate(page: Page) -> None:
    """Before anything is done, one sees what it would do."""
    page.get_by_role("button", name="Regenerate").click()
    off_hours = page.get_by_label("In the next off-hours")
    if off_hours.is_enabled():
        off_hours.check()


def open_the_rotation(page: Page) -> None:
    """The one under way."""
    page.get_by_role("link", name="Run, move or cancel it").click()
    page.get_by_role("heading", name="So far").wait_for()


def open_the_receipt(page: Page) -> None:
    """Of the latest."""
    page.get_by_role("link", name="Receipt").first.click()
    page.get_by_role("heading", name="Receipt").wait_for()


def generate(page: Page) -> None:
    """The secret, this one time; pictures are for everybody, so another text stands there."""
    page.get_by_role("button", name="Generate the secret").click()
    page.get_by_role("dialog").get_by_role("button", name="Generate").click()
    page.get_by_role("heading", name="The new secret").wait_for()
    example = "here-stand-the-64-characters-of-the-secret-for-this-one-time-only"
    page.locator("#secret").evaluate("(element, text) => element.textContent = text", example)


def have_talked(dashboard: Dashboard, project_id: ProjectId) -> None:
    """Three conversations, one with somebody whose key was revoked since."""
    talk(dashboard, project_id)


def open_adas_conversation(page: Page) -> None:
    """With what her mark says."""
    page.get_by_role("link").filter(has_text="Ada Lovelace").click()
    mark = page.get_by_role("button", name="Verified")
    mark.wait_for()
    mark.focus()


def open_blaises_conversation(page: Page) -> None:
    """Whose key was revoked."""
    page.get_by_role("link").filter(has_text="Blaise Pascal").click()
    page.get_by_role("heading", name="Blaise Pascal").wait_for()


def open_adas_page(page: Page) -> None:
    """From the list of visitors."""
    page.get_by_role("link", name="Ada Lovelace").click()
    page.get_by_role("heading", name="Merged records").wait_for()


def send_invitation(page: Page) -> None:
    """The link, this one time."""
    page.get_by_label("E-mail address").fill("grace@example.com")
    page.get_by_label("Operator").check()
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("heading", name="The invitation").wait_for()


def open_invitation(page: Page) -> None:
    """As whoever was sent the link sees it."""
    page.get_by_role("link", name="Riverside Books").last.click()
    page.goto(f"{page.url.rpartition('/')[0]}/members")
    send_invitation(page)
    link = page.locator("#secret").inner_text()
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("heading", name="Join").wait_for()


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    Attributes:
        name: of the file, without `.png`.
        path: of the page; may hold `{project_id}`.
        role: of who looks; nobody signed in by default.
        viewport: width and height.
        theme: of the colours.
        prepare: what is to be there, in the new project that every picture has.
        act: what is done on the page before.
    """

    name: str
    path: str
    role: Role | None = None
    viewport: tuple[int, int] = DESKTOP
    theme: Theme = "light"
    prepare: Callable[[Dashboard, ProjectId], None] = _nothing
    act: Callable[[Page], None] = _as_it_is


SHOTS = (
    Shot(
        "overview",
        "/projects/{project_id}/overview",
        Role.OPERATOR,
        (1280, 1100),
        prepare=live_through_a_day,
    ),
    Shot(
        "overview-dark-phone",
        "/projects/{project_id}/overview",
        Role.ADMINISTRATOR,
        PHONE,
        "dark",
        prepare=live_through_a_day,
    ),
    Shot("overview-first-steps", "/projects/{project_id}/overview", Role.ADMINISTRATOR),
    Shot(
        "inspector",
        "/projects/{project_id}/inspector",
        Role.ADMINISTRATOR,
        (1280, 1100),
        prepare=live_through_a_day,
        act=inspect_a_bad_token,
    ),
    Shot(
        "authentication",
        "/projects/{project_id}/authentication",
        Role.ADMINISTRATOR,
        (1280, 1000),
        prepare=plan_a_rotation,
    ),
    Shot(
        "regenerate",
        "/projects/{project_id}/authentication",
        Role.ADMINISTRATOR,
        (1280, 1000),
        prepare=plan_a_rotation,
        act=ask_to_regenerate,
    ),
    Shot(
        "regenerate-dark-phone",
        "/projects/{project_id}/authentication",
        Role.ADMINISTRATOR,
        PHONE,
        "dark",
        prepare=live_through_a_day,
        act=ask_to_regenerate,
    ),
    Shot(
        "rotations",
        "/projects/{project_id}/rotations",
        Role.OPERATOR,
        prepare=plan_a_rotation,
    ),
    Shot(
        "rotation",
        "/projects/{project_id}/rotations",
        Role.OPERATOR,
        (1280, 1000),
        prepare=plan_a_rotation,
        act=open_the_rotation,
    ),
    Shot(
        "receipt-dark-phone",
        "/projects/{project_id}/rotations",
        Role.OPERATOR,
        PHONE,
        "dark",
        prepare=live_through_a_day,
        act=open_the_receipt,
    ),
    Shot(
        "hours",
        "/projects/{project_id}/hours",
        Role.ADMINISTRATOR,
        (1280, 1400),
        prepare=plan_a_rotation,
    ),
    Shot(
        "hours-dark-phone",
        "/projects/{project_id}/hours",
        Role.ADMINISTRATOR,
        (320, 1400),
        "dark",
        prepare=plan_a_rotation,
    ),
    Shot(
        "settings",
        "/projects/{project_id}/settings",
        Role.ADMINISTRATOR,
        (1280, 1400),
        prepare=plan_a_rotation,
    ),
    Shot("secret-once", "/projects/{project_id}/authentication", Role.ADMINISTRATOR, act=generate),
    Shot("audit", "/projects/{project_id}/audit", Role.ADMINISTRATOR, prepare=act_in),
    Shot(
        "inbox",
        "/projects/{project_id}/inbox",
        Role.ADMINISTRATOR,
        prepare=have_talked,
        act=open_adas_conversation,
    ),
    Shot(
        "inbox-dark-phone",
        "/projects/{project_id}/inbox",
        Role.AGENT,
        PHONE,
        "dark",
        prepare=have_talked,
        act=open_blaises_conversation,
    ),
    Shot("visitors", "/projects/{project_id}/visitors", Role.AGENT, prepare=have_talked),
    Shot(
        "visitor",
        "/projects/{project_id}/visitors",
        Role.ADMINISTRATOR,
        (1280, 980),
        prepare=have_talked,
        act=open_adas_page,
    ),
    Shot(
        "people", "/projects/{project_id}/members", Role.ADMINISTRATOR, (1280, 1000), prepare=staff
    ),
    Shot(
        "people-dark-phone",
        "/projects/{project_id}/members",
        Role.ADMINISTRATOR,
        PHONE,
        "dark",
        prepare=staff,
    ),
    Shot("invitation-dark-phone", "/", Role.OWNER, PHONE, "dark", act=open_invitation),
    Shot(
        "api-keys",
        "/projects/{project_id}/api-keys",
        Role.ADMINISTRATOR,
        (1280, 1000),
        prepare=staff,
    ),
    Shot("sign-in", "/sign-in"),
    Shot("sign-in-dark-phone", "/sign-in", viewport=PHONE, theme="dark"),
    Shot("projects", "/", Role.OWNER),
    Shot("account", "/account", Role.ADMINISTRATOR),
    Shot("account-dark-phone", "/account", Role.ADMINISTRATOR, PHONE, "dark"),
)


def main(names: list[str]) -> int:
    """The pictures of these names, or all, are in `docs/images`."""
    path = shutil.which("chromium")
    if path is None:
        sys.stderr.write("no chromium on PATH (Debian: apt-get install chromium)\n")
        return 1
    begin_run(first_process=True)
    redis = RedisServer()
    redis.start()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            OnePortSystem(redis.url, Path(folder)) as system,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
            _take_all(open_dashboard(system), browser, names)
            browser.close()
    finally:
        redis.stop()
        end_run(first_process=True)
    return 0


def _take_all(dashboard: Dashboard, browser: Browser, names: list[str]) -> None:
    with closing(dashboard.transactor.database):
        for shot in SHOTS:
            if not names or shot.name in names:
                _take(dashboard, browser, shot)
                sys.stdout.write(f"docs/images/{shot.name}.png\n")


def _take(dashboard: Dashboard, browser: Browser, shot: Shot) -> None:
    width, height = shot.viewport
    project_id = dashboard.project()
    shot.prepare(dashboard, project_id)
    context = browser.new_context(
        base_url=dashboard.url,
        viewport={"width": width, "height": height},
        color_scheme=shot.theme,
        device_scale_factor=2,
        reduced_motion="reduce",
    )
    if shot.role:
        member = dashboard.member(shot.role, project_id, f"ada+{shot.name}@example.com")
        context.add_cookies([dashboard.cookie(member)])
    page = context.new_page()
    page.goto(shot.path.format(project_id=project_id))
    page.wait_for_load_state("load")
    shot.act(page)
    page.screenshot(path=FOLDER / f"{shot.name}.png")
    context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
