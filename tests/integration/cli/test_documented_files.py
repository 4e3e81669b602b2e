"""What the documents tell to type that reads a file or writes one, typed."""

import json
import os
import subprocess
from pathlib import Path

from tests.documents import ROOT, read_blocks
from tests.integration.cli.commands import DEADLINE_SECONDS, PROGRAM, CommandLine

INSIDE = "docker compose exec -T dashboard widget-auth "


def test_what_a_container_cannot_see_comes_by_standard_input(sqlite_cli: CommandLine) -> None:
    """A token to be inspected, and hours."""
    sqlite_cli("project", "create", "Shop")
    secret = sqlite_cli("secret", "rotate", "Shop", "--yes", "--json").document["secret"]
    minted = sqlite_cli(
        *("token", "mint", "Shop", "--custom-id", "ada", "--secret-stdin", "--json"), stdin=secret
    )
    hours = {"weekly": {"mon": [["09:00", "17:00"]]}}
    yours = {"token.txt": minted.document["token"], "hours.json": json.dumps(hours)}
    blocks = read_blocks(ROOT / "docs" / "operators-guide.md")
    lines = [line for block in blocks for line in block.text.splitlines()]

    typed = [line.removeprefix(INSIDE).split(" < ") for line in lines if line.startswith(INSIDE)]

    assert {file for _, file in typed} == set(yours)
    for command, file in typed:
        assert sqlite_cli(*command.split(), stdin=yours[file]).code == 0, command
    set_to = sqlite_cli("hours", "show", "Shop", "--json").document["operating_hours"]
    assert set_to["weekly"]["mon"] == hours["weekly"]["mon"]


def test_figures_are_whole_or_the_old_ones(sqlite_cli: CommandLine, tmp_path: Path) -> None:
    """Whoever collects them never finds a file that is empty."""
    blocks = read_blocks(ROOT / "docs" / "operating.md")
    [told] = [block.text for block in blocks if "widget-auth metrics" in block.text]
    folder = tmp_path / "collected"
    folder.mkdir()
    figures = folder / "widget_auth.prom"
    figures.write_text("old 1\n")

    def collect(settings: dict[str, str]) -> None:
        environment = {f"WIDGET_AUTH_{name}": value for name, value in settings.items()}
        path = f"{PROGRAM.parent}:{os.environ['PATH']}"
        subprocess.run(
            ["bash", "-c", told.replace("/var/lib/node_exporter", str(folder))],
            env={**environment, "PATH": path},
            cwd=tmp_path,
            timeout=DEADLINE_SECONDS,
            check=False,
            stderr=subprocess.DEVNULL,
        )

    collect({})
    assert figures.read_text() == "old 1\n"

    collect(sqlite_cli.environment)
    assert "widget_auth_system_outbox_undone" in figures.read_text()
