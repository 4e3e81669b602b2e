"""Project cards: the copy of SQL that gateway nodes read."""

import secrets
from datetime import timedelta

import structlog

from domain.ids import ProjectId
from services.stores import Stores
from storage.redis import leases, persons, publications, signals
from storage.redis.keys import PERSONS_SECONDS
from storage.redis.persons import MERGE_UNDONE, SIGNED_OUT, PersonEpoch
from storage.sql import projects, signing_out
from storage.sql.engine import now_of
from storage.sql.signing_out import RaisedPerson

log = structlog.get_logger(__name__)

RECENT = timedelta(hours=1)
PERSONS_KEPT = timedelta(seconds=PERSONS_SECONDS)
AT_ONCE = 500
ATTEMPTS = 3


def publish_card(stores: Stores, project_id: ProjectId) -> bool:
    """Redis holds the project's card as SQL has it now, or that there is no such project.

    Persons whose sessions were ended stand there before the card does.

    The SQL read begins after the publication, so a copy read before Redis lost its data can never
    seed it (decision 0003).

    Returns:
        False where Redis kept losing the publication; the sweep tries again.
    """
    for _ in range(ATTEMPTS):
        seed = publications.begin_publication(stores.redis, project_id, secrets.token_hex(8))
        is_held = publications.read_epochs(stores.redis, [project_id])[project_id].epoch is not None
        with stores.database.reading() as db:
            project = projects.find_project(db, project_id)
            since = now_of(db) - (RECENT if is_held else PERSONS_KEPT)
            raised = signing_out.list_raised_persons(db, project_id, since)
        if project is None:
            published = publications.publish_unknown(stores.redis, project_id, seed)
        else:
            # Before the card: where it stands, nobody's sign-out is missing (decision 0008).
            persons.raise_persons(stores.redis, project_id, map(person_epoch_of, raised))
            published = publications.publish(stores.redis, project.card(), seed)
        if published:
            return True
    log.warning("card_not_published", project_id=project_id)
    return False


def person_epoch_of(person: RaisedPerson) -> PersonEpoch:
    """The person's epoch as nodes are told of it, and why it was raised last."""
    reason = SIGNED_OUT if person.by_operator else MERGE_UNDONE
    return PersonEpoch(person.visitor_id, person.person_epoch, reason)


def tell_card(stores: Stores, project_id: ProjectId) -> bool:
    """As `publish_card`, and every living node has been told to read it."""
    published = publish_card(stores, project_id)
    living = [node for node, alive in leases.list_nodes(stores.redis).items() if alive]
    signal = {"type": "card", "project_id": project_id}
    signals.send_many(stores.redis, [(node, signal) for node in living])
    return published


def publish_recent_cards(stores: Stores) -> int:
    """The cards of projects that changed in the last hour stand in Redis as SQL has them.

    Part of every sweep: it repairs an epoch that a failover rolled back.

    Returns:
        How many were published.
    """
    with stores.database.reading() as db:
        since = now_of(db) - RECENT
        recent = projects.list_projects_changed_since(db, since, AT_ONCE)
    return sum(publish_card(stores, project.id) for project in recent)
