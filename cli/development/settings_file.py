"""Every setting of a system on one machine, kept in its data dir for the next start and the CLI."""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from cli.development.private_file import write_private
from config.setting_values import KEY_BYTES, broker_beside
from config.settings import DEVELOPMENT_FILE, PREFIX

_GENERATED = ("SEALING_KEYS", "QUEUE_KEYS", "DEVICE_KEYS", "SESSION_KEY")
_DEFAULTS = {
    "TRUSTED_PROXIES": "",
    "LOG_LEVEL": "info",
    "NODE_ID": "",
    "SWEEP_SECONDS": "5",
    "REMINDER_SECONDS": "600",
    "REMINDER_SPREAD_SECONDS": "300",
    "ACCEPT_PLAIN_TOKENS": "0",
}


def read_settings(data_dir: Path) -> dict[str, str]:
    """What the last start left in the data dir; nothing at the first."""
    path = data_dir / DEVELOPMENT_FILE
    if not path.exists():
        return {}
    return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}


def complete_settings(
    given: Mapping[str, str], kept: Mapping[str, str], data_dir: Path, redis_url: str, port: int
) -> dict[str, str]:
    """Every setting by its name: what is given, else kept keys, else new keys and defaults.

    Args:
        given: the environment; it always wins.
        kept: what an earlier start left. Only its keys are used: without them nothing that was
            sealed could be opened.
        data_dir: absolute.
        redis_url: the Redis of this start.
        port: where the system will listen.
    """
    settings = {
        "DATABASE_URL": f"sqlite:///{data_dir / 'widget-auth.sqlite3'}",
        "REDIS_URL": redis_url,
        "BROKER_URL": broker_beside(redis_url),
        **{name: kept.get(PREFIX + name) or _new_key() for name in _GENERATED},
        "DATA_DIR": str(data_dir),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LOG_FORMAT": "json",
        **_DEFAULTS,
    }
    return {PREFIX + name: given.get(PREFIX + name) or value for name, value in settings.items()}


def write_settings(data_dir: Path, settings: Mapping[str, str]) -> Path:
    """The settings are in the data dir, readable by its owner alone; never half of them."""
    path = data_dir / DEVELOPMENT_FILE
    write_private(path, "".join(f"{name}={_quoted(settings[name])}\n" for name in settings))
    return path


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
