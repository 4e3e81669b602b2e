"""What is said on a socket around what a benchmark counts: ours, and that of peers."""

from dataclasses import dataclass

from benchmarks.wire import client_frame


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the client says, as a whole frame or nothing, and how the answer begins."""

    said: bytes
    answer: bytes


@dataclass(frozen=True, slots=True)
class Dialect:
    """How sockets of a server open and close.

    `greeting` follows the upgrade, and its last answer makes a socket count as open. `farewell` is
    a message that may come before the close frame.
    """

    greeting: tuple[Exchange, ...]
    farewell: bytes = b""


OURS = Dialect((Exchange(client_frame(b'{"type":"hello"}'), b'{"type":"welcome"'),))
BARE = Dialect(())
SOCKET_IO = Dialect(
    (
        Exchange(b"", b"0{"),
        Exchange(client_frame(b"40"), b"40{"),
        Exchange(client_frame(b'42["hello",{}]'), b'42["welcome"'),
    ),
    farewell=b"41",
)
"""Engine.IO 4 over WebSocket alone: one digit (0 open, 4 message), then Socket.IO's own packet."""
