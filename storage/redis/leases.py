"""A node is alive while its lease stands."""

import secrets

from domain.ids import NodeId
from storage.redis import keys, scripts
from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import ask, ask_all, ask_all_async, run_async


async def renew(client: AsyncRedis, node_id: NodeId) -> bool:
    """The lease stands for ten seconds from now; whether it had stood until now.

    False where it is the first, had run out, or Redis has lost it: then Redis may have lost the
    node's sessions too, or a worker has removed them.

    Args:
        node_id: of one process life; a restarted node is another one.
    """
    await ask_all_async(client, [("SADD", keys.NODES, node_id)])
    held: int = await run_async(
        client,
        scripts.RENEW_LEASE,
        [keys.lease(node_id)],
        [secrets.token_hex(8), keys.LEASE_MILLISECONDS],
    )
    return held == 1


async def release(client: AsyncRedis, node_id: NodeId) -> None:
    """The node is dead; what it left is removed by the next `sessions.drop_node`."""
    await ask_all_async(client, [("DEL", keys.lease(node_id))])


def list_nodes(client: Redis) -> dict[NodeId, bool]:
    """Every node that has not been removed yet, and whether it is alive."""
    nodes = [NodeId(node.decode()) for node in ask(client, "SMEMBERS", keys.NODES)]
    alive = ask_all(client, (("EXISTS", keys.lease(node)) for node in nodes))
    return dict(zip(nodes, map(bool, alive), strict=True))
