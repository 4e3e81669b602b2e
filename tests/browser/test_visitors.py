"""Visitors' pages: found, merged and split again, signed out everywhere; each role its own part."""

import re

import pytest
from playwright.sync_api import Page, expect

from domain.ids import ProjectId
from domain.roles import Role
from storage.sql import tables
from tests.browser.busy_days import generate, mint
from tests.browser.checks import check_accessible, check_accessible_in_both, check_fits, tab_to
from tests.browser.conftest import SignInAs
from tests.browser.conversations import sign_in, talk, write
from tests.browser.dashboards import Dashboard
from tests.browser.sockets import connected
from tests.browser.steps import follow

# A page looks again each minute: a session may be bound a moment after its event was seen.
MINUTE_AND_MORE_MS = 90_000


def confirm(page: Page, button: str, then: str) -> None:
    """The button's question is answered with yes."""
    page.get_by_role("button", name=button, exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name=then, exact=True).click()


@pytest.mark.timeout(300)
def test_a_merge_is_seen_and_undone(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """The open page shows it by itself; the absorbed record leads there, until it is undone."""
    token = mint(generate(dashboard, project_id)["secret"], "customer-1815", name="Ada Lovelace")
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    with connected(dashboard, project_id) as phone, connected(dashboard, project_id) as laptop:
        ada = sign_in(phone, token)
        page.goto(f"/projects/{project_id}/visitors/{ada}")
        expect(page.get_by_role("heading", name="Merged records")).to_have_count(0)
        write(laptop, "Before signing in")
        page_of_laptop = page.context.new_page()
        page_of_laptop.goto(f"/projects/{project_id}/inbox")
        follow(page_of_laptop.locator(".conversation a").filter(has_text="Before signing in"))
        absorbed_url = page_of_laptop.url
        draft = page_of_laptop.get_by_label("Your answer")
        draft.fill("A draft")
        sign_in(laptop, token)

        expect(page.get_by_role("heading", name="Merged records")).to_be_visible()
        rows = page.get_by_role("table", name="Live sessions").get_by_role("row")
        expect(rows).to_have_count(3, timeout=MINUTE_AND_MORE_MS)
        # The conversation that an agent had open has become that of the person.
        expect(page_of_laptop.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
        expect(draft).to_have_value("A draft")
        page_of_laptop.goto(absorbed_url.replace("/inbox/", "/visitors/"))
        expect(page_of_laptop).to_have_url(re.compile(ada))
        expect(page_of_laptop.get_by_text("was merged into this one")).to_be_visible()

        confirm(page, "Undo", "Undo the merge")
        expect(page.get_by_text("The merge has been undone.")).to_be_visible()
        for widget in (phone, laptop):
            code, reason = widget.close_reason()
            assert (code, reason["code"]) == (4403, "merge_undone")
    expect(page.get_by_text("undone", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    page.get_by_role("table", name="Merged records").get_by_role("link").click()
    expect(page.get_by_text("Before signing in")).to_be_visible()
    expect(page.get_by_text("never signed in with a token")).to_be_visible()


def test_signing_out_everywhere_closes_every_widget(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """After a question, by keyboard; the mark is grey from then on and says why."""
    token = mint(generate(dashboard, project_id)["secret"], "customer-1815", name="Ada Lovelace")
    with connected(dashboard, project_id) as phone, connected(dashboard, project_id) as laptop:
        ada = sign_in(phone, token)
        sign_in(laptop, token)
        page = sign_in_as(Role.OWNER, project_id)
        page.goto(f"/projects/{project_id}/visitors/{ada}")
        expect(page.get_by_text("Online", exact=True)).to_be_visible()

        tab_to(page, page.get_by_role("button", name="Sign out everywhere"))
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Sign out everywhere?")
        expect(dialog).to_contain_text("2 live sessions")
        tab_to(page, dialog.get_by_role("button", name="Sign out everywhere"))
        page.keyboard.press("Enter")

        expect(page.get_by_text("2 devices have to sign in anew.")).to_be_visible()
        for widget in (phone, laptop):
            code, reason = widget.close_reason()
            assert (code, reason["code"]) == (4403, "signed_out_by_operator")
    mark = page.get_by_role("button", name="No longer verified")
    expect(mark).to_have_accessible_description(
        re.compile(r"then they were signed out everywhere\.$")
    )


def test_an_agent_sees_no_administrators_things(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """Neither buttons that are not theirs, nor device ids, nodes, or how a secret ends."""
    secret = generate(dashboard, project_id)["secret"]
    agent = sign_in_as(Role.AGENT, project_id)
    administrator = sign_in_as(Role.ADMINISTRATOR, project_id)
    token = mint(secret, "customer-1815", name="Ada Lovelace")
    with connected(dashboard, project_id) as phone, connected(dashboard, project_id) as laptop:
        sign_in(phone, token)
        write(laptop, "Before signing in")
        ada = sign_in(laptop, token)
        for page, theirs in ((agent, 0), (administrator, 1)):
            page.goto(f"/projects/{project_id}/visitors/{ada}")
            expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
            expect(page.get_by_role("table", name="Live sessions")).to_be_visible()
            for button in ("Sign out everywhere", "Undo"):
                expect(page.get_by_role("button", name=button, exact=True)).to_have_count(theirs)
            for column in ("Node", "Device"):
                header = page.get_by_role("columnheader", name=column, exact=True)
                expect(header).to_have_count(theirs)
            assert (f"ending in {secret[-4:]}" in page.content()) is bool(theirs)
    expect(agent.get_by_role("navigation", name="Sections").get_by_role("link")).to_have_text(
        [re.compile("Inbox"), re.compile("Visitors")]
    )


def test_visitors_are_found(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """By custom ID, by whether they signed in, by whether they are here now."""
    talk(dashboard, project_id)
    page = sign_in_as(Role.AGENT, project_id)
    rows = (
        page.get_by_role("table", name="Visitors")
        .get_by_role("row")
        .filter(has=page.get_by_role("link"))
    )
    with connected(dashboard, project_id) as widget:
        write(widget, "Here I am")
        page.goto(f"/projects/{project_id}/visitors")
        expect(rows).to_have_count(4)
        page.get_by_label("Signed in").select_option("Has signed in")
        page.get_by_role("button", name="Find").click()
        expect(rows).to_have_count(2)
        page.get_by_label("Custom ID").fill(" customer-1815 ")
        page.get_by_role("button", name="Find").click()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("Ada Lovelace")
        expect(rows.locator("[data-mark=verified]")).to_be_visible()
        page.get_by_label("Online").select_option("Online now")
        page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("heading", name="Nobody found")).to_be_visible()
        page.get_by_role("link", name="All visitors").last.click()
        page.get_by_label("Online").select_option("Online now")
        page.get_by_role("button", name="Find").click()
        expect(rows).to_have_count(1)
        expect(rows.locator("[data-mark]")).to_have_count(0)


def test_visitors_pages_are_for_everybody(
    sign_in_as: SignInAs, dashboard: Dashboard, project_id: ProjectId
) -> None:
    """In both sets of colours and on a small screen; what a visitor says stands apart."""
    ada = talk(dashboard, project_id)
    said = {"name": "The Queen\u202e", "email": "queen@example.com", "<i>": [1]}
    with dashboard.transactor.database.writer.begin() as db:
        own = tables.visitors.c.id == ada
        db.execute(tables.visitors.update().where(own).values(declared=said))
    page = sign_in_as(Role.ADMINISTRATOR, project_id)
    page.goto(f"/projects/{project_id}/visitors")
    expect(page.get_by_role("row").filter(has_text="Ada Lovelace")).to_contain_text("says")
    tab_to(page, page.get_by_role("link", name="Ada Lovelace"))
    expect(page.get_by_role("tooltip").filter(has_text="customer-1815")).to_be_visible()
    check_accessible_in_both(page)
    check_fits(page)
    check_accessible(page)

    page.goto(f"/projects/{project_id}/visitors/{ada}")
    signed = page.locator(".card").filter(has=page.get_by_role("heading", name="Signed by"))
    says = page.locator(".card").filter(has=page.get_by_role("heading", name="What the visitor"))
    expect(signed).to_contain_text("ada@example.com")
    expect(signed).not_to_contain_text("queen")
    expect(says).to_contain_text("queen@example.com")
    expect(says).not_to_contain_text("ada@example.com")
    check_accessible_in_both(page)
    check_fits(page)
    check_accessible(page)
