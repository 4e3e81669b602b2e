"""How far a widget session has come."""

from enum import Enum


class Phase(Enum):
    """Awaited: no hello yet. Greeted: its card and record are under way. Then live, then closed."""

    AWAITED = "awaited"
    GREETED = "greeted"
    LIVE = "live"
    CLOSED = "closed"
