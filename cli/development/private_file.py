"""Files that hold secrets: readable by their owner alone, and never half written."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """The file holds the text, with mode 0600, whatever was there before."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(unfinished, flags, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
