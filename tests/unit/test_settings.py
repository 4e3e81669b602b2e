import base64
from pathlib import Path

import pytest

from config.settings import (
    CliSettings,
    DashboardSettings,
    GatewaySettings,
    Settings,
    SettingsInvalid,
    WorkerSettings,
    load,
)

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes(range(32, 64))).decode()
COMPLETE = {
    "WIDGET_AUTH_DATABASE_URL": "sqlite:///.data/widget-auth.sqlite3",
    "WIDGET_AUTH_REDIS_URL": "redis://:hunter2@localhost:6379/0",
    "WIDGET_AUTH_SEALING_KEYS": KEY,
    "WIDGET_AUTH_QUEUE_KEYS": f"{KEY}, {OTHER_KEY}",
    "WIDGET_AUTH_DEVICE_KEYS": KEY.rstrip("="),
    "WIDGET_AUTH_SESSION_KEY": KEY,
}
EVERY_CLASS = (WorkerSettings, GatewaySettings, DashboardSettings, CliSettings)


def _faults_of(settings_class: type[Settings], **changes: str) -> dict[str, str]:
    with pytest.raises(SettingsInvalid) as raised:
        load(settings_class, COMPLETE | changes)
    return raised.value.faults


@pytest.mark.parametrize("settings_class", EVERY_CLASS)
def test_every_process_starts_from_the_same_environment(settings_class: type[Settings]) -> None:
    """One environment serves all processes; each takes what is its own."""
    assert load(settings_class, COMPLETE).log_level == "info"


def test_keys_are_bytes_in_the_given_order() -> None:
    """The first key seals, so order is kept; blanks and missing padding do not matter."""
    settings = load(WorkerSettings, COMPLETE)

    assert settings.queue_keys == (bytes(range(32)), bytes(range(32, 64)))
    assert settings.device_keys == (bytes(range(32)),)


def test_the_gateway_holds_neither_the_database_nor_the_sealing_keys() -> None:
    """What faces the internet cannot leak what it does not hold."""
    settings = load(GatewaySettings, COMPLETE)

    assert not hasattr(settings, "database_url")
    assert not hasattr(settings, "sealing_keys")


def test_all_faults_are_told_together_by_name() -> None:
    """One start tells everything there is to mend."""
    with pytest.raises(SettingsInvalid) as raised:
        load(
            WorkerSettings,
            {
                "WIDGET_AUTH_REDIS_URL": "http://somewhere",
                "WIDGET_AUTH_SEALING_KEYS": "dG9vIHNob3J0",
                "WIDGET_AUTH_LOG_FORMAT": "xml",
            },
        )

    assert set(raised.value.faults) == {
        "WIDGET_AUTH_DATABASE_URL",
        "WIDGET_AUTH_REDIS_URL",
        "WIDGET_AUTH_SEALING_KEYS",
        "WIDGET_AUTH_QUEUE_KEYS",
        "WIDGET_AUTH_DEVICE_KEYS",
        "WIDGET_AUTH_LOG_FORMAT",
    }
    for name in raised.value.faults:
        assert name in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDGET_AUTH_SEALING_KEYS", "wrong-and-secret"),
        ("WIDGET_AUTH_SEALING_KEYS", f"{KEY},wrong-and-secret"),
        ("WIDGET_AUTH_SEALING_KEYS", "wröng-and-secret"),
        ("WIDGET_AUTH_SEALING_KEYS", ","),
        ("WIDGET_AUTH_DATABASE_URL", "mysql://wrong-and-secret@host/db"),
        ("WIDGET_AUTH_REDIS_URL", "wrong-and-secret"),
        ("WIDGET_AUTH_BROKER_URL", "sqs://wrong-and-secret"),
        ("WIDGET_AUTH_SWEEP_SECONDS", "wrong-and-secret"),
        ("WIDGET_AUTH_SWEEP_SECONDS", "0"),
        ("WIDGET_AUTH_ACCEPT_PLAIN_TOKENS", "wrong-and-secret"),
        ("WIDGET_AUTH_LOG_LEVEL", "wrong-and-secret"),
    ],
)
def test_a_fault_names_its_setting_and_never_its_value(name: str, value: str) -> None:
    """A wrong setting is often nearly the right one; it must not reach a log."""
    faults = _faults_of(WorkerSettings, **{name: value})

    assert list(faults) == [name]
    assert "wrong-and-secret" not in faults[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDGET_AUTH_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("WIDGET_AUTH_TRUSTED_PROXIES", "everyone"),
        ("WIDGET_AUTH_PUBLIC_URL", "chat.example.com"),
        ("WIDGET_AUTH_PUBLIC_URL", "https://"),
        ("WIDGET_AUTH_NODE_ID", "{curly}"),
    ],
)
def test_the_gateways_own_settings_are_checked(name: str, value: str) -> None:
    """A proxy list or an address that means nothing is refused at start."""
    assert list(_faults_of(GatewaySettings, **{name: value})) == [name]


