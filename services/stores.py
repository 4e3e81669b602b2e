"""What an entry point hands to the use cases: SQL, Redis and the sealer, opened once a process."""

from dataclasses import dataclass

from redis import Redis

from domain.sealing import SecretSealer
from services.transactions import Transactor
from storage.sql.engine import Database


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything a use case may touch."""

    transactor: Transactor
    redis: Redis
    sealer: SecretSealer

    @property
    def database(self) -> Database:
        """The SQL database, for reading."""
        return self.transactor.database

    def close(self) -> None:
        """Every connection is closed."""
        self.database.close()
        self.redis.close()
