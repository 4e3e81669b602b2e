"""How secrets, tokens and passwords come in: by file, standard input or prompt; no argument."""

import sys
from pathlib import Path

import click

from cli.failures import WrongUse

MOST_BYTES = 64 * 1024


def read_secret_text(
    name: str, *, file: Path | None = None, from_stdin: bool = False, confirm: bool = False
) -> str:
    """What was handed over, without the line end behind it.

    Without a file or `from_stdin`, somebody at a terminal is asked and sees nothing of what they
    type.

    Args:
        name: of the option's first part and of the thing: secret, token, password.
        confirm: a person has to type it twice.

    Raises:
        WrongUse: it cannot be read, or nothing says where from.
    """
    if file is not None and from_stdin:
        raise WrongUse("wrong_use", f"Give --{name}-file or --{name}-stdin, not both.")
    if file is not None:
        return _decoded(name, _read_file(name, file))
    if from_stdin:
        return _decoded(name, sys.stdin.buffer.read(MOST_BYTES + 1))
    if not sys.stdin.isatty():
        raise WrongUse(f"{name}_missing", _missing(name))
    typed: str = click.prompt(
        name.capitalize(), hide_input=True, err=True, confirmation_prompt=confirm
    )
    return typed


def _read_file(name: str, file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        message = f"The {name} file cannot be read: {error.strerror}."
        raise WrongUse(f"{name}_unreadable", message) from None


def _decoded(name: str, raw: bytes) -> str:
    if len(raw) > MOST_BYTES:
        raise WrongUse(f"{name}_too_large", f"The {name} has more than {MOST_BYTES} bytes.")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise WrongUse(f"{name}_unreadable", f"The {name} is not valid UTF-8.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _missing(name: str) -> str:
    if name == "password":
        return "Give the password with --password-stdin."
    return f"Give the {name} with --{name}-file or --{name}-stdin."
