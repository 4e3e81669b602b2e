"""A project that several people look after, for pictures."""

from domain.ids import ProjectId
from domain.roles import Actor, Role
from services.api_keys import create_api_key, revoke_api_key
from services.invitations import invite
from tests.browser.dashboards import Dashboard


def staff(dashboard: Dashboard, project_id: ProjectId) -> None:
    """There are members of each role, somebody who is invited, and keys, one of them revoked."""
    run = dashboard.transactor.run
    head = dashboard.member(Role.ADMINISTRATOR, project_id, "mary@riverside-books.example")
    dashboard.cookie(head)
    dashboard.cookie(dashboard.member(Role.AGENT, project_id, "alan@riverside-books.example"))
    dashboard.member(Role.OPERATOR, project_id, "katherine@riverside-books.example")
    mary = Actor(f"member:{head.id}")
    run(lambda t: invite(t, project_id, "grace@riverside-books.example", Role.AGENT, mary))
    old = run(lambda t: create_api_key(t, project_id, "Old report", Role.OPERATOR, mary))
    run(lambda t: revoke_api_key(t, project_id, old.stored.id, mary))
    for name, role in (("Nightly report", Role.OPERATOR), ("Deployment", Role.ADMINISTRATOR)):
        run(lambda t, name=name, role=role: create_api_key(t, project_id, name, role, mary))
