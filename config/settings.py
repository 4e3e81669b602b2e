"""Settings: read once at start, checked together, frozen. One class for each kind of process.

A process's class has the fields it may know and no others: the gateway's has neither the database
nor the sealing keys.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.setting_values import (
    BrokerUrl,
    DatabaseUrl,
    Key,
    Keys,
    Networks,
    PublicUrl,
    RedisUrl,
    broker_beside,
)

PREFIX = "WIDGET_AUTH_"
DEVELOPMENT_FILE = "dev.env"


class SettingsInvalid(Exception):
    """Some settings are missing or wrong."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        lines = [f"  {name}: {fault}" for name, fault in faults.items()]
        super().__init__("\n".join([type(self).__doc__ or "", *lines]))
        self.faults = dict(faults)


class Settings(BaseSettings):
    """What every process knows."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    data_dir: Path = Path(".data")
    """Where `make run` keeps what it keeps, and where the command line looks for it."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object a line for collectors, or lines for people."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lines below it are not written."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the name is the library's
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over; it alone reads the environment."""
        return (init_settings,)


def _broker_beside_redis(values: dict[str, Any]) -> str:
    return broker_beside(values["redis_url"])


class _Redis(Settings):
    redis_url: RedisUrl
    """Live state: Redis or Valkey, with `maxmemory-policy noeviction`."""
    broker_url: BrokerUrl = Field(default_factory=_broker_beside_redis)
    """The queues; in production a server of its own. By default database 1 beside live state."""


class _Database(Settings):
    database_url: DatabaseUrl
    """PostgreSQL, or SQLite on one machine."""


class _Sql(_Database):
    sealing_keys: Keys
    """Seal shared secrets at rest; never given to the gateway."""


class _Web(Settings):
    public_url: PublicUrl = "http://127.0.0.1:8400"
    """Where browsers find the platform."""
    trusted_proxies: Networks = ()
    """Networks whose `X-Forwarded-For` is believed, comma-separated."""


class WorkerSettings(_Redis, _Sql):
    """What a worker or beat knows."""

    queue_keys: Keys
    """Seal visitors' tokens in queue messages."""
    device_keys: Keys
    """Certify device ids."""
    sweep_seconds: float = Field(default=5.0, gt=0, le=60)
    """How often everybody looks whether a signal was lost, and whether a rotation is due."""
    reminder_seconds: float = Field(default=600.0, ge=0, le=86_400)
    """How long before a planned cut the widgets that are left are asked for a fresh token again."""
    reminder_spread_seconds: float = Field(default=300.0, ge=0, le=86_400)
    """Over how long they are asked, so that no site is asked for all its tokens at once."""
    accept_plain_tokens: bool = False
    """1 lets other publishers queue tokens in clear."""


class GatewaySettings(_Redis, _Web):
    """What the gateway knows: it faces the internet and cannot leak what it does not hold."""

    queue_keys: Keys
    """Seal visitors' tokens in queue messages."""
    device_keys: Keys
    """Certify device ids."""
    node_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """The node's name in receipts and figures; by default a random one."""
    sweep_seconds: float = Field(default=5.0, gt=0, le=60)
    """How often everybody looks whether a signal was lost, and whether a rotation is due."""


class DashboardSettings(_Redis, _Sql, _Web):
    """What the dashboard knows."""

    session_key: Key
    """What members' sign-ins to the dashboard are protected with."""


class CliSettings(_Redis, _Sql):
    """What the command line knows; it finds a system that `make run` started by its data dir.

    Settings that name another database are those of another system: its file completes none.
    """


class MigrationSettings(_Database):
    """What `migrate` knows: the database alone; it finds that of `make run` by its data dir."""


_FROM_DEVELOPMENT = (CliSettings, MigrationSettings)

SomeSettings = TypeVar("SomeSettings", bound=Settings)


def load(
    settings_class: type[SomeSettings], environ: Mapping[str, str] | None = None
) -> SomeSettings:
    """The settings of this process.

    Args:
        settings_class: which fields are read; others may be set and are ignored.
        environ: instead of the process environment and the files beside it.

    Raises:
        SettingsInvalid: it names every setting that is missing or wrong, and shows no value.
    """
    try:
        return settings_class(**_gather(settings_class, environ))
    except ValidationError as error:
        raise SettingsInvalid(_faults(error)) from None


def setting_name(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field}".upper()


def _gather(settings_class: type[Settings], environ: Mapping[str, str] | None) -> dict[str, Any]:
    variables = EnvSettingsSource(settings_class)
    if environ is not None:
        variables.env_vars = {name.lower(): value for name, value in environ.items() if value}
        return dict(variables())
    given = {**DotEnvSettingsSource(settings_class, env_file=".env")(), **variables()}
    if issubclass(settings_class, _FROM_DEVELOPMENT):
        found = _development_file(settings_class, given)
        return {**found, **given} if _is_of_one_system(found, given) else given
    return given


def _development_file(
    settings_class: type[Settings], given: Mapping[str, object]
) -> dict[str, Any]:
    folder = Path(str(given.get("data_dir") or settings_class.model_fields["data_dir"].default))
    path = folder / DEVELOPMENT_FILE
    if not os.access(path, os.R_OK):
        return {}
    return dict(DotEnvSettingsSource(settings_class, env_file=path)())


def _is_of_one_system(found: Mapping[str, object], given: Mapping[str, object]) -> bool:
    """Whether the development file may complete what is given: they name no two databases.

    What is in one system's database must never be sealed with another's key.
    """
    return given.get("database_url") in (None, found.get("database_url"))


def _faults(error: ValidationError) -> dict[str, str]:
    details = error.errors(include_url=False, include_input=False)
    # A default that rests on a faulty setting is no fault of its own.
    details = [detail for detail in details if detail["type"] != "default_factory_not_called"]
    return {setting_name(str(detail["loc"][0])): _sentence(detail) for detail in details}


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is missing: set it in the environment or in .env"
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    return detail["msg"][:1].lower() + detail["msg"][1:]
