"""The demo shop beside a system on one machine: a customer's site on another origin."""

import os
import sys
from pathlib import Path
from typing import Final

from cli.development.ports import free_port, is_free
from cli.development.supervisor import Kept
from config.settings import PREFIX

SHOP_FILE: Final = "shop.json"
SHOP: Final = "shop"


def choose_shop_port(port: int) -> int:
    """The one after the system's, else any that is free."""
    return port + 1 if is_free(port + 1) else free_port()


def shop_url(port: int) -> str:
    """Where the shop is for a browser: on another host than the system, so they share no cookie."""
    return f"http://localhost:{port}"


def kept_shop(data_dir: Path, port: int, gateway: str) -> Kept:
    """The shop's process. None of the system's settings are in its environment."""
    command = (sys.executable, "-m", "cli.shop", str(data_dir / SHOP_FILE), str(port), gateway)
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return Kept(SHOP, command, environment=own)
