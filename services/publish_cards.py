"""Project cards: the copy of SQL that gateway nodes read."""

import secrets
from datetime import timedelta
from functools import partial

import structlog

from domain.errors import ProjectBusy
from domain.ids import ProjectId
from domain.projects import Project
from services.busy_projects import SWEEP_SECONDS
from services.halting import halt_if_behind
from services.stores import Stores
from services.transactions import Transaction
from storage.redis import assertions, leases, persons, publications, signals
from storage.redis.client import identify
from storage.redis.keys import PERSONS_SECONDS
from storage.redis.persons import MERGE_UNDONE, SIGNED_OUT, PersonEpoch
from storage.redis.stored_cards import CardVersion
from storage.sql import projects, signing_out
from storage.sql.engine import now_of
from storage.sql.signing_out import RaisedPerson

log = structlog.get_logger(__name__)

RECENT = timedelta(hours=1)
PERSONS_KEPT = timedelta(seconds=PERSONS_SECONDS)
AT_ONCE = 500
ATTEMPTS = 3


def publish_card(stores: Stores, project_id: ProjectId, *, after_loss: bool = False) -> bool:
    """Redis holds the project's card as SQL has it now, or that there is no such project.

    Persons whose sessions were ended stand there before the card does.

    The SQL read begins after the publication, so a copy read before Redis lost its data can never
    seed it (decision 0003). An epoch that is ahead of SQL stays so, and the project is halted;
    settings that are ahead of SQL were lost there, and what SQL says instead overtakes them
    (decision 0009).

    Args:
        after_loss: whether the card may be a stale copy, and persons beside it missing.

    Returns:
        False where Redis kept losing the publication; the sweep tries again.
    """
    for _ in range(ATTEMPTS):
        seed = publications.begin_publication(stores.redis, project_id, secrets.token_hex(8))
        held = publications.read_versions(stores.redis, [project_id])[project_id]
        with stores.database.reading() as db:
            project = projects.find_project(db, project_id)
            is_known = held.epoch is not None and not after_loss
            since = now_of(db) - (RECENT if is_known else PERSONS_KEPT)
            raised = signing_out.list_raised_persons(db, project_id, since)
        if project is None:
            published = publications.publish_unknown(stores.redis, project_id, seed)
        else:
            # Before the card: where it stands, nobody's sign-out is missing (decision 0008).
            persons.raise_persons(stores.redis, project_id, map(person_epoch_of, raised))
            published = publications.publish(stores.redis, project.card(), seed)
            published &= _settle_loss(stores, project, held)
        if published:
            return True
    log.warning("card_not_published", project_id=project_id)
    return False


def _settle_loss(stores: Stores, project: Project, held: CardVersion) -> bool:
    """Whether the card that was published stands; what SQL has lost has its consequence.

    An epoch ahead of SQL halts the project, a revision ahead of it is overtaken: the card is to be
    published once more.

    Args:
        held: read before the project was.
    """
    if not project.is_halted and (held.epoch or 0) > project.epoch:
        halt_if_behind(stores, project.id)
    if held.revision is None or held.revision <= project.revision:
        return True
    log.warning("card_ahead_of_sql", project_id=project.id, revision=held.revision)
    overtake = partial(_overtake, project_id=project.id, revision=held.revision)
    try:
        stores.transactor.run_for_project(project.id, overtake, lock_seconds=SWEEP_SECONDS)
    except ProjectBusy:
        log.warning("card_left_to_sweep", project_id=project.id)
    return False


def _overtake(transaction: Transaction, *, project_id: ProjectId, revision: int) -> None:
    projects.lock_project(transaction.db, project_id)
    projects.raise_revision(transaction.db, project_id, revision, transaction.now)


def person_epoch_of(person: RaisedPerson) -> PersonEpoch:
    """The person's epoch as nodes are told of it, and why it was raised last."""
    reason = SIGNED_OUT if person.by_operator else MERGE_UNDONE
    return PersonEpoch(person.visitor_id, person.person_epoch, reason)


def tell_card(stores: Stores, project_id: ProjectId) -> bool:
    """As `publish_card`, and every living node has been told to read it."""
    published = publish_card(stores, project_id)
    signal = {"type": "card", "project_id": project_id}
    signals.send_to_all(stores.redis, leases.list_living(stores.redis), signal)
    return published


def publish_recent_cards(stores: Stores) -> int:
    """The cards of projects that changed in the last hour stand in Redis as SQL has them.

    Part of every sweep: it repairs an epoch that a failover rolled back. Where nothing differs, and
    nobody was signed out lately, nothing is written: a sweep of many projects stays short, and what
    else its worker has to do is not late.

    Returns:
        How many were published.
    """
    with stores.database.reading() as db:
        since = now_of(db) - RECENT
        recent = projects.list_projects_changed_since(db, since, AT_ONCE)
        raised = signing_out.list_projects_of_raised(db, [p.id for p in recent], since)
    held = publications.read_versions(stores.redis, [project.id for project in recent])
    due = [p.id for p in recent if p.id in raised or _differs(p, held[p.id])]
    return sum(publish_card(stores, project_id) for project_id in due)


def _differs(project: Project, held: CardVersion) -> bool:
    return (held.epoch, held.revision) != (project.epoch, project.revision)


def assert_cards_after_loss(stores: Stores, at_once: int = AT_ONCE) -> int:
    """Where another server serves than before, or another history, every card is being asserted.

    A restart from an old snapshot or a failover to a stale copy may have taken back any epoch and
    any setting. Part of every sweep; a sweep asserts so many and the next goes on from there.

    Returns:
        How many were asserted.
    """
    server = identify(stores.redis)
    noted = assertions.read_assertion(stores.redis)
    if noted and noted.server == server and noted.after is None:
        return 0
    after = noted.after if noted and noted.server == server and noted.after else ProjectId("")
    with stores.database.reading() as db:
        found = projects.list_projects(db, limit=at_once, after=after)
    for project in found:
        publish_card(stores, project.id, after_loss=True)
    last = found[-1].id if len(found) == at_once else None
    assertions.note_assertion(stores.redis, assertions.Assertion(server, last))
    log.warning("cards_asserted_after_loss", cards=len(found), is_complete=last is None)
    return len(found)
