"""The shop's own settings, as a customer would keep them: in a file that only it can read."""

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Self

_SECRET = re.compile(r"[A-Za-z0-9_-]{64}")


class SecretRefused(Exception):
    """That is no shared secret: it has 64 letters, digits, hyphens and underscores."""


@dataclass(frozen=True, slots=True)
class ShopConfiguration:
    """Which project the shop chats in, with which secret it signs, and its key for cookies.

    The secret is empty until somebody has pasted one.
    """

    project_id: str
    secret: str = field(default="", repr=False)
    cookie_key: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What the file says; None where there is no usable one."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def with_secret(self, pasted: str) -> Self:
        """The same with another secret, as it was pasted.

        Raises:
            SecretRefused: it is none.
        """
        secret = pasted.strip()
        if not _SECRET.fullmatch(secret):
            raise SecretRefused
        return replace(self, secret=secret)

    def write(self, path: Path) -> None:
        """The file says this, with mode 0600; never half of it."""
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(unfinished, flags, 0o600), "w") as file:
            file.write(json.dumps(asdict(self)))
        unfinished.replace(path)
