"""What pages tell readers to type and to copy: commands that exist, JSON that is JSON."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from cli.command_list import COMMANDS
from config.queues import QUEUES
from tests.containers import read_services
from tests.documents import ROOT, list_documents, read_blocks

_DOCUMENTS = [path for path in list_documents() if path.name != "CHANGELOG.md"]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _lines_of(path: Path) -> list[str]:
    return [
        line.strip()
        for block in read_blocks(path)
        if block.is_commands
        for line in block.text.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]


def _check_ours(words: list[str]) -> None:
    """The subcommand is there, and has these options.

    Raises:
        click.ClickException: one is not; a missing argument is the reader's business.
    """
    command: click.Command = COMMANDS
    context = click.Context(COMMANDS, info_name="widget-auth")
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    options |= {name for parameter in command.params for name in parameter.secondary_opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options, (command.name, given - options)


def _check(line: str) -> None:
    words = shlex.split(line.partition(" | ")[0].partition(" > ")[0])
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program = words[0].removeprefix(".venv/bin/") if words else ""
    if program == "widget-auth":
        _check_ours(words[1:])
    elif program == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
    elif program == "celery":
        assert words[1:3] == ["-A", "workers.app"], line
        assert "-Q" not in words or words[words.index("-Q") + 1] in QUEUES, line
    elif words[:3] == ["docker", "compose", "exec"]:
        assert set(words[3:]) & set(read_services()), line


@pytest.mark.parametrize("path", _DOCUMENTS, ids=_name)
def test_commands_exist(path: Path) -> None:
    """Every command of ours, with each of its options, also where nobody runs it as it stands."""
    for line in _lines_of(path):
        _check(line)


@pytest.mark.parametrize("path", _DOCUMENTS, ids=_name)
def test_json_is_json(path: Path) -> None:
    """Whatever says that it is."""
    for block in read_blocks(path):
        if block.language == "json":
            json.loads(block.text)


def test_a_command_that_does_not_exist_is_found() -> None:
    """So this can fail."""
    for wrong in ("widget-auth secret burn Shop", "widget-auth sessions Shop --wtach", "make love"):
        with pytest.raises(AssertionError):
            _check(wrong)


def test_commands_in_sentences_exist() -> None:
    """Those in running text and in tables, too."""
    for path in _DOCUMENTS:
        for line in re.findall(r"`((?:widget-auth|make) [a-z][^`]*)`", path.read_text()):
            if "…" not in line and "|" not in line:
                _check(line)
