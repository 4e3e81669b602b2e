import asyncio
from collections.abc import Callable
from typing import Any

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from gateway.sockets.reader import MAX_MESSAGE_BYTES, FrameReader
from tests.integration.sockets.raw_peer import CONTINUATION, FIN, PING, TEXT, frame

LARGEST_BUFFER = 28_672
SMALLEST_BUFFER = 1_792


class Heard:
    """Everything a reader hands on, in its order."""

    def __init__(self) -> None:
        self.all: list[tuple[str, object]] = []

    def admits_frame(self) -> bool:
        """Any number."""
        return True

    def text(self, text: bytes) -> None:
        """A message."""
        self.all.append(("text", text))

    def ping(self, payload: bytes) -> None:
        """A ping."""
        self.all.append(("ping", payload))

    def peer_closed(self, payload: bytes) -> None:
        """The peer's close."""
        self.all.append(("closed", payload))

    def fault(self, code: int) -> None:
        """A fault."""
        self.all.append(("fault", code))


def on_loop(test: Callable[[], None]) -> None:
    """The test has run inside an event loop, which picows asks for."""

    async def run() -> None:
        test()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def room(reader: FrameReader) -> int:
    """The free bytes in picows' buffer: all of it between frames, none where there is none."""
    parser: Any = reader._parser
    return len(parser.get_buffer(-1)) if parser else 0


messages = st.one_of(
    st.binary(max_size=125).map(lambda payload: ("ping", payload)),
    st.text(max_size=3_000).map(lambda text: ("text", text.encode())),
)


@given(st.lists(messages, max_size=8), st.data())
def test_the_cuts_between_segments_do_not_matter(
    said: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    """However TCP slices a stream, the same messages come out of it."""
    opcodes = {"ping": PING, "text": TEXT}
    stream = b"".join(frame(payload, opcodes[kind]) for kind, payload in said)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    heard = Heard()

    def read() -> None:
        reader = FrameReader(heard)
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
            reader.feed(stream[start:end])

    on_loop(read)
    assert heard.all == said


@given(st.binary(max_size=600))
def test_any_bytes_at_all_have_an_outcome(stream: bytes) -> None:
    """Nothing is raised, and nothing follows a fault or a close."""
    heard = Heard()

    on_loop(lambda: FrameReader(heard).feed(stream))

    assert not any(kind in {"fault", "closed"} for kind, _ in heard.all[:-1])


def test_a_flood_does_not_grow_the_buffer() -> None:
    """Small frames, however many at once, need no more room than one."""

    def read() -> None:
        reader = FrameReader(Heard())
        reader.feed(frame(b"x" * 100, PING) * 10_000)
        assert room(reader) == SMALLEST_BUFFER

    on_loop(read)


def test_what_widgets_say_needs_no_parser() -> None:
    """Whole texts, of either length field, and as many at once as there are."""
    heard = Heard()
    texts = [b"", b"x" * 125, b"x" * 126, b"x" * MAX_MESSAGE_BYTES] * 50

    def read() -> None:
        reader = FrameReader(heard)
        reader.feed(b"".join(frame(text) for text in texts))
        assert room(reader) == 0

    on_loop(read)
    assert heard.all == [("text", text) for text in texts]


def test_what_looks_like_a_frame_inside_another_is_none() -> None:
    """Where a segment begins in the midst of a frame, its bytes are that frame's."""
    heard = Heard()
    inner = frame(b"not said")
    outer = bytes([FIN | PING, 0x80 | len(inner), 0, 0, 0, 0])

    def read() -> None:
        reader = FrameReader(heard)
        reader.feed(outer)
        reader.feed(inner)
        reader.feed(frame(b"said"))

    on_loop(read)
    assert heard.all == [("ping", inner), ("text", b"said")]


def test_a_text_amid_a_message_in_pieces_is_a_fault() -> None:
    """A message that has begun goes on with continuations (RFC 6455, 5.4)."""
    heard = Heard()

    def read() -> None:
        reader = FrameReader(heard)
        reader.feed(frame(b"begun", TEXT, 0))
        reader.feed(frame(b"whole"))

    on_loop(read)
    assert heard.all == [("fault", 4400)]


def test_the_buffer_is_bounded() -> None:
    """The longest frames, always one of them unfinished, need a bounded buffer."""
    longest = frame(b"x" * MAX_MESSAGE_BYTES)

    def read() -> None:
        reader = FrameReader(Heard())
        for _ in range(20):
            reader.feed(longest[100:] + longest[:100] if _ else longest + longest[:100])
        assert room(reader) <= LARGEST_BUFFER

    on_loop(read)


def test_a_long_message_does_not_keep_its_memory() -> None:
    """An idle socket is small again, and goes on reading."""
    heard = Heard()
    longest = frame(b"x" * MAX_MESSAGE_BYTES)

    def read() -> None:
        reader = FrameReader(heard)
        reader.feed(longest[:9_000])
        grown = room(reader) + 9_000
        reader.feed(longest[9_000:])
        assert grown > SMALLEST_BUFFER
        assert room(reader) == 0
        reader.feed(frame(b"y"))

    on_loop(read)
    assert heard.all == [("text", b"x" * MAX_MESSAGE_BYTES), ("text", b"y")]


def test_a_long_fragment_does_not_lose_the_message() -> None:
    """Memory given back between two fragments leaves the first one gathered."""
    heard = Heard()

    def read() -> None:
        reader = FrameReader(heard)
        reader.feed(frame(b"x" * 8_000, TEXT, 0))
        reader.feed(frame(b"y" * 8_000, CONTINUATION, FIN))

    on_loop(read)
    assert heard.all == [("text", b"x" * 8_000 + b"y" * 8_000)]
