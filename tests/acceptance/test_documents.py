"""What README and docs tell to type works, in the order in which it is told."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import settings as declared
from domain.refusals import RefusalCode
from tests.acceptance.newcomers import Newcomer, a_newcomer
from tests.containers import fill_in, new_env_file, read_services
from tests.documents import ROOT, list_documents, read_blocks

# Who runs the commands of which document; a new document with commands needs somebody.
README, DEPLOYMENT, GUIDE = "README.md", "docs/deployment.md", "docs/jwt-guide.md"
QUICK_START = "docs/quick-start.md"

# This very run, and what is nobody's to run twice; .ci/run runs them.
OF_CI = {"make test", "make lint"}

_INSIDE = re.compile(r"docker compose exec (?:-T )?(\w+) widget-auth ([a-z_ ]*[a-z])")


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    """Somebody who has nothing yet."""
    with a_newcomer(tmp_path) as somebody:
        yield somebody


def test_every_command_is_run_by_somebody() -> None:
    """No document has commands that nobody tries."""
    with_commands = {
        str(path.relative_to(ROOT))
        for path in list_documents()
        if any(block.is_commands for block in read_blocks(path))
    }

    # The commands of guides are about projects of their readers: that there are such commands is
    # shown in tests/published/test_guides.py.
    assert {README, DEPLOYMENT, QUICK_START} <= with_commands
    ci = (ROOT / ".ci" / "run").read_text()
    assert all(re.search(rf"\b{command}$", ci, re.MULTILINE) for command in OF_CI)


@pytest.mark.timeout(300)
def test_the_readme_in_order(newcomer: Newcomer) -> None:
    """Run, see, sign in with a token of one's own, regenerate, stop."""
    blocks = [block.text for block in read_blocks(ROOT / README) if block.is_commands]
    told = {
        block: newcomer.type(block)
        for block in blocks
        if not any(command in block for command in OF_CI)
    }

    def printed_by(words: str) -> str:
        return next(text for block, text in told.items() if words in block)

    assert "The receipt says what happened." in printed_by("make demo")
    assert "Demo" in printed_by("project list")
    assert (newcomer.folder / ".data" / "secret").stat().st_mode & 0o077 == 0
    assert "✓ accepted" in printed_by("token mint")
    assert "✗ refused: key_revoked" in printed_by("widget-auth sessions Demo")
    assert "disconnected: 4401 secret_revoked" in newcomer.end_of("examples/sign_in.py")
    newcomer.interrupt("make run")


def test_links_hold_where_documents_are_read() -> None:
    """In the repository too, and not only in the built site."""
    broken = [
        (path.name, link)
        for path in list_documents()
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+)", path.read_text())
        if not (path.parent / link).exists()
    ]

    assert broken == []


def test_the_page_on_reliability_is_its_template() -> None:
    """With figures in it: `make chaos` writes it anew and loses nothing."""
    template = (ROOT / "tests" / "chaos" / "reliability.md.txt").read_text()
    page = (ROOT / "docs" / "reliability.md").read_text()
    before, after = template.split("FIGURES\n")

    assert page.startswith(before + "### ")
    assert page.endswith(" |\n" + after)
    assert after.startswith("\n")


def test_the_readme_shows_what_make_demo_prints() -> None:
    """A picture made by `make recording`, of the story as it is now, that loads nothing."""
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text()
    words = re.sub(r"<[^>]*>", "\n", picture).replace("&#160;", " ")
    story = (ROOT / "cli" / "demonstration" / "story.py").read_text()
    steps = re.findall(r'step\("([^"]+)"\)', story)

    assert "docs/images/demo.svg" in (ROOT / README).read_text()
    assert len(steps) >= 5
    for step in steps:
        assert step in words.replace("&#x27;", "'"), step
    assert set(re.findall(r"https?://[^\"'\s<]+", picture)) <= {"http://www.w3.org/2000/svg"} | set(
        re.findall(r"http://127\.0\.0\.1:\d+", picture)
    )


def test_the_commands_of_a_deployment() -> None:
    """There is no Docker engine here: what it would be told is held against the files.

    The secrets are made in earnest, and what is run inside a container is a command of ours.
    """
    lines = [
        line
        for block in read_blocks(ROOT / DEPLOYMENT)
        if block.is_commands
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    services = read_services()

    for line in lines:
        if inside := _INSIDE.match(line):
            service, command = inside.groups()
            assert service in services
            told = _help(*command.split())
            for option in re.findall(r"--[a-z-]+", line):
                assert option in told, line
    assert [line for line in lines if not line.startswith("docker compose ")] == [
        "deploy/new-secrets https://chat.example.com",
        "export COMPOSE_ENV_FILES=deploy/compose.env",
        "git pull",
    ]
    assert {line.split()[2] for line in lines if line.startswith("docker")} == {
        "up",
        "exec",
        "down",
    }
    env_file = new_env_file()
    assert fill_in("${POSTGRES_PASSWORD:?}", env_file) == env_file["POSTGRES_PASSWORD"]


def _help(*command: str) -> str:
    done = subprocess.run(
        [ROOT / ".venv" / "bin" / "widget-auth", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return done.stdout


def test_every_setting_is_documented() -> None:
    """By its name, in the page on deployments."""
    page = (ROOT / DEPLOYMENT).read_text()
    classes = (
        declared.WorkerSettings,
        declared.GatewaySettings,
        declared.DashboardSettings,
        declared.CliSettings,
    )
    for each in classes:
        for field in each.model_fields:
            assert f"`{declared.setting_name(field)}`" in page, field


def test_every_refusal_is_documented() -> None:
    """By its code, with what to do, in the table of the JWT guide; and no other."""
    page = (ROOT / GUIDE).read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", page.split("## When a token")[1], re.MULTILINE)
    told = {code: advice for code, advice in rows if "|" not in advice}

    assert list(told) == list(RefusalCode)
    assert all(told.values())
