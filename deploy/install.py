"""Makes the rooms a package of this environment: its version, and the command `widget-auth`.

Usage: python install.py PYPROJECT FOLDER_OF_THE_ROOMS, with the environment's own Python. An image
holds nothing that builds packages; the rooms stay where they are.
"""

import sys
import sysconfig
import tomllib
from pathlib import Path

_COMMAND = """#!{python}
import sys

from {module} import {function}

sys.exit({function}())
"""


def main(pyproject: Path, rooms: Path) -> None:
    """Whoever asks for the project's version is told, and its commands are there."""
    project = tomllib.loads(pyproject.read_text())["project"]
    packages = Path(sysconfig.get_path("purelib"))
    name, version = project["name"], project["version"]
    told = packages / f"{name.replace('-', '_')}-{version}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (packages / "rooms.pth").write_text(f"{rooms}\n")
    for command, place in project["scripts"].items():
        module, _, function = place.partition(":")
        path = Path(sysconfig.get_path("scripts"), command)
        path.write_text(_COMMAND.format(python=sys.executable, module=module, function=function))
        path.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
