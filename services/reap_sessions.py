"""Dead gateway nodes: what they left in Redis is removed."""

import structlog

from services.stores import Stores
from storage.redis import leases, sessions

log = structlog.get_logger(__name__)


def reap_sessions(stores: Stores) -> int:
    """No record of a node whose lease has expired is left; returns how many sessions were.

    Raises:
        StorageUnavailable: Redis does not answer.
    """
    reaped = 0
    for node, alive in leases.list_nodes(stores.redis).items():
        if not alive:
            dropped = sessions.drop_node(stores.redis, node)
            log.info("dead_node_reaped", node_id=node, sessions=dropped)
            reaped += dropped
    return reaped
