"""A node is alive while its lease stands."""

import secrets

from domain.ids import NodeId
from storage.redis import keys, scripts
from storage.redis.client import AsyncRedis, Redis
from storage.redis.exchange import Command, ask, ask_all, ask_all_async, run_async


def new_beat() -> str:
    """The name of one renewal, however often it has to be asked for."""
    return secrets.token_hex(8)


async def renew(client: AsyncRedis, node_id: NodeId, beat: str | None = None) -> bool:
    """The lease stands for ten seconds from now; whether it had stood until now.

    False where it is the first, had run out, or Redis has lost it: then Redis may have lost the
    node's sessions too, or a worker has removed them.

    Args:
        client: of the live state.
        node_id: of one process life; a restarted node is another one.
        beat: the same until this has returned, for a renewal whose answer was lost has been made
            all the same: only by its beat does the next one tell what that one found.
    """
    # Before the lease, so that no node is unknown while it is alive; and after it, because a worker
    # that found none a moment ago may have removed the node in between (`forget`).
    known: list[Command] = [("SADD", keys.NODES, node_id)]
    await ask_all_async(client, known)
    held: int = await run_async(
        client,
        scripts.RENEW_LEASE,
        [keys.lease(node_id)],
        [beat or new_beat(), keys.LEASE_MILLISECONDS],
    )
    await ask_all_async(client, known)
    return held == 1


async def release(client: AsyncRedis, node_id: NodeId) -> None:
    """The node is dead; what it left is removed by the next `sessions.drop_node`."""
    await ask_all_async(client, [("DEL", keys.lease(node_id))])


def is_alive(client: Redis, node_id: NodeId) -> bool:
    """Whether the node's lease stands."""
    return bool(ask(client, "EXISTS", keys.lease(node_id)))


def forget(client: Redis, node_id: NodeId) -> None:
    """The node is not listed any more, unless it is alive or came back meanwhile."""
    if is_alive(client, node_id):
        return
    ask(client, "SREM", keys.NODES, node_id)
    if is_alive(client, node_id):
        ask(client, "SADD", keys.NODES, node_id)


def list_living(client: Redis) -> list[NodeId]:
    """The nodes that are alive."""
    return [node for node, alive in list_nodes(client).items() if alive]


def list_nodes(client: Redis) -> dict[NodeId, bool]:
    """Every node that has not been removed yet, and whether it is alive."""
    nodes = [NodeId(node.decode()) for node in ask(client, "SMEMBERS", keys.NODES)]
    alive = ask_all(client, (("EXISTS", keys.lease(node)) for node in nodes))
    return dict(zip(nodes, map(bool, alive), strict=True))
