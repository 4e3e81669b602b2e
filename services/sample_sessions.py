"""Samples of live sessions, for the chart of the last day: every project once in five minutes."""

from datetime import datetime
from itertools import islice

from domain.ids import ProjectId
from services.stores import Stores
from storage.redis import figures, leases, samplings, sessions
from storage.redis.samplings import Sampling

AT_ONCE = 500


def sample_sessions(stores: Stores, now: datetime, at_once: int = AT_ONCE) -> int:
    """The projects that have live sessions have been sampled in this slot, up to so many a sweep.

    A round that is not through when the slot ends goes on in the next, so that projects late in
    the order come up as often as the others. Two workers at it at once write the same.

    Returns:
        How many were sampled.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    slot = figures.slot_of(now)
    noted = samplings.read_sampling(stores.redis)
    if noted and noted.slot == slot and noted.after is None:
        return 0
    after = noted.after if noted and noted.after else ProjectId("")
    found = _projects_after(stores, after, at_once)
    samples = {id_: sessions.count_by_generation(stores.redis, id_) for id_ in found}
    held = {id_: sample for id_, sample in samples.items() if sample}
    if held:
        figures.note_samples(stores.redis, held, now)
    last = found[-1] if len(found) == at_once else None
    samplings.note_sampling(stores.redis, Sampling(slot, last))
    return len(held)


def _projects_after(stores: Stores, after: ProjectId, limit: int) -> list[ProjectId]:
    found = sessions.list_projects(stores.redis, leases.list_living(stores.redis))
    return list(islice(sorted(id_ for id_ in found if id_ > after), limit))
