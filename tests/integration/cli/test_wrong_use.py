"""Commands called in ways that cannot work: one clear line, the right exit code, no traceback."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.command_list import COMMANDS
from cli.lazy_group import LazyGroup, Place
from storage.sql.engine import open_database
from storage.sql.tables import projects
from tests.integration.cli.commands import CommandLine

PLAIN_EVERY = 4
SECRET = "S" * 64
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHRlcm5hbF9pZCI6ImFkYSJ9.c2lnbmF0dXJlIG9mIHNvbWVib2R5"


def leaves(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Place]]:
    """Every command with the words that lead to it."""
    for name, member in group.members.items():
        if isinstance(member, Place):
            yield (*path, name), member
        else:
            yield from leaves(member, (*path, name))


ALL = dict(leaves(COMMANDS))


@pytest.mark.parametrize("words", [words for words in ALL if words != ("dev",)])
def test_every_command_answers_with_json(words: tuple[str, ...]) -> None:
    """Each can be loaded, explains itself and takes --json."""
    command = ALL[words].load()

    assert command.name == words[-1]
    assert command.help
    assert ALL[words].summary.endswith(".")
    assert "--json" in {name for option in command.params for name in option.opts}


@pytest.mark.parametrize("words", ALL)
def test_no_secret_is_ever_an_argument(words: tuple[str, ...]) -> None:
    """What is secret comes by file or standard input: arguments are seen by every process."""
    for option in ALL[words].load().params:
        if option.name in ("file", "from_stdin"):
            assert option.opts[0].endswith(("-file", "-stdin"))
            continue
        assert not {"secret", "token", "password"} & set(str(option.name).split("_"))


WRONG: list[tuple[tuple[str, ...], tuple[int, str]]] = [
    (("nonsense",), (2, "wrong_use")),
    (("project", "nonsense"), (2, "wrong_use")),
    (("project", "create"), (2, "wrong_use")),
    (("project", "create", "A", "B"), (2, "wrong_use")),
    (("project", "create", " "), (2, "invalid")),
    (("project", "create", "x" * 201), (2, "invalid")),
    (("project", "create", "a\x1b[31mb"), (2, "invalid")),
    (("project", "create", "A", "--time-zone", "Mars/Olympus"), (2, "invalid")),
    (("project", "create", "A", "--time-zone", "../../etc/passwd"), (2, "invalid")),
    (("project", "show", "nobody's"), (1, "project_not_found")),
    (("project", "show", "0190a000-0000-7000-8000-000000000000"), (1, "project_not_found")),
    (("project", "show", ""), (1, "project_not_found")),
    (("member", "add", "Shop", "a@example.com"), (2, "wrong_use")),
    (("member", "add", "Shop", "a@example.com", "--role", "king"), (2, "wrong_use")),
    (("member", "add", "Shop", "a@example.com", "--role", "agent"), (2, "password_missing")),
    (("member", "remove", "Shop", "a@example.com"), (1, "member_not_found")),
    (("member", "remove", "Shop", "no address"), (2, "invalid")),
    (("member", "list", "nobody's"), (1, "project_not_found")),
    (("api_key", "add", "Shop", "Report", "--role", "owner"), (2, "role_without_project")),
    (("api_key", "add", "-", "Report", "--role", "agent"), (2, "role_without_project")),
    (("api_key", "add", "Shop", "a\x1b[31mb", "--role", "agent"), (2, "invalid")),
    (("api_key", "revoke", "Shop", "x"), (1, "api_key_not_found")),
    (("api_key", "list", "nobody's"), (1, "project_not_found")),
    (("rotation", "show", "Shop", "0190"), (1, "rotation_not_found")),
    (("rotation", "list", "Shop", "--limit", "0"), (2, "wrong_use")),
    (("rotation", "list", "Shop", "--limit", "201"), (2, "wrong_use")),
    (("secret", "rotate", "nobody's", "--yes"), (1, "project_not_found")),
    (("sessions", "nobody's"), (1, "project_not_found")),
    (("token", "mint", "Shop", "--custom-id", "a"), (2, "secret_missing")),
    (("token", "mint", "Shop", "--secret", SECRET, "--custom-id", "a"), (2, "wrong_use")),
    (("token", "mint", "Shop", SECRET, "--custom-id", "a"), (2, "wrong_use")),
    (("token", "inspect", "Shop"), (2, "token_missing")),
    (("token", "inspect", "Shop", JWT), (2, "wrong_use")),
    (("token", "inspect", "Shop", "--token-file", "absent"), (2, "wrong_use")),
    (("token", "inspect", "Shop", "--token-file", "."), (2, "wrong_use")),
    (("visitor", "show", "Shop", "--custom-id", ""), (2, "custom_id_invalid")),
    (("visitor", "show", "Shop", "--custom-id", "\udcff"), (2, "wrong_use")),
    (("project", "show", "\udcff"), (2, "wrong_use")),
    (("gateway", "--port", "0"), (2, "wrong_use")),
]


@pytest.fixture
def shop_cli(sqlite_cli: CommandLine) -> CommandLine:
    """A command line to a system with a project called Shop."""
    sqlite_cli("project", "create", "Shop")
    return sqlite_cli


def test_wrong_use_has_its_code_and_its_line(shop_cli: CommandLine) -> None:
    """As JSON on standard output, as one line on standard error; no secret is repeated."""
    for number, (arguments, error) in enumerate(WRONG):
        answer = shop_cli(*arguments, "--json")
        assert answer.error == error, arguments
        assert answer.err == ""
        assert not any(secret in answer.out for secret in (SECRET, JWT)), arguments
        if number % PLAIN_EVERY:
            continue
        plain = shop_cli(*arguments)
        assert plain.code == error[0]
        assert plain.out == ""
        [line] = plain.err.splitlines()
        assert line.startswith("Error: ")
        assert not any(secret in line for secret in (SECRET, JWT)), arguments


INPUTS: list[tuple[tuple[str, ...], bytes, tuple[int, str]]] = [
    (("token", "mint", "Shop", "--custom-id", "a", "--secret-stdin"), b"", (2, "secret_invalid")),
    (
        ("token", "mint", "Shop", "--custom-id", "a", "--secret-stdin"),
        b"x" * 63,
        (2, "secret_invalid"),
    ),
    (
        ("token", "mint", "Shop", "--custom-id", "a", "--secret-stdin"),
        b"\xff" * 64,
        (2, "secret_unreadable"),
    ),
    (("token", "inspect", "Shop", "--token-stdin"), b"x" * 70_000, (2, "token_too_large")),
    (
        ("token", "inspect", "Shop", "--token-stdin", "--token-file", "/dev/null"),
        b"",
        (2, "wrong_use"),
    ),
    (
        ("member", "add", "Shop", "a@example.com", "--role", "agent", "--password-stdin"),
        b"short",
        (2, "invalid"),
    ),
    (
        ("member", "add", "Shop", "no address", "--role", "agent", "--password-stdin"),
        b"long enough",
        (2, "invalid"),
    ),
]


def test_unusable_input_is_refused(shop_cli: CommandLine) -> None:
    """What comes by standard input is looked at before anything is done with it."""
    for arguments, stdin, error in INPUTS:
        assert shop_cli(*arguments, "--json", stdin=stdin).error == error, arguments


def test_group_alone_shows_what_there_is(sqlite_cli: CommandLine) -> None:
    """Without a command the list of commands is shown, as wrong use."""
    for words in ((), ("secret",)):
        shown = sqlite_cli(*words)
        assert (shown.code, shown.out) == (2, "")
        assert "Commands:" in shown.err
        assert sqlite_cli(*words, "--help").out.strip() == shown.err.strip()


TYPED = """
    project secret token show list rotate mint inspect sessions visitor rotation member add create
    api_key revoke remove --role
    Shop 1 -- - -h --json --yes --limit --custom-id --secret-stdin --token-stdin --retire-previous
