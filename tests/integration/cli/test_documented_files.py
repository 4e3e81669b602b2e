"""What the documents tell to type that reads a file, typed."""

import json

from tests.documents import ROOT, read_blocks
from tests.integration.cli.commands import CommandLine

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
