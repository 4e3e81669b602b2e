"""Passwords, hashed with Argon2id: a few at a time, and strangers' as long as members'."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import Refused

# Each takes some 64 MiB and a tenth of a second of a processor.
HASHES_AT_ONCE = 2
WAITING_AT_MOST = 6


class Busy(Refused):
    """Too many people sign in at this moment; try again in a few seconds."""

    code = "busy"


class Passwords:
    """Hashes and checks passwords from any thread.

    Args:
        hasher: with the parameters that new hashes get.
        at_once: hashes that are computed at the same time.
        waiting: callers more that wait for their turn; who comes then is refused.
    """

    def __init__(
        self,
        hasher: PasswordHasher | None = None,
        at_once: int = HASHES_AT_ONCE,
        waiting: int = WAITING_AT_MOST,
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = BoundedSemaphore(at_once)
        self._places = BoundedSemaphore(at_once + waiting)
        self._nobodys = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """A salted hash of it.

        Raises:
            Busy: too many are being hashed.
        """
        with self._turn():
            return self._hasher.hash(password)

    def fits(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is that of the hash; without a hash no, after the same time.

        Raises:
            Busy: too many are being hashed.
        """
        with self._turn():
            try:
                verified = self._hasher.verify(password_hash or self._nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
            return verified and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether new hashes are made with other parameters."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            with self._turns:
                yield
        finally:
            self._places.release()
