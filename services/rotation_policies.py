"""Policies: a new secret is made every so many days and waits until somebody has it shown."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from domain import rotation_rules
from domain.errors import Invalid, ProjectBusy, StorageUnavailable
from domain.ids import ProjectId
from domain.project_settings import SettingsChanged
from domain.roles import Actor
from domain.rotation_dates import AtTime, OffHours, When
from domain.rotation_plans import Situation
from domain.rotation_transitions import Phase
from domain.signing_secrets import SecretState
from services.busy_projects import SWEEP_SECONDS
from services.faults import told
from services.rotations import apply_generating, new_order, situation_of
from services.stores import Stores
from services.transactions import Transaction
from storage.sql import projects, rotation_policies
from storage.sql.engine import now_of
from storage.sql.rotation_policies import RotationPolicy

log = structlog.get_logger(__name__)

MOST_DAYS = 3650
AT_ONCE = 100
# From a new secret to its cut: to have it shown, to deploy it, to see it used.
GRACE = timedelta(days=7)

_LOOK_AGAIN = timedelta(days=1)
_POLICY = Actor("policy")


def read_policy(db: Connection, project_id: ProjectId) -> RotationPolicy | None:
    """The project's policy, if it has one.

    Raises:
        ProjectNotFound: there is no such project.
    """
    projects.get_project(db, project_id)
    return rotation_policies.find_policy(db, project_id)


def version_of_policy(policy: RotationPolicy | None) -> str:
    """Text that is the same as long as the policy asks for the same."""
    return str(policy.every_days) if policy else ""


def set_policy(
    transaction: Transaction,
    project_id: ProjectId,
    every_days: int | None,
    actor: Actor,
    *,
    seen: str | None = None,
) -> RotationPolicy | None:
    """A new secret is made once the active one is so many days old; None: only when asked for.

    Args:
        transaction: begins with this.
        project_id: whose policy it is.
        every_days: how many days, or None.
        actor: who says so.
        seen: the version of the policy that they decided by; any will do where it is not given.

    Raises:
        ProjectNotFound: there is no such project.
        Invalid: the number is not usable.
        SettingsChanged: the policy is no longer what they saw, nor what it is to be.
    """
    if every_days is not None and not 1 <= every_days <= MOST_DAYS:
        raise Invalid(f"every_days: give 1 to {MOST_DAYS}")
    project = projects.lock_project(transaction.db, project_id)
    before = rotation_policies.find_policy(transaction.db, project_id)
    is_so = every_days == (before and before.every_days)
    if not is_so and seen not in (None, version_of_policy(before)):
        raise SettingsChanged
    situation = situation_of(transaction, project)
    policy = RotationPolicy(every_days, _next_look(every_days, situation)) if every_days else None
    rotation_policies.store_policy(transaction.db, project_id, policy)
    transaction.audit(actor, "rotation.policy_set", project_id, {"every_days": every_days})
    return policy


def begin_anew(transaction: Transaction, project_id: ProjectId) -> None:
    """The project's policy, if it has one, makes no secret before its days have passed once more.

    Args:
        transaction: holds the project's lock.
        project_id: somebody has cancelled what its policy made.
    """
    policy = rotation_policies.find_policy(transaction.db, project_id)
    if policy:
        due_at = transaction.now + timedelta(days=policy.every_days)
        rotation_policies.store_policy(transaction.db, project_id, replace(policy, due_at=due_at))


def run_due_policies(stores: Stores) -> int:
    """Every project whose policy was due has its waiting secret, or another date to look.

    Returns:
        How many were looked at.

    Raises:
        StorageUnavailable: the database does not answer; what is due stays due.
    """
    looked_at, after = 0, ""
    while due := _list_due(stores, after):
        for project_id in due:
            _try_to_run(stores, project_id)
        looked_at, after = looked_at + len(due), due[-1]
    return looked_at


def _list_due(stores: Stores, after: str) -> list[ProjectId]:
    with stores.database.reading() as db:
        return rotation_policies.list_due_policies(db, now_of(db), after=after, limit=AT_ONCE)


def _try_to_run(stores: Stores, project_id: ProjectId) -> None:
    try:
        stores.transactor.run_for_project(
            project_id, partial(_run, stores, project_id), lock_seconds=SWEEP_SECONDS
        )
    except ProjectBusy:
        log.warning("policy_left_to_sweep", project_id=project_id)
    except StorageUnavailable:
        raise  # the others would fare alike
    except Exception as error:  # noqa: BLE001 - one project's fault is not another's
        log.error("policy_not_run", project_id=project_id, **told(error))  # noqa: TRY400


def _run(stores: Stores, project_id: ProjectId, transaction: Transaction) -> None:
    project = projects.lock_project(transaction.db, project_id)
    policy = rotation_policies.find_policy(transaction.db, project_id)
    if policy is None or policy.due_at > transaction.now:
        return  # another runner was first
    situation = situation_of(transaction, project)
    next_look = _next_look(policy.every_days, situation)
    is_due = next_look <= transaction.now
    if is_due and situation.phase is Phase.STEADY:
        _schedule(stores, transaction, situation)
    after = transaction.now + _LOOK_AGAIN if is_due else next_look
    changed = RotationPolicy(policy.every_days, after)
    rotation_policies.store_policy(transaction.db, project_id, changed)


def _schedule(stores: Stores, transaction: Transaction, situation: Situation) -> None:
    order = new_order(transaction, _POLICY, "by policy")
    plan = rotation_rules.schedule_by_policy(situation, order, _when(situation))
    apply_generating(transaction, stores.sealer, situation, plan, _POLICY)
    log.info("secret_waits", project_id=situation.project_id, key_id=order.key_id)


def _next_look(every_days: int, situation: Situation) -> datetime:
    """When the active secret is that old; a day from now where there is none yet."""
    active = situation.find(SecretState.ACTIVE)
    if active is None:
        return situation.now + _LOOK_AGAIN
    return active.created_at + timedelta(days=every_days)


def _when(situation: Situation) -> When:
    """The first off-hours after the grace; where there are none, its end."""
    earliest = situation.now + GRACE
    if situation.calendar.next_stretch(earliest, 0) is None:
        return AtTime(earliest)
    return OffHours(not_before=earliest)
