"""A project's card: the little a gateway node must know of it."""

from dataclasses import dataclass, field

from domain.ids import ProjectId


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one client may do what. Units: per minute."""

    connects_per_address: int = 1200
    sign_ins_per_socket: int = 30
    messages_per_socket: int = 60


@dataclass(frozen=True, slots=True)
class Card:
    """What a node reads of a project; SQL is the truth, this the copy.

    `epoch` is the lowest secret generation still accepted; `revision` grows with every change of
    the rest. An empty `allowed_origins` admits every origin.
    """

    project_id: ProjectId
    epoch: int
    revision: int
    allowed_origins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    leeway_seconds: int = 120
