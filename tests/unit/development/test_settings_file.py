import stat
from pathlib import Path

import pytest

from cli.development.settings_file import complete_settings, read_settings, write_settings
from config.settings import (
    CliSettings,
    DashboardSettings,
    GatewaySettings,
    Settings,
    WorkerSettings,
    load,
    setting_name,
)

REDIS_URL = "redis://:secret@127.0.0.1:7000/0"
EVERY_CLASS = (WorkerSettings, GatewaySettings, DashboardSettings, CliSettings)


def _first_start(folder: Path, **given: str) -> dict[str, str]:
    return complete_settings(given, {}, folder, REDIS_URL, 8400)


@pytest.mark.parametrize("settings_class", EVERY_CLASS)
def test_the_file_starts_every_process(settings_class: type[Settings], tmp_path: Path) -> None:
    """Nothing else is needed, and no setting is left out."""
    settings = _first_start(tmp_path)

    load(settings_class, settings)
    assert {setting_name(field) for field in settings_class.model_fields} <= settings.keys()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Also values with quotes, backslashes, dollars and spaces."""
    settings = _first_start(tmp_path, WIDGET_AUTH_DATABASE_URL="sqlite:////tmp/it's\\a ${b} #c")

    write_settings(tmp_path, settings)

    assert read_settings(tmp_path) == settings


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """Keys are in it, whatever the umask says and whoever made an earlier one."""
    (tmp_path / "dev.env").touch(mode=0o644)

    path = write_settings(tmp_path, _first_start(tmp_path))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_stay_the_same_over_starts(tmp_path: Path) -> None:
    """Without them nothing that was sealed could be opened."""
    first = _first_start(tmp_path)
    write_settings(tmp_path, first)

    second = complete_settings({}, read_settings(tmp_path), tmp_path, "redis://other/0", 9000)

    for name in ("SEALING_KEYS", "QUEUE_KEYS", "DEVICE_KEYS", "SESSION_KEY"):
        assert second[f"WIDGET_AUTH_{name}"] == first[f"WIDGET_AUTH_{name}"]
    assert second["WIDGET_AUTH_REDIS_URL"] == "redis://other/0"
    assert second["WIDGET_AUTH_BROKER_URL"] == "redis://other/1"
    assert second["WIDGET_AUTH_PUBLIC_URL"] == "http://127.0.0.1:9000"


def test_no_two_installations_share_a_key(tmp_path: Path) -> None:
    """Each key of each is its own."""
    one, other = _first_start(tmp_path), _first_start(tmp_path)

    keys = [value for each in (one, other) for name, value in each.items() if "_KEY" in name]
    assert len(set(keys)) == 8


def test_the_environment_wins(tmp_path: Path) -> None:
    """Over the file and over every default."""
    settings = _first_start(tmp_path, WIDGET_AUTH_SWEEP_SECONDS="1")

    assert settings["WIDGET_AUTH_SWEEP_SECONDS"] == "1"
