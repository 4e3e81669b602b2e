"""`widget-auth token …`."""

import time
from pathlib import Path

import click
import jwt

from cli.connections import connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import json_option, project_argument, secret_options
from cli.printing import on_terminal, print_json, terminal
from cli.secret_input import read_secret_text
from domain.tokens.keys import SECRET_CHARACTERS
from domain.tokens.verification import Examination
from services.inspect_token import inspect_token

DEFAULT_LIFETIME_SECONDS = 300
LONGEST_LIFETIME_SECONDS = 366 * 24 * 3600


@click.command()
@project_argument
@click.option("--custom-id", required=True, help="Who the visitor is in the site's own system.")
@click.option("--name", help="The visitor's name.")
@click.option("--email", help="The visitor's e-mail address.")
@click.option(
    "--lifetime",
    type=click.IntRange(-LONGEST_LIFETIME_SECONDS, LONGEST_LIFETIME_SECONDS),
    default=DEFAULT_LIFETIME_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long it can be presented; below zero it has expired.",
)
@click.option("--kid", help="The id of the secret, for the token's header.")
@secret_options("secret", "shared secret")
@json_option
def mint(
    project_text: str,
    custom_id: str,
    lifetime: int,
    kid: str | None,
    file: Path | None,
    *,
    from_stdin: bool,
    as_json: bool,
    **visitor: str | None,
) -> None:
    """Sign a token with the project's shared secret, as the site's back end would.

    Without --secret-file or --secret-stdin you are asked for the secret. What it signs is not
    checked: `token inspect` does that.
    """
    with connected() as system, system.stores.database.reading() as db:
        policy = get_named_project(db, project_text).token_policy
    secret = _require_secret(read_secret_text("secret", file=file, from_stdin=from_stdin))
    now = int(time.time())
    who = {policy.custom_id_claim or "external_id": custom_id}
    about = {claim: text for claim, text in visitor.items() if text is not None}
    minted = jwt.encode(
        {**about, **who, "iat": now, "exp": now + lifetime},
        secret,
        algorithm="HS256",
        headers={"kid": kid} if kid is not None else None,
    )
    if as_json:
        print_json({"token": minted})
    else:
        print(minted)


@click.command()
@project_argument
@secret_options("token", "token")
@json_option
def inspect(project_text: str, file: Path | None, *, from_stdin: bool, as_json: bool) -> None:
    """Say what a sign-in with this token would be answered now, check by check.

    Without --token-file or --token-stdin you are asked for the token. Nothing is stored. The exit
    code is 0 whether the token is good or not: the question has been answered.
    """
    text = read_secret_text("token", file=file, from_stdin=from_stdin)
    with connected() as system:
        with system.stores.database.reading() as db:
            project = get_named_project(db, project_text)
        found = inspect_token(system.stores, system.key_rings, project.id, text)
    if as_json:
        print_json(_shape(found))
    else:
        _print(found)


def _require_secret(text: str) -> str:
    if len(text) != SECRET_CHARACTERS or not text.isascii():
        message = f"A shared secret has {SECRET_CHARACTERS} characters; this has {len(text)}."
        raise WrongUse("secret_invalid", message)
    return text


def _print(found: Examination) -> None:
    for check in found.checks:
        _print_line(f"{check.name}: {check.message}", passed=check.passed)
    verdict = f"refused: {found.code.value}" if found.code else "accepted"
    _print_line(verdict, passed=found.accepted)


def _print_line(text: str, *, passed: bool) -> None:
    line = f"{'✓' if passed else '✗'} {text}"
    if on_terminal():
        terminal().print(line, style="green" if passed else "red")
    else:
        print(line)


def _shape(found: Examination) -> dict[str, object]:
    return {
        "accepted": found.accepted,
        "code": found.code.value if found.code else None,
        "checks": [
            {"name": check.name, "passed": check.passed, "message": check.message}
            for check in found.checks
        ],
        "custom_id": found.custom_id,
        "key_id": found.key_id,
    }
