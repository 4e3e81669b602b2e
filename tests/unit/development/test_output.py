import io
import json
import os

from cli.development.output import Output

LOG_LINE = json.dumps({"event": "node_started", "level": "warning", "node_id": "n1"})


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class GoneTerminal(Terminal):
    """A terminal that was closed."""

    def write(self, _text: str) -> int:
        """Fails, as the real one does."""
        raise OSError


def test_elsewhere_than_on_a_terminal_every_line_is_json() -> None:
    """Also what was none, such as a library's last words."""
    stream = io.StringIO()
    output = Output(stream)

    output.line("gateway", LOG_LINE)
    output.line("redis", "Fatal error")
    output.line("beat", '{"not": "a log line"}')
    output.note("process_ended", "error", of="redis")

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert lines[0] == {
        "process": "gateway",
        "event": "node_started",
        "level": "warning",
        "node_id": "n1",
    }
    assert lines[1] == {"process": "redis", "event": "Fatal error"}
    assert lines[2]["event"] == '{"not": "a log line"}'
    assert lines[3] == {
        "process": "dev",
        "event": "process_ended",
        "level": "error",
        "of": "redis",
    }


def test_on_a_terminal_lines_are_readable_and_names_have_colours() -> None:
    """The same name always has the same colour."""
    stream = Terminal()
    output = Output(stream)

    output.line("gateway", LOG_LINE)
    output.line("redis", "Fatal error")
    output.line("gateway", "plain")

    first, second, third = stream.getvalue().splitlines()
    assert first.endswith("node_id=n1")
    assert "node_started" in first
    assert "{" not in first
    assert first.split("gateway")[0] == third.split("gateway")[0]
    assert first.split("gateway")[0] != second.split("redis")[0]


def test_a_traceback_keeps_its_lines() -> None:
    """It stands below its event."""
    stream = Terminal()

    Output(stream).line("web", json.dumps({"event": "failed", "exception": "Traceback\n  here"}))

    assert stream.getvalue().splitlines()[1:] == ["Traceback", "  here"]


def test_a_closed_terminal_disturbs_nobody() -> None:
    """The processes are being stopped then."""
    Output(GoneTerminal()).line("gateway", LOG_LINE)


def test_a_terminal_that_is_gone_is_no_failure() -> None:
    """Neither when a line is written, nor at the end, when what was left is flushed."""
    reader, writer = os.pipe()
    stream = os.fdopen(writer, "w")
    output = Output(stream)
    os.close(reader)

    output.line("web", "nobody hears this")
    output.line("web", "nor this")

    stream.close()
