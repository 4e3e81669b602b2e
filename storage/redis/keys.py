"""Every key in Redis: what it holds, who writes it, who removes it.

The braces are the hash tag: keys of one project, or of one node, live in one slot of a cluster,
and no script reaches across two tags.
"""

from domain.ids import NodeId, ProjectId, RotationId

UNPUBLISHED_CARD_SECONDS = 60
"""How long a card stands that says nothing yet, or that there is no such project."""

ENDED_DEVICE_PERIOD_SECONDS = 30 * 24 * 3600
"""Ended devices are kept by periods. The present and the last one count, so a period at least, and
the next one, in which machines with clocks ahead have them."""

ENDED_DEVICE_SECONDS = 2 * ENDED_DEVICE_PERIOD_SECONDS
"""How long a period's set stands after its last write."""

PERSONS_SECONDS = 31 * 24 * 3600
"""How long persons stand after the last write: longer than any proof, which is a month at most."""

LAST_RUN_SECONDS = 7 * 24 * 3600
"""How long is known when a queue last ran a task."""

RECEIPT_SECONDS = 24 * 3600
BELL_SECONDS = 60
LEASE_MILLISECONDS = 10_000

FIGURES_SECONDS = 49 * 3600
"""How long an hour's figures stand after the last was added: two days of whole hours."""

ASSERTED = "cards:asserted"
"""Hash: run_id, replication_id, after. Written by assertions; overwritten, never removed."""

SAMPLED = "figures:sampled"
"""Hash: slot, after. Written by samplings; overwritten, never removed."""

NODES = "nodes"
"""Set of the ids of all nodes. Written with leases and records, removed by sessions.drop_node."""


def last_run(queue: str) -> str:
    """Hash: at (Unix seconds by Redis), worker, every, sql, redis (seconds).

    Written by health, expires.
    """
    return f"health:{queue}"


def card(project_id: ProjectId) -> str:
    """Hash: seed, epoch, revision, card (JSON) or unknown; persons, new whenever persons are.

    Written by publications. Stands a minute; once it holds an epoch, as long as its project.
    """
    return f"{{{project_id}}}:card"


def persons(project_id: ProjectId) -> str:
    """Hash of those whose sessions were ended: visitor id (16 bytes) → `<epoch>:<reason>`.

    Written by persons, from SQL; expires.
    """
    return f"{{{project_id}}}:persons"


def bucket(project_id: ProjectId, bucket_name: str) -> str:
    """Hash of at most 200 live sessions: session id (16 bytes) → visitor id (16 bytes).

    Written by session_writer, removed by it and by sessions.
    """
    return f"{{{project_id}}}:s:{bucket_name}"


def buckets(project_id: ProjectId) -> str:
    """Set of the names of the project's buckets. Written and removed with them."""
    return f"{{{project_id}}}:buckets"


def ended_devices(project_id: ProjectId, period: int, shard: int) -> str:
    """Set of signed 64-bit integers, devices that ended in the period.

    Of 256 shards, which stay packed up to 512 entries each. Written by session_writer, expires.
    """
    return f"{{{project_id}}}:ended:{period}:{shard:02x}"


def figures(project_id: ProjectId, hour: int) -> str:
    """Hash of the figures of one hour since 1970, some hundred fields at most.

    `in:<generation>` sign-ins, `no:<code>` refusals, `live:<slot>:<generation|anon>` sessions, a
    slot being five minutes of the hour. Written by figures, expires.
    """
    return f"{{{project_id}}}:figures:{hour}"


def receipt(project_id: ProjectId, rotation_id: RotationId) -> str:
    """Hash: opened, targeted, `asked:<node>` = 1, `closed:<node>:<answer>` = number of sockets.

    `opened` is in Unix seconds by Redis' clock; `after_loss` = 1 where it began anew.
    Written by receipts and sessions.drop_generations, expires.
    """
    return f"{{{project_id}}}:receipt:{rotation_id}"


def bell(project_id: ProjectId, rotation_id: RotationId) -> str:
    """List, one element for every answer to the receipt.

    Written by receipts.answer, removed by whoever waits for it, else expires.
    """
    return f"{{{project_id}}}:bell:{rotation_id}"


def lease(node_id: NodeId) -> str:
    """String; stands while the node is alive. Written and removed by leases, expires."""
    return f"{{{node_id}}}:lease"


def node_projects(node_id: NodeId) -> str:
    """Set of the ids of projects that the node has had sessions of.

    Written by session_writer, removed by sessions.drop_node.
    """
    return f"{{{node_id}}}:projects"


def signals(node_id: NodeId) -> str:
    """Pub/sub channel; stores nothing. Written by signals.send_many, read by the node."""
    return f"{{{node_id}}}:signals"
