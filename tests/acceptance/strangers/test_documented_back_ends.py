"""The back ends of docs/jwt-guide.md, as somebody would copy them."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import tree_sitter_c_sharp
from tree_sitter import Language, Node, Parser

from domain.outcomes import SignedIn
from tests.acceptance.strangers.conftest import Site
from tests.acceptance.strangers.signers import MODULES, install_node_modules, require
from tests.documents import ROOT, read_blocks
from tests.servers.ports import free_port
from tests.waiting import wait_until

BLOCKS = {block.language: block.text for block in read_blocks(ROOT / "docs" / "jwt-guide.md")}
SECONDS = 240  # Go may have to compile its own library first
ENDPOINT = "/widget-token"


@dataclass(frozen=True)
class Program:
    """How a sample is run: the file that it is copied into, and the command before its name."""

    file: str
    command: Sequence[str]


PROGRAMS = {
    "python": Program("widget_token.py", [sys.executable]),
    "javascript": Program("widget-token.cjs", ["node"]),
    "php": Program("widget-token.php", ["php", "-S", "127.0.0.1:{port}"]),
    "ruby": Program("widget_token.rb", ["ruby"]),
    "java": Program("WidgetToken.java", ["java", "-XX:TieredStopAtLevel=1"]),
    "go": Program("widget_token.go", ["go", "run"]),
}
ONLY_PARSED = {"csharp"}
OTHERS = {"js", "bash", "text"}


def test_each_language_is_tried() -> None:
    """No sample without a test; the page says which one is only parsed."""
    assert set(BLOCKS) == {*PROGRAMS, *ONLY_PARSED, *OTHERS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", PROGRAMS)
def test_a_copied_back_end_signs_its_users_in(site: Site, tmp_path: Path, language: str) -> None:
    """By the default policy, with nothing changed but the secret; nobody else gets a token."""
    session = secrets.token_hex(8)
    environ = {"WIDGET_SECRET": site.secret, "DEMO_SESSION": session}

    with _running(language, tmp_path, environ) as client:
        given = client.post(ENDPOINT, headers=_cookie(session))
        refused = [
            client.post(ENDPOINT),
            client.post(ENDPOINT, headers=_cookie("another")),
            client.post(ENDPOINT, headers=_cookie("")),
        ]
        read = client.get(ENDPOINT, headers=_cookie(session))

    assert [answer.status_code for answer in refused] == [401] * 3
    assert "token" not in read.text
    assert given.headers["cache-control"] == "no-store"
    [outcome] = site.verify([given.json()["token"]])
    assert isinstance(outcome, SignedIn), outcome
    told = (outcome.custom_id, outcome.name, outcome.email)
    assert told == ("ada", 'Ada "Ace" Lovelace', "ada@example.com")


def test_the_one_line_in_a_shell(site: Site) -> None:
    """It prints a good token."""
    require("openssl")
    environ = {**os.environ, "WIDGET_SECRET": site.secret}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", BLOCKS["bash"]],
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )

    assert isinstance(site.verify([done.stdout.strip()])[0], SignedIn)


def test_the_sample_in_c_sharp_can_be_parsed() -> None:
    """There is no .NET here; what is shown is C# by its grammar, and reads the secret."""
    parser = Parser(Language(tree_sitter_c_sharp.language()))

    faults = list(_faults(parser.parse(BLOCKS["csharp"].encode()).root_node))

    assert faults == []
    assert parser.parse(BLOCKS["csharp"].replace(");", ";", 1).encode()).root_node.has_error
    assert 'GetEnvironmentVariable("WIDGET_SECRET")' in BLOCKS["csharp"]


def _cookie(session: str) -> dict[str, str]:
    return {"Cookie": f"theme=dark; session={session}"}


@contextmanager
def _running(language: str, folder: Path, environ: dict[str, str]) -> Iterator[httpx.Client]:
    """The sample serves on a port of its own, with what its language needs around it."""
    program, port = PROGRAMS[language], free_port()
    require(program.command[0])
    if language == "javascript":
        install_node_modules()
        (folder / "node_modules").symlink_to(MODULES)
    (folder / program.file).write_text(BLOCKS[language])
    command = [word.format(port=port) for word in program.command]
    command[0] = shutil.which(command[0]) or command[0]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, program.file],
            cwd=folder,
            env={**os.environ, **environ, "PORT": str(port)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(process, port, folder / "log")
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, trust_env=False, timeout=SECONDS) as client:
            yield client
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # `go run` has a child that serves
        process.wait(SECONDS)


def _wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, f"a server on port {port}", SECONDS)


def _faults(node: Node) -> Iterator[str]:
    """Where the parser did not understand the text."""
    if node.is_error or node.is_missing:
        yield f"line {node.start_point[0] + 1}: {node.type}"
    for child in node.children:
        yield from _faults(child)
