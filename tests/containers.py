"""Dockerfile and docker-compose.yml, read as Docker reads them."""

import re
import subprocess
import sysconfig
import tempfile
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]

Service = dict[str, Any]

_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([?-])([^}]*))?\})")


def read_services() -> dict[str, Service]:
    """The services by name, with their variables not yet filled in."""
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, Service] = composed["services"]
    return services


def read_networks() -> dict[str, Any]:
    """The networks by name."""
    networks: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["networks"]
    return networks


def environment_of(service: Service, env_file: Mapping[str, str]) -> dict[str, str]:
    """The service's environment with the variables of that file filled in.

    Raises:
        KeyError: one that must be there is not.
    """
    return {name: fill_in(text, env_file) for name, text in service["environment"].items()}


def fill_in(text: str, env_file: Mapping[str, str]) -> str:
    """The text with the variables of that file in it."""

    def value(found: re.Match[str]) -> str:
        dollar, name, how, otherwise = found.groups()
        if dollar:
            return "$"
        return env_file.get(name, otherwise) if how == "-" else env_file[name]

    return _VARIABLE.sub(value, text)


def new_env_file() -> dict[str, str]:
    """What `deploy/new-secrets` writes, as Docker reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "compose.env")
        make_env_file(path)
        return dict(line.split("=", 1) for line in path.read_text().splitlines())


def make_env_file(path: Path) -> None:
    """`deploy/new-secrets` has made the file.

    Raises:
        CalledProcessError: it refused.
    """
    command = [ROOT / "deploy" / "new-secrets", "http://127.0.0.1:8400", path]
    subprocess.run(command, capture_output=True, check=True)


def read_allowed() -> set[str]:
    """What may go into an image, of all that is here."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return {line[1:] for line in lines if line.startswith("!")}


def make_image(folder: Path) -> Path:
    """The image's files and its environment are in the folder; returns where its programs are.

    The packages of other people are those of this environment; ours is as in the image.
    """
    rooms, packages = folder / "app", folder / "packages"
    for name in read_allowed():
        (rooms / name).parent.mkdir(parents=True, exist_ok=True)
        (rooms / name).symlink_to(ROOT / name)
    packages.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "widget_auth" not in path.name:
            (packages / path.name).symlink_to(path)
    environment = folder / "venv"
    venv.create(environment, symlinks=True)
    [installed] = environment.glob("lib/python*/site-packages")
    (installed / "others.pth").write_text(f"{packages}\n")
    programs = environment / "bin"
    install = ["-I", ROOT / "deploy" / "install.py", ROOT / "pyproject.toml", rooms]
    subprocess.run([programs / "python", *install], check=True)
    return programs


def read_stages() -> dict[str, list[str]]:
    """The Dockerfile's instructions by stage, those of the stage that it is made from first."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    stages: dict[str, list[str]] = {}
    instructions: list[str] = []
    for line in filter(None, text.splitlines()):
        if found := re.fullmatch(r"FROM (\S+) AS (\S+)", line):
            instructions = list(stages.get(found[1], []))
            stages[found[2]] = instructions
        if not line.startswith("#"):
            instructions.append(line)
    return stages
