"""The account that `widget-auth dev` shows at each start, kept in the data dir."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.development.private_file import write_private

DEMO_FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A project to try things with, and its administrator, who may also create others."""

    project_id: str
    email: str
    password: str
    api_key: str


def read_demo_account(data_dir: Path) -> DemoAccount | None:
    """The account that an earlier start made; the database need not know it any more."""
    try:
        return DemoAccount(**json.loads((data_dir / DEMO_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_demo_account(data_dir: Path, account: DemoAccount) -> None:
    """The account is in the data dir, readable by its owner alone."""
    write_private(data_dir / DEMO_FILE, json.dumps(asdict(account)))
