"""A secret is made, shown one time, and is nowhere again; a regenerate does what it says."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Error, Page, Response, expect

from config.settings import DashboardSettings, load
from domain import rotation_rules
from domain.ids import ProjectId
from domain.roles import Actor, Role
from domain.rotation_dates import AtTime
from domain.sealing import SecretSealer
from services.rotations import apply_generating, load_situation, new_order
from services.transactions import Transaction
from tests.browser.busy_days import generate, mint
from tests.browser.checks import check_accessible, check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.browser.steps import follow
from tests.servers.browser import ARGUMENTS, Watch

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BY_DAY = {day: [["09:00", "18:00"]] for day in DAYS}
SECRET = re.compile(r"[A-Za-z0-9_+/=-]{64}")
LOCAL_TIMES = {
    "2027-03-28T02:30": "Sun 28 Mar 2027, 03:00 (Europe/Rome), that is Sun 28 Mar 2027, 01:00",
    "2027-10-31T02:30": "The clocks show this time twice; the first is meant.",
    "2027-11-01T00:30": "that is Sun 31 Oct 2027, 23:30 UTC.",
}
KEPT = (
    "() => JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href])"
)


def make(page: Page, project_id: ProjectId) -> str:
    """The first secret of a project, as its page shows it."""
    page.goto(f"/projects/{project_id}/authentication")
    page.get_by_role("button", name="Generate the secret").click()
    follow(page.get_by_role("dialog").get_by_role("button", name="Generate"))
    return shown_secret(page)


def shown_secret(page: Page) -> str:
    """What the page shows one time."""
    expect(page.get_by_role("heading", name="The new secret")).to_be_visible()
    page.wait_for_load_state()
    secret = page.locator("#secret").inner_text()
    assert SECRET.fullmatch(secret), secret
    return secret


def ask_to_regenerate(page: Page, project_id: ProjectId) -> None:
    """The dialog is open."""
    page.goto(f"/projects/{project_id}/authentication")
    page.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_secret_is_seen_once_and_is_nowhere_again(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Not in a page, the API, what the browser keeps, its history, nor behind the back button."""
    page = sign_in_as(
        Role.ADMINISTRATOR, project_id, permissions=["clipboard-read", "clipboard-write"]
    )
    page.clock.install()
    bodies: list[str] = []
    secret = make(page, project_id)
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))  # what is told goes by itself
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    page.clock.resume()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert secret not in page.evaluate(KEPT)

    page.on("response", lambda answer: bodies.append(_text(answer)))
    page.reload()
    expect(page.get_by_role("heading", name="Every secret")).to_be_visible()
    _see_nowhere(page, secret)
    page.get_by_role("link", name="Overview").click()
    expect(page).to_have_url(re.compile("/overview$"))
    while page.go_back() and page.url != "about:blank":
        _see_nowhere(page, secret)
    page.goto(f"/projects/{project_id}/authentication")
    for path in ("secrets", "rotations", "audit"):
        told = page.evaluate(
            "path => fetch(path).then(answer => answer.text())",
            f"/api/v1/projects/{project_id}/{path}",
        )
        assert secret not in told
        assert json.loads(told)

    assert not [body for body in bodies if secret in body]
    assert len(generations(dashboard, project_id)) == 1


def _text(answer: Response) -> str:
    try:
        return answer.text()
    except Error:  # redirects have no body
        return ""


def _see_nowhere(page: Page, secret: str) -> None:
    assert secret not in page.content()
    assert secret not in page.evaluate(KEPT)


def generations(dashboard: Dashboard, project_id: ProjectId) -> list[dict[str, object]]:
    """The project's secrets as the API lists them."""
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        items: list[dict[str, object]] = admin.get(f"/projects/{project_id}/secrets").json()[
            "items"
        ]
    return items


@pytest.fixture
def remembering(chromium: Browser) -> Iterator[Browser]:
    """A browser that keeps pages in memory for the back button, as people's browsers do."""
    browser = chromium.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=list(ARGUMENTS),
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield browser
    browser.close()


