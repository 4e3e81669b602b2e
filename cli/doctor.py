"""`widget-auth doctor` and `widget-auth metrics`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from cli.connections import Connected, connected
from cli.failures import EXIT_REFUSED
from cli.options import json_option
from cli.printing import print_json, print_table, say
from cli.shapes import check_shape
from domain.health import Check, Level
from services.examination import examine
from services.system_figures import list_figures, render_figures
from storage.redis.client import Redis, connect


@click.command()
@json_option
def doctor(*, as_json: bool) -> int:
    """Say whether the system does its work, and what to do where it does not.

    Exit code 0: it does, whatever there is to improve; 1: something is wrong; 3: SQL or Redis does
    not answer.
    """
    with connected() as system:
        checks = _examine(system)
    is_well = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": is_well, "checks": [check_shape(check) for check in checks]})
    else:
        print_table(
            ("CHECK", "LEVEL", "FOUND"), [(c.name, c.level.value, c.message) for c in checks]
        )
    if not (as_json and is_well):
        say(_verdict(checks))
    return 0 if is_well else EXIT_REFUSED


@click.command()
@json_option
def metrics(*, as_json: bool) -> None:
    """Print the figures of the whole system, for Prometheus' text file collector."""
    with connected() as system:
        if as_json:
            print_json({"figures": [asdict(figure) for figure in list_figures(system.stores)]})
        else:
            sys.stdout.write(render_figures(system.stores).decode())


def _examine(system: Connected) -> list[Check]:
    url = system.settings.broker_url
    broker: Redis | None = connect(url) if url.startswith(("redis:", "rediss:")) else None
    try:
        return examine(system.stores, broker)
    finally:
        if broker:
            broker.close()


def _verdict(checks: Sequence[Check]) -> str:
    wrong = [check.name for check in checks if not check.ok]
    if wrong:
        return f"Something is wrong: {', '.join(wrong)}."
    warned = [check.name for check in checks if check.level is Level.WARNING]
    return f"All is well, with a word on {', '.join(warned)}." if warned else "All is well."
