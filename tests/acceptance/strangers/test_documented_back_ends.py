"""The back ends of docs/tokens.md, as somebody would copy them."""

import os
import subprocess
import sys

import pytest

from domain.outcomes import SignedIn
from tests.acceptance.strangers.conftest import Site
from tests.acceptance.strangers.signers import HERE, install_node_modules, require
from tests.documents import ROOT, read_blocks

BLOCKS = {block.language: block.text for block in read_blocks(ROOT / "docs" / "tokens.md")}
COMMANDS = {
    "js": ["node", "-"],
    "python": [sys.executable, "-"],
    "php": ["php"],
    "ruby": ["ruby", "-"],
    "bash": ["bash", "-euo", "pipefail"],
}


def test_each_language_is_tried() -> None:
    """No example without a test."""
    assert set(BLOCKS) == set(COMMANDS)


@pytest.mark.parametrize("language", COMMANDS)
def test_a_copied_back_end_signs_a_good_token(site: Site, language: str) -> None:
    """By the default policy, with nothing changed but the secret."""
    require(COMMANDS[language][0])
    if language == "js":
        install_node_modules()
    done = subprocess.run(
        COMMANDS[language],
        input=BLOCKS[language],
        env={**os.environ, "WIDGET_SECRET": site.secret},
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    [outcome] = site.verify([done.stdout.strip()])

    assert isinstance(outcome, SignedIn), outcome
    assert (outcome.custom_id, outcome.name) == ("ada", "Ada Lovelace")
