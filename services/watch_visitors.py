"""Whether anything has changed that pages about visitors show."""

from domain.ids import ProjectId
from services.stores import Stores
from storage.sql import messages, outbox, projects
from storage.sql.engine import now_of


def tell_state(stores: Stores, project_id: ProjectId) -> str:
    """A short text that is another one after every message, sign-in, merge and revocation.

    It changes each minute as well: proofs expire without an event.

    Raises:
        ProjectNotFound: there is no such project.
    """
    with stores.database.reading() as db:
        projects.get_project(db, project_id)
        last_message = messages.find_last_id(db, project_id)
        last_event = outbox.find_last_id(db, project_id)
        minute = int(now_of(db).timestamp() // 60)
    return f"{last_message or '-'} {last_event or '-'} {minute}"