"""
WORDS = st.sampled_from(TYPED.split())
ANYTHING = st.text(max_size=20).filter(lambda text: "\0" not in text)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(arguments=st.lists(WORDS | ANYTHING, max_size=6), stdin=st.binary(max_size=200))
def test_no_arguments_and_no_input_end_in_a_traceback(
    sqlite_cli: CommandLine, arguments: list[str], stdin: bytes
) -> None:
    """Whatever is typed, the command ends with one of its four exit codes."""
    arguments = [text for text in arguments if text not in ("gateway", "dashboard", "dev")]

    ended = sqlite_cli(*arguments, stdin=stdin)

    assert ended.code in (0, 1, 2, 3)


def test_unforeseen_failure_shows_its_type_only(shop_cli: CommandLine) -> None:
    """A row that nobody expects is no reason for a traceback, unless the settings ask for it."""
    broken = {"limits": {"unheard_of": 1}}
    with closing(open_database(shop_cli.environment["DATABASE_URL"])) as database:
        database.write(lambda db: db.execute(projects.update().values(broken)))

    failed = shop_cli("project", "list", "--json")

    assert failed.error == (3, "internal_error")
    assert "TypeError" in failed.document["error"]["message"]
    debugging = shop_cli.begin("project", "list", variables={"WIDGET_AUTH_LOG_LEVEL": "debug"})
    assert "Traceback" in debugging.finish().err
