"""Projects: created and changed; gateway nodes hear of it at once."""

from collections.abc import Mapping

import structlog

from domain.cards import Limits
from domain.errors import StorageUnavailable
from domain.ids import ProjectId
from domain.json_values import Json
from domain.project_settings import SettingsChanged, name_changes, version_of
from domain.projects import Project, change, check_name, check_time_zone
from domain.roles import Actor, Role
from domain.rotation_rules import move_with_hours
from domain.tokens.policy import TokenPolicy
from services.api_keys import IssuedApiKey, issue_api_key
from services.publish_cards import tell_card
from services.rotations import apply_plan, situation_of
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import projects

log = structlog.get_logger(__name__)

_HOURS = frozenset({"operating_hours", "time_zone"})
_FIRST_KEY = "made with the project"


def create_project(stores: Stores, name: str, time_zone: str, actor: Actor) -> Project:
    """The project exists, with the default policy and no secret yet.

    Raises:
        Invalid: the name or the time zone is not usable.
    """
    project = stores.transactor.run(lambda t: _create(t, name, time_zone, actor), urgent=True)
    _tell_nodes(stores, project.id)
    return project


def create_project_with_key(
    stores: Stores, name: str, time_zone: str, actor: Actor
) -> tuple[Project, IssuedApiKey]:
    """As `create_project`, and in the same commit an administrator's API key of it exists.

    Raises:
        Invalid: the name or the time zone is not usable.
    """

    def use_case(transaction: Transaction) -> tuple[Project, IssuedApiKey]:
        project = _create(transaction, name, time_zone, actor)
        role = Role.ADMINISTRATOR
        return project, issue_api_key(transaction, project.id, _FIRST_KEY, role, actor)

    project, key = stores.transactor.run(use_case, urgent=True)
    _tell_nodes(stores, project.id)
    return project, key


def change_project(
    stores: Stores,
    project_id: ProjectId,
    changes: Mapping[str, Json],
    actor: Actor,
    *,
    seen: str | None = None,
) -> Project:
    """The project has these settings; members that are not given stay as they are.

    With the operating hours or the zone the date of a pending rotation for off-hours moves, unless
    it is pinned.

    Args:
        changes: any of name, time_zone, operating_hours, token_policy, allowed_origins, limits.
        seen: the version of these members that the caller decided by; any will do where not given.

    Raises:
        Invalid: naming the member that is unknown or not usable.
        ProjectNotFound: there is no such project.
        SettingsChanged: the members are no longer what the caller saw, nor what they are to be.
    """

    def use_case(transaction: Transaction) -> Project:
        before = projects.lock_project(transaction.db, project_id)
        after = change(before, changes)
        if after != before and seen not in (None, version_of(before, changes)):
            raise SettingsChanged
        projects.update_project(transaction.db, after, transaction.now)
        members: list[Json] = [*name_changes(before, after, changes)]
        transaction.audit(actor, "project.changed", project_id, {"members": members})
        if _HOURS & changes.keys():
            _follow_hours(transaction, after, actor)
        return after

    project = stores.transactor.run(use_case, urgent=True)
    _tell_nodes(stores, project_id)
    return project


def _create(transaction: Transaction, name: str, time_zone: str, actor: Actor) -> Project:
    project = Project(
        id=ProjectId(transaction.new_id()),
        name=check_name(name),
        time_zone=check_time_zone(time_zone),
        operating_hours=None,
        token_policy=TokenPolicy.of_preset("default"),
        allowed_origins=(),
        limits=Limits(),
        epoch=1,
        revision=1,
        created_at=transaction.now,
    )
    projects.insert_project(transaction.db, project)
    transaction.audit(actor, "project.created", project.id, {"name": project.name})
    return project


def _follow_hours(transaction: Transaction, project: Project, actor: Actor) -> None:
    situation = situation_of(transaction, project)
    apply_plan(transaction, situation, move_with_hours(situation), actor)


def _tell_nodes(stores: Stores, project_id: ProjectId) -> None:
    try:
        tell_card(stores, project_id)
    except StorageUnavailable:
        log.warning("card_left_to_sweep", project_id=project_id)
