import json
import subprocess
import sys

import pytest

from config.logs import REDACTED, redact

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
SCRIPT = """
import logging
import structlog
from config.logs import configure_logs

configure_logs({log_format!r}, "info")
log = structlog.get_logger("widget.test")
log.info("visitor_verified", project_id="p1", token="{token}", batch=[{{"email": "a@b.c"}}])
logging.getLogger("some.library").warning("got %s", "{token}")
try:
    raise ValueError("{token}")
except ValueError:
    log.exception("batch_failed", claims={{"sub": "1"}})
log.debug("not_shown")
"""


def _written_by_a_process(log_format: str) -> list[str]:
    script = SCRIPT.format(log_format=log_format, token=TOKEN)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_line_is_one_json_object() -> None:
    """Our own events and the libraries' look alike."""
    lines = [json.loads(line) for line in _written_by_a_process("json")]

    assert [line["event"] for line in lines] == [
        "visitor_verified",
        f"got {REDACTED}",
        "batch_failed",
    ]
    assert [line["logger"] for line in lines] == ["widget.test", "some.library", "widget.test"]
    assert lines[0]["project_id"] == "p1"
    assert lines[0]["timestamp"].endswith("Z")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_token_or_claim_reaches_a_log(log_format: str) -> None:
    """Neither by name, nor in a message, nor in a traceback."""
    text = "\n".join(_written_by_a_process(log_format))

    assert "eyJ" not in text
    assert "a@b.c" not in text
    assert "sub" not in text
    assert "ValueError" in text


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "Secret",
        "password",
        "Authorization",
        "api_key",
        "claims",
        "email",
        "name",
        "old_secret",
        "access_token",
    ],
)
def test_values_of_telling_names_are_refused_at_any_depth(name: str) -> None:
    """The name alone decides."""
    event = {"event": "happened", "outer": [{"inner": {name: "plain"}}], name: "plain"}

    assert "plain" not in repr(redact(None, "info", event))


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {TOKEN}",
        TOKEN.encode(),
        [TOKEN],
        (f"x{TOKEN}y",),
        {"a": {"b": TOKEN}},
        ValueError(TOKEN),
    ],
)
def test_tokens_are_found_under_innocent_names(value: object) -> None:
    """A token is recognised by its shape wherever it stands."""
    assert "eyJ" not in repr(redact(None, "info", {"event": "happened", "detail": value}))


def test_what_is_innocent_stays() -> None:
    """Ids, counts and key ids are what logs are for."""
    event = {"event": "done", "key_id": "k1", "count": 3, "took": 0.5, "ok": True, "gone": None}

    assert redact(None, "info", event) == event