def test_a_browser_that_keeps_pages_in_memory_keeps_no_secret(
    remembering: Browser, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """The way back leads to the list, or to a page that was wiped before it was kept."""
    context = remembering.new_context(base_url=dashboard.url)
    context.add_cookies([dashboard.cookie(dashboard.member(Role.ADMINISTRATOR, project_id))])
    page = context.new_page()
    secret = make(page, project_id)

    page.get_by_role("link", name="Overview").click()
    expect(page).to_have_url(re.compile("/overview$"))
    page.go_back()

    expect(page.get_by_role("heading", name="Every secret")).to_be_visible()
    _see_nowhere(page, secret)


def test_regenerating_disconnects_and_the_receipt_tells_it(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Impact first, then the button that names it; the widget hears 4401, the anonymous nothing."""
    old = generate(dashboard, project_id)["secret"]
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    with (
        connected(dashboard, project_id) as widget,
        connected(dashboard, project_id) as anonymous,
    ):
        assert widget.sign_in(mint(old))["type"] == "signed_in"
        ask_to_regenerate(page, project_id)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("1 live session signed in with Secret 1")
        expect(dialog).to_contain_text("1 anonymous, never touched")
        expect(dialog).to_contain_text("the one signed-in session is disconnected")
        dialog.get_by_label("Why").fill("A laptop was lost")
        dialog.get_by_role("button", name="Regenerate now").click()
        new = shown_secret(page)

        code, reason = widget.close_reason()
        assert (code, reason["code"]) == (4401, "secret_revoked")
        assert anonymous.sign_in(mint(old))["code"] == "key_revoked"
        assert anonymous.sign_in(mint(new))["type"] == "signed_in"


def test_two_administrators_press_at_once(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """The second is told that somebody was faster, and nothing of theirs is carried out."""
    watch.expect("status of 409")
    generate(dashboard, project_id)
    one, other = (sign_in_as(Role.ADMINISTRATOR, project_id) for _ in range(2))
    for page in (one, other):
        ask_to_regenerate(page, project_id)

    one.get_by_role("dialog").get_by_role("button", name="Regenerate now").click()
    shown_secret(one)
    other.get_by_role("dialog").get_by_role("button", name="Regenerate now").click()

    expect(other.get_by_role("heading", name="Somebody was faster")).to_be_visible()
    check_accessible(other)
    other.get_by_role("link", name="Look at the secrets").click()
    expect(other.get_by_role("heading", name="Every secret")).to_be_visible()
    assert len(generations(dashboard, project_id)) == 2


def test_a_rotation_by_keyboard_for_the_next_off_hours(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Tab, arrows and Enter are enough; the secret before goes on until then."""
    generate(dashboard, project_id)
    set_hours(dashboard, project_id, BY_DAY)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/authentication")

    tab_to(page, page.get_by_role("button", name="Regenerate"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("radio", name=re.compile("^Now")))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", name="Off-hours to come")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Plan for off-hours"))
    page.keyboard.press("Enter")

    shown_secret(page)
    expect(page.get_by_text("The previous secret goes on verifying until")).to_be_visible()
    tab_to(page, page.get_by_role("link", name="I have stored it"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="retiring")).to_have_count(1)


def test_a_second_plan_is_told_of_the_first_and_may_replace_it(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """The dialog stays with what was entered, and offers to replace."""
    watch.expect("status of 409")
    generate(dashboard, project_id)
    set_hours(dashboard, project_id, BY_DAY)
    generate(dashboard, project_id, retire_previous="off_hours")
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    ask_to_regenerate(page, project_id)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("In the next off-hours").check()
    dialog.get_by_label("Why").fill("Once more")

    dialog.get_by_role("button", name="Plan for off-hours").click()
    expect(dialog.get_by_text("Nothing was changed yet.")).to_be_visible()
    expect(dialog.get_by_label("Why")).to_have_value("Once more")
    dialog.get_by_label("Replace the rotation that is under way").check()
    dialog.get_by_role("button", name="Plan for off-hours").click()

    shown_secret(page)
    assert len(generations(dashboard, project_id)) == 3


def test_a_waiting_secret_is_revealed_one_time(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId, watch: Watch
) -> None:
    """Of two who look at the list the second is told that it was shown already."""
    watch.expect("status of 410")
    generate(dashboard, project_id)
    let_policy_make_one(dashboard, project_id)
    one, other = (sign_in_as(Role.ADMINISTRATOR, project_id) for _ in range(2))
    for page in (one, other):
        page.goto(f"/projects/{project_id}/authentication")
        page.get_by_role("button", name="Reveal it").click()

    one.get_by_role("dialog").get_by_role("button", name="Reveal it now").click()
    secret = shown_secret(one)
    other.get_by_role("dialog").get_by_role("button", name="Reveal it now").click()

    expect(other.get_by_text("A secret is shown one time only")).to_be_visible()
    with connected(dashboard, project_id) as widget:
        assert widget.sign_in(mint(secret))["type"] == "signed_in"


def let_policy_make_one(dashboard: Dashboard, project_id: ProjectId) -> None:
    """A new secret waits, as the rotation policy makes it."""
    sealer = SecretSealer(load(DashboardSettings, dashboard.system.environ).sealing_keys)
    policy = Actor("policy")

    def use_case(transaction: Transaction) -> None:
        situation = load_situation(transaction, project_id)
        order = new_order(transaction, policy, "by policy")
        when = AtTime(transaction.now + timedelta(days=7))
        plan = rotation_rules.schedule_by_policy(situation, order, when)
        apply_generating(transaction, sealer, situation, plan, policy)

    dashboard.transactor.run(use_case)


def test_off_hours_over_midnight_and_a_change_of_clocks_are_shown(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """In local time and UTC; a night in which clocks change is marked."""
    generate(dashboard, project_id)
    set_hours(dashboard, project_id, {"sun": [["06:00", "05:00"]]})
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        coming = admin.get(f"/projects/{project_id}/off_hours?count=3").json()["items"]
    ask_to_regenerate(page, project_id)

    page.get_by_label("In the next off-hours").check()

    rows = page.get_by_role("dialog").get_by_role("listitem").filter(has_text="UTC")
    expect(rows).to_have_count(3)
    for row, stretch in zip(rows.all(), coming, strict=True):
        start = datetime.fromisoformat(stretch["local_start"])
        expect(row).to_contain_text(f"{start:%a} {start.day} {start:%b, %H:%M}")
        assert ("clocks change" in row.inner_text()) is stretch["dst_shift"]


def test_a_local_time_is_told_in_utc_as_it_is_typed(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Also where the clocks skip it, or show it twice, or it is another day."""
    generate(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    ask_to_regenerate(page, project_id)
    page.get_by_label("At a time").check()

    for local_time, told in LOCAL_TIMES.items():
        page.get_by_label("The present secret ends on").fill(local_time)
        expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text(told)


def test_without_hours_there_are_no_off_hours_to_choose(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """The choice says why it cannot be taken."""
    generate(dashboard, project_id)
    page = sign_in_as(Role.ADMINISTRATOR, project_id)

    ask_to_regenerate(page, project_id)

    expect(page.get_by_label("In the next off-hours")).to_be_disabled()
    expect(page.get_by_text("Chat is never offline by your operating hours")).to_be_visible()


def test_an_operator_sees_no_secrets(
    sign_in_as: SignInAs, project_id: ProjectId, watch: Watch
) -> None:
    """Neither the section nor its page."""
    watch.expect("status of 403")
    page = sign_in_as(Role.OPERATOR, project_id)

    page.goto(f"/projects/{project_id}/authentication")

    expect(page.get_by_role("heading", name="This is not yours to do")).to_be_visible()
    page.goto(f"/projects/{project_id}/overview")
    expect(page.get_by_role("link", name="Visitor authentication")).to_have_count(0)


def test_the_pages_are_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """No serious finding in either set of colours, and no scrolling sideways on a small screen."""
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    make(page, project_id)
    check_accessible_in_both(page)
    check_fits(page)
    set_hours(dashboard, project_id, BY_DAY)

    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"/projects/{project_id}/authentication")
    check_accessible_in_both(page)
    page.get_by_role("button", name="Regenerate").click()
    page.get_by_label("In the next off-hours").check()
    check_accessible_in_both(page)
    check_fits(page)
    check_accessible(page)
    page.reload()
    sections = page.get_by_role("navigation", name="Sections")
    present = sections.get_by_role("link", name="Visitor authentication")
    expect(present).to_be_in_viewport(ratio=0.9)


def set_hours(
    dashboard: Dashboard, project_id: ProjectId, weekly: dict[str, list[list[str]]]
) -> None:
    """Chat is open then, in Europe/Rome."""
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        answer = admin.patch(
            f"/projects/{project_id}", json={"operating_hours": {"weekly": weekly}}
        )
    assert answer.status_code == 200, answer.text
