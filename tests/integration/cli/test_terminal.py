"""`widget-auth` as a person at a terminal goes through it."""

import json
import re
import signal

import pytest

from domain.ids import ProjectId
from tests.acceptance.processes import RunningProcess
from tests.integration.cli.commands import DEADLINE_SECONDS, CommandLine
from tests.integration.cli.live_sessions import add_sessions
from tests.integration.cli.terminals import Terminal
from tests.integration.scenes import mint
from tests.waiting import wait_until

QUESTION = "[y/N]"
SECRET = re.compile(r"secret: ([A-Za-z0-9_-]{64})\n")


@pytest.fixture
def cli(sqlite_cli: CommandLine) -> CommandLine:
    """A system on SQLite: the terminal is what this is about."""
    return sqlite_cli


@pytest.fixture
def project_id(cli: CommandLine, redis_url: str) -> ProjectId:
    """A project whose first secret vouches for three live sessions, beside two anonymous ones."""
    made = cli("project", "create", "Shop [bold]", "--json").document["project"]["id"]
    cli("secret", "rotate", made, "--yes", "--json")
    add_sessions(redis_url, made, 1, 3)
    add_sessions(redis_url, made, None, 2)
    return ProjectId(made)


def test_rotation_is_asked_for_shown_and_followed(
    cli: CommandLine, project_id: ProjectId, revocation_worker: RunningProcess
) -> None:
    """The impact, a question, the secret once with a warning, and the receipt at the end."""
    [before] = cli("secret", "list", project_id, "--json").document["items"]

    with Terminal(cli, "secret", "rotate", "Shop [bold]") as terminal:
        terminal.read_until(QUESTION)
        asked = terminal.shown
        terminal.type("y")
        assert terminal.read_to_end() == 0

    assert re.search(rf"{before['key_id']} +3 +be disconnected", asked)
    assert re.search(r"anonymous +2 +stay", asked)
    assert "Shop [bold]" in asked
    [secret] = SECRET.findall(terminal.shown)
    assert terminal.shown.count(secret) == 1
    assert "now and never again" in terminal.shown
    assert "3 of 3 sessions" in terminal.shown
    assert re.search(r"state +completed", terminal.shown)
    assert re.search(r"sessions targeted +3", terminal.shown)
    new, old = cli("secret", "list", project_id, "--json").document["items"]
    assert (new["state"], old["state"]) == ("active", "revoked")
    assert new["last_four"] == secret[-4:]


def test_saying_no_changes_nothing(cli: CommandLine, project_id: ProjectId) -> None:
    """Return alone is a no."""
    with Terminal(cli, "secret", "rotate", project_id) as terminal:
        terminal.read_until(QUESTION)
        terminal.type("")
        assert terminal.read_to_end() == 1

    assert "Nothing was changed" in terminal.shown
    assert not SECRET.search(terminal.shown)
    [secret] = cli("secret", "list", project_id, "--json").document["items"]
    assert secret["state"] == "active"


def test_programs_are_never_asked(cli: CommandLine, project_id: ProjectId) -> None:
    """With --json there is no question, even at a terminal: --yes has to be given."""
    with Terminal(cli, "secret", "rotate", project_id, "--json") as terminal:
        assert terminal.read_to_end() == 2

    assert "not_confirmed" in terminal.shown
    assert QUESTION not in terminal.shown


def test_two_administrators_do_not_rotate_twice(cli: CommandLine, project_id: ProjectId) -> None:
    """Whoever says yes to what is no longer so is told, and revokes nothing."""
    with Terminal(cli, "secret", "rotate", project_id) as terminal:
        terminal.read_until(QUESTION)
        other = cli("secret", "rotate", project_id, "--yes", "--json").document
        terminal.type("y")
        assert terminal.read_to_end() == 1

    assert "look again" in terminal.shown
    [active] = [
        item
        for item in cli("secret", "list", project_id, "--json").document["items"]
        if item["state"] == "active"
    ]
    assert active["key_id"] == other["key_id"]


def test_interrupting_ends_the_following_only(cli: CommandLine, project_id: ProjectId) -> None:
    """The rotation goes on, and whoever followed it is told where to look."""
    with Terminal(cli, "secret", "rotate", project_id, "--yes") as terminal:
        terminal.read_until("Disconnecting")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.read_to_end() == 0

    assert SECRET.search(terminal.shown)
    assert "The rotation goes on" in terminal.shown
    [rotation] = cli("rotation", "list", project_id, "--json").document["items"]
    assert rotation["state"] == "cutting"
    assert f"widget-auth rotation show {project_id} {rotation['id']}" in terminal.shown


def test_secret_is_typed_unseen(cli: CommandLine, project_id: ProjectId) -> None:
    """Without a file or standard input it is asked for, and not echoed."""
    secret = cli("secret", "rotate", project_id, "--yes", "--json").document["secret"]

    with Terminal(cli, "token", "mint", project_id, "--custom-id", "ada") as terminal:
        terminal.read_until("Secret: ")  # the space is written once nothing is shown any more
        terminal.type(secret)
        assert terminal.read_to_end() == 0

    assert secret not in terminal.shown
    token = terminal.shown.split()[-1]
    seen = cli("token", "inspect", project_id, "--token-stdin", "--json", stdin=token)
    assert seen.document["accepted"]


def test_colours_are_left_out_where_nobody_wants_them(
    cli: CommandLine, project_id: ProjectId
) -> None:
    """NO_COLOR is respected; the words are the same."""
    (cli.folder / "token").write_text(mint("x" * 64, "ada"))
    raw = []
    for wish in ({}, {"NO_COLOR": "1"}):
        variables = {"TERM": "xterm-256color", **wish}
        inspect = ("token", "inspect", project_id, "--token-file", "token")
        with Terminal(cli, *inspect, variables=variables) as terminal:
            assert terminal.read_to_end() == 0
        assert "✗ refused: signature_invalid" in terminal.shown
        raw.append(terminal.raw)

    assert [bool(re.search(r"\x1b\[3[0-9]m", text)) for text in raw] == [True, False]


def test_sessions_are_watched_until_interrupted(cli: CommandLine, project_id: ProjectId) -> None:
    """One document a line, again and again; Ctrl-C is the ordinary end."""
    watch = ("sessions", project_id, "--watch", "--json")
    watching = cli.begin(*watch)

    wait_until(lambda: watching.out.read_text().count("\n") >= 2, seconds=DEADLINE_SECONDS)
    watching.send_signal(signal.SIGINT)
    watched = watching.finish()

    assert (watched.code, watched.err) == (0, "")
    seen = [json.loads(line) for line in watched.out.splitlines()]
    assert {document["total"] for document in seen} == {5}
    with Terminal(cli, "sessions", project_id, "--watch") as terminal:
        terminal.read_until("5 live sessions")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.read_to_end() == 0
