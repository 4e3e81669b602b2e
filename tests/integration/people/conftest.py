"""One project for each test, on SQLite and on PostgreSQL."""

import pytest

from storage.sql.engine import Database
from tests.integration.people.site import PeopleSite


@pytest.fixture
def site(database: Database) -> PeopleSite:
    """A project with a secret."""
    return PeopleSite(database)
