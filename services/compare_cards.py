"""Every project's card in Redis compared with SQL, in turn: who is ahead of SQL is found so."""

from domain.ids import ProjectId
from services.halting import halt_if_behind
from services.publish_cards import publish_card
from services.stores import Stores
from storage.redis import publications
from storage.sql import projects

AT_ONCE = 500


class CardComparison:
    """Compares the projects' epochs and revisions, some at each sweep.

    Those that are halted already are not halted again; their settings are overtaken all the same.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._after = ProjectId("")

    def go_on(self, stores: Stores) -> int:
        """The next projects were compared, after the last ones the first; how many are halted now.

        Raises:
            StorageUnavailable: a store does not answer; the next sweep compares the same ones.
        """
        with stores.database.reading() as db:
            in_sql = projects.list_versions(db, after=self._after, limit=self._at_once)
        in_redis = publications.read_versions(stores.redis, list(in_sql))
        halted = 0
        for project_id, version in in_sql.items():
            held = in_redis[project_id]
            if not version.is_halted and (held.epoch or 0) > version.epoch:
                halted += halt_if_behind(stores, project_id)
            if (held.revision or 0) > version.revision:
                publish_card(stores, project_id)
        self._after = max(in_sql) if len(in_sql) == self._at_once else ProjectId("")
        return halted
