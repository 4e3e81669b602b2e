"""What the command line says when settings, tables or servers are missing."""

from contextlib import closing
from pathlib import Path

import pytest

from storage.sql.engine import open_database
from storage.sql.migrate import is_migrated
from tests.integration.cli.commands import CommandLine, key
from tests.servers.databases import KINDS

NOBODYS = "redis://127.0.0.1:1/0"
LIST = ("project", "list", "--json")


@pytest.fixture(params=KINDS)
def empty_cli(request: pytest.FixtureRequest, tmp_path: Path) -> CommandLine:
    """The command line to a database without tables, and to no Redis."""
    url = f"sqlite:///{tmp_path}/empty.sqlite"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
    settings = {"DATABASE_URL": url, "REDIS_URL": NOBODYS, "SEALING_KEYS": key("s")}
    return CommandLine(settings, tmp_path)


def test_missing_tables_are_named_with_the_way_out(empty_cli: CommandLine) -> None:
    """Reading and writing say alike what to run."""
    for arguments in (LIST, ("project", "create", "Shop", "--json")):
        refused = empty_cli(*arguments)
        assert refused.error == (3, "unavailable")
        assert "widget-auth migrate" in refused.document["error"]["message"]


def test_migrate_may_be_repeated(empty_cli: CommandLine) -> None:
    """The tables are there after the first call, and untouched by the second."""
    assert empty_cli("migrate", "--json").document == {"migrated": True}
    assert empty_cli("migrate").code == 0

    assert empty_cli(*LIST).document["items"] == []
    with closing(open_database(empty_cli.environment["DATABASE_URL"])) as database:
        assert is_migrated(database)


def test_migrate_needs_the_database_only(empty_cli: CommandLine) -> None:
    """Who brings the tables up to date holds no key, and reaches nothing else."""
    url = empty_cli.environment["DATABASE_URL"]
    bare = CommandLine({"DATABASE_URL": url}, empty_cli.folder)

    assert bare("migrate", "--json").document == {"migrated": True}
    assert CommandLine({}, empty_cli.folder)("migrate", "--json").error == (2, "settings_invalid")


def test_project_is_created_without_redis(empty_cli: CommandLine) -> None:
    """Gateways hear of it with the next sweep; the project and its key are there."""
    empty_cli("migrate")

    made = empty_cli("project", "create", "Shop", "--json")

    assert made.code == 0
    assert made.document["api_key"].startswith("wa_")


def test_every_missing_setting_is_named_at_once(tmp_path: Path) -> None:
    """One answer lists them all."""
    refused = CommandLine({}, tmp_path)(*LIST)

    assert refused.error == (2, "settings_invalid")
    for name in ("DATABASE_URL", "REDIS_URL", "SEALING_KEYS"):
        assert f"WIDGET_AUTH_{name}: is missing" in refused.document["error"]["message"]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("DATABASE_URL", "postgresql://u:hunter2@127.0.0.1:1/x", (3, "unavailable")),
        ("DATABASE_URL", "sqlite:////no/such/folder/hunter2", (3, "unavailable")),
        ("DATABASE_URL", "sqlite:///", (2, "settings_invalid")),
        ("DATABASE_URL", "sqlite:///:memory:", (2, "settings_invalid")),
        ("DATABASE_URL", "postgresql://u:hunter2@host:hunter2/x", (2, "settings_invalid")),
        ("DATABASE_URL", "mysql://u:hunter2@host/x", (2, "settings_invalid")),
        ("REDIS_URL", "redis://u:hunter2@127.0.0.1:hunter2/0", (2, "settings_invalid")),
        ("SEALING_KEYS", "hunter2", (2, "settings_invalid")),
    ],
)
def test_unusable_setting_is_named_and_not_repeated(
    tmp_path: Path, name: str, value: str, error: tuple[int, str]
) -> None:
    """Whatever is wrong with it, the setting's name is told and its content is not."""
    good = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite",
        "REDIS_URL": NOBODYS,
        "SEALING_KEYS": key("s"),
    }
    refused = CommandLine({**good, name: value}, tmp_path)(*LIST)

    assert refused.error == error
    assert f"WIDGET_AUTH_{name}" in refused.document["error"]["message"]
    assert "hunter2" not in refused.out + refused.err


def test_system_that_make_run_started_is_found_by_itself(tmp_path: Path) -> None:
    """The settings that it left in its data directory serve where nothing else is set."""
    data_dir = tmp_path / ".data"
    data_dir.mkdir()
    (data_dir / "dev.env").write_text(
        f"WIDGET_AUTH_DATABASE_URL='sqlite:///{data_dir}/system.sqlite3'\n"
        "WIDGET_AUTH_REDIS_URL='redis://127.0.0.1:1/0'\n"
        f"WIDGET_AUTH_SEALING_KEYS='{key('s')}'\n"
        "WIDGET_AUTH_LOG_LEVEL='info'\n"
    )
    cli = CommandLine({}, tmp_path)

    assert cli("migrate").code == 0
    assert cli(*LIST).document["items"] == []
    assert CommandLine({"DATA_DIR": str(tmp_path)}, tmp_path)(*LIST).code == 2
    other = {"DATABASE_URL": f"sqlite:///{data_dir}/other.sqlite3"}
    refused = CommandLine(other, tmp_path)(*LIST)
    assert refused.error == (2, "settings_invalid"), "its keys seal for no other database"
    assert "WIDGET_AUTH_SEALING_KEYS: is missing" in refused.document["error"]["message"]
