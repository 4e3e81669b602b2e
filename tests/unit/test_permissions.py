"""One table decides who may do what."""

import pytest

from domain.permissions import PERMISSIONS, Action, is_allowed, may_grant
from domain.roles import Role


def test_every_action_stands_in_the_table() -> None:
    """An action without a row could not be decided."""
    assert set(PERMISSIONS) == set(Action)


@pytest.mark.parametrize("action", Action)
def test_an_owner_may_do_everything(action: Action) -> None:
    """Nothing is closed to the one who runs the installation."""
    assert is_allowed(Role.OWNER, action)


def test_only_an_owner_makes_projects() -> None:
    """An administrator's rights end with the project."""
    assert PERMISSIONS[Action.PROJECTS_CREATE] == {Role.OWNER}


@pytest.mark.parametrize(
    "action", [Action.SECRETS_CREATE, Action.SECRETS_LIST, Action.SECRETS_REVEAL]
)
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AGENT])
def test_operators_and_agents_see_no_secrets(role: Role, action: Action) -> None:
    """Secrets are for administrators."""
    assert not is_allowed(role, action)


def test_agents_read_visitors_and_nothing_else() -> None:
    """Whoever only talks with visitors sees visitors, without their devices' ids.

    And their own account, and the project's first page.
    """
    allowed = {action for action in Action if is_allowed(Role.AGENT, action)}

    assert allowed == {
        Action.ACCOUNT_READ,
        Action.ACCOUNT_CHANGE,
        Action.PROJECTS_OPEN,
        Action.VISITORS_LIST,
        Action.VISITORS_READ,
        Action.MESSAGES_LIST,
        Action.MESSAGES_SEND,
        Action.CONVERSATIONS_LIST,
    }


@pytest.mark.parametrize(
    ("granter", "roles"),
    [
        (Role.OWNER, set(Role)),
        (Role.ADMINISTRATOR, {Role.ADMINISTRATOR, Role.OPERATOR, Role.AGENT}),
        (Role.AGENT, {Role.AGENT}),
    ],
)
def test_nobody_grants_more_than_they_have(granter: Role, roles: set[Role]) -> None:
    """No role that is wider than one's own."""
    assert {role for role in Role if may_grant(granter, role)} == roles


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.AGENT])
def test_people_and_api_keys_are_for_administrators(role: Role) -> None:
    """Nobody else sees who there is, adds, removes, or makes a key."""
    about = ("members.", "invitations.", "api_keys.")
    concerned = [action for action in Action if action.startswith(about)]

    assert len(concerned) == 8
    assert not [action for action in concerned if is_allowed(role, action)]
