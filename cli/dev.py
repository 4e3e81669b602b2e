"""`widget-auth dev`: the whole system on one machine, until it is told to stop."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click
from dotenv import dotenv_values

from cli.development.child_process import ChildProcess
from cli.development.demo_account import read_demo_account
from cli.development.lifetime import stop_with_parent
from cli.development.output import Output
from cli.development.ports import LOOPBACK, free_port, holder_of, is_free
from cli.development.readiness import until_answered
from cli.development.redis_server import OwnRedis, RedisMissing, find_server
from cli.development.settings_file import complete_settings, read_settings, write_settings
from cli.development.shop import choose_shop_port, kept_shop, shop_url
from cli.development.supervisor import Kept, StartFailed, Supervisor
from cli.processes import BEAT, ONE_PORT, WORKERS, Program
from config.settings import PREFIX

DEFAULT_PORT = 8400
EXIT_FAILED = 1

# Web, workers and beat first, then Redis: together within the ten seconds that stopping may take.
STOP_GRACES = (6.5, 2.0)


class CannotStart(Exception):
    """The system cannot be started here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the system runs: its folder, its ports, and what the environment says."""

    data_dir: Path
    port: int
    shop_port: int
    given: Mapping[str, str]


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    envvar="PORT",
    default=DEFAULT_PORT,
    show_default=True,
    help="Where gateway and dashboard listen; 0 takes a free port.",
)
@click.option("--stop-with-parent", is_flag=True, hidden=True)
def dev(port: int, stop_with_parent: bool) -> int:  # noqa: FBT001 - click hands flags over so
    """Run everything on this machine, behind one port, until Ctrl-C."""
    if stop_with_parent:
        _stop_with_parent()
    try:
        place = _find_place(port)
        with _only_one(place.data_dir):
            return asyncio.run(_run(place))
    except (CannotStart, RedisMissing, StartFailed) as error:
        click.echo(f"Error: {error}", err=True)
        return EXIT_FAILED


async def _run(place: Place) -> int:
    settings, redis = _prepare(place)
    output = Output()
    supervisor = Supervisor({**os.environ, **settings}, output)
    asked_to_stop = _listen_for_stop(supervisor)
    starting = asyncio.create_task(_start(supervisor, place, redis))
    try:
        await asyncio.wait({starting, asked_to_stop}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await asked_to_stop
    finally:
        starting.cancel()
        await supervisor.stop(*STOP_GRACES)
    return 0


async def _start(supervisor: Supervisor, place: Place, redis: OwnRedis | None) -> None:
    if redis:
        await supervisor.bring_up(redis.kept_process())
    await supervisor.run("first run", (sys.executable, "-m", "cli.first_run"))
    system = [kept for program in (*WORKERS, BEAT) for kept in _kept(program)]
    shop = kept_shop(place.data_dir, place.shop_port, f"http://{LOOPBACK}:{place.port}")
    await supervisor.bring_up(*system, _web(place.port), shop)
    _tell_ready(place)


def _find_place(port: int) -> Place:
    given = {
        **{name: value or "" for name, value in dotenv_values(".env").items()},
        **os.environ,
    }
    if port and not is_free(port):
        message = (
            f"port {port} is in use by {holder_of(port)}.\n"
            f"Stop it, or choose another port: PORT={port + 10} make run"
        )
        raise CannotStart(message)
    data_dir = Path(given.get(f"{PREFIX}DATA_DIR") or ".data").absolute()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the data folder {data_dir} cannot be made: {error.strerror}"
        raise CannotStart(message) from error
    port = port or free_port()
    return Place(data_dir, port, choose_shop_port(port), given)


def _prepare(place: Place) -> tuple[dict[str, str], OwnRedis | None]:
    kept = read_settings(place.data_dir)
    named = place.given.get(f"{PREFIX}REDIS_URL")
    redis = None if named else OwnRedis(find_server(), place.data_dir, kept)
    redis_url = named or (redis.url if redis else "")
    settings = complete_settings(place.given, kept, place.data_dir, redis_url, place.port)
    write_settings(place.data_dir, settings)
    return settings, redis


def _kept(program: Program) -> list[Kept]:
    kept = []
    for name in program.names():
        node_name = ("-n", f"{name}@%h") if "worker" in program.arguments else ()
        kept.append(Kept(name, (sys.executable, "-m", *program.arguments, *node_name)))
    return kept


def _web(port: int) -> Kept:
    async def until_ready(_child: ChildProcess) -> None:
        request = f"GET /readyz HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n"
        await until_answered(LOOPBACK, port, request.encode(), b"HTTP/1.1 200")

    command = (sys.executable, "-m", *ONE_PORT.arguments, "--port", str(port))
    return Kept(ONE_PORT.name, command, until_ready)


def _tell_ready(place: Place) -> None:
    account = read_demo_account(place.data_dir)
    if account:
        click.echo(f"demo administrator  {account.email}")
        click.echo(f"password            {account.password}")
        click.echo(f"API key             {account.api_key}")
        click.echo(f"demo project        {account.project_id}")
    click.echo(f"settings            {place.data_dir / 'dev.env'}")
    click.echo(f"demo shop           {shop_url(place.shop_port)}")
    click.echo(f"ready http://{LOOPBACK}:{place.port}")


def _listen_for_stop(supervisor: Supervisor) -> "asyncio.Task[bool]":
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            supervisor.stop_at_once()
        asked.set()

    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signal_number, ask)
    return asyncio.create_task(asked.wait())


def _stop_with_parent() -> None:
    parent = os.getppid()
    stop_with_parent()
    if os.getppid() != parent:
        sys.exit(EXIT_FAILED)


def _only_one(data_dir: Path) -> IO[str]:
    lock = (data_dir / "dev.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        message = (
            f"another `widget-auth dev` runs with the data folder {data_dir}.\n"
            f"Stop it, or choose another folder: WIDGET_AUTH_DATA_DIR=other make run"
        )
        raise CannotStart(message) from None
    return lock