@pytest.mark.parametrize("settings_class", EVERY_CLASS)
def test_no_secret_shows_in_a_repr(settings_class: type[Settings]) -> None:
    """Keys, and URLs that may hold passwords, stay out of logs and tracebacks."""
    shown = repr(load(settings_class, COMPLETE))

    assert "hunter2" not in shown
    assert repr(bytes(range(32)))[2:-1] not in shown
    assert "database" not in shown


def test_settings_are_frozen() -> None:
    """What was checked at start stays so."""
    settings = load(WorkerSettings, COMPLETE)

    with pytest.raises(ValueError, match="frozen"):
        settings.log_level = "debug"


@pytest.mark.parametrize(
    ("redis_url", "broker_url"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/1"),
        ("rediss://u:p@host:6380", "rediss://u:p@host:6380/1"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock?virtual_host=1"),
    ],
)
def test_the_broker_is_database_1_of_the_same_server(redis_url: str, broker_url: str) -> None:
    """On one machine one Redis serves both."""
    settings = load(WorkerSettings, COMPLETE | {"WIDGET_AUTH_REDIS_URL": redis_url})

    assert settings.broker_url == broker_url


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg(scheme: str) -> None:
    """The usual forms of the URL all work."""
    settings = load(
        WorkerSettings, COMPLETE | {"WIDGET_AUTH_DATABASE_URL": f"{scheme}://me@host/name"}
    )

    assert settings.database_url == "postgresql+psycopg://me@host/name"


def test_an_empty_setting_counts_as_not_set() -> None:
    """Compose files and CI pass empty variables."""
    settings = load(WorkerSettings, COMPLETE | {"WIDGET_AUTH_BROKER_URL": ""})

    assert settings.broker_url.endswith("/1")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the process environment too, whatever kind of value it would have."""
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    for field in ("log_level", "sweep_seconds", "reminder_seconds", "accept_plain_tokens"):
        monkeypatch.setenv(f"WIDGET_AUTH_{field.upper()}", "")

    settings = load(WorkerSettings)

    assert (settings.log_level, settings.sweep_seconds) == ("info", 5.0)
    assert (settings.reminder_seconds, settings.accept_plain_tokens) == (600.0, False)


def test_the_command_line_finds_a_running_system_by_its_data_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make run` leaves its settings in the data dir; the environment still wins."""
    lines = [f"{name}='{value}'\n" for name, value in COMPLETE.items()]
    (tmp_path / "dev.env").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WIDGET_AUTH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WIDGET_AUTH_REDIS_URL", "redis://elsewhere:6379/0")

    settings = load(CliSettings)

    assert settings.database_url == COMPLETE["WIDGET_AUTH_DATABASE_URL"]
    assert settings.redis_url == "redis://elsewhere:6379/0"


def test_two_systems_are_never_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names another database than the file says what else belongs to it, or hears of it."""
    lines = [f"{name}='{value}'\n" for name, value in COMPLETE.items()]
    (tmp_path / "dev.env").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WIDGET_AUTH_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WIDGET_AUTH_DATABASE_URL", "postgresql://widget_auth@production/live")

    with pytest.raises(SettingsInvalid) as raised:
        load(CliSettings)
    assert set(raised.value.faults) == {"WIDGET_AUTH_REDIS_URL", "WIDGET_AUTH_SEALING_KEYS"}

    monkeypatch.setenv("WIDGET_AUTH_DATABASE_URL", COMPLETE["WIDGET_AUTH_DATABASE_URL"])
    assert load(CliSettings).redis_url == COMPLETE["WIDGET_AUTH_REDIS_URL"]


def test_a_long_running_process_reads_no_development_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder left over from `make run` never configures a server."""
    lines = [f"{name}='{value}'\n" for name, value in COMPLETE.items()]
    (tmp_path / "dev.env").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WIDGET_AUTH_DATA_DIR", str(tmp_path))

    with pytest.raises(SettingsInvalid):
        load(WorkerSettings)


def test_dot_env_beside_the_process_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Development keeps its settings in `.env`."""
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("WIDGET_AUTH_LOG_LEVEL", raising=False)
    (tmp_path / ".env").write_text("WIDGET_AUTH_LOG_LEVEL=debug\nUNRELATED=1\n")
    monkeypatch.chdir(tmp_path)

    assert load(GatewaySettings).log_level == "debug"
