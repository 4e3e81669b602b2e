"""Sites with a token policy each, and the verifier that every worker has."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.outcomes import Outcome
from domain.tokens.policy import TokenPolicy
from services.key_rings import KeyRings
from services.transactions import Transactor
from services.verify_visitors import VisitorVerifier
from storage.sql.engine import Database, open_database
from tests.acceptance.strangers.signers import SIGNERS, Signer, Wanted
from tests.integration.scenes import DEVICES, SEALER, add_project, open_transactor, request, rotate


@dataclass
class Site:
    """One project, its secret as shown, and what a worker answers to its tokens."""

    transactor: Transactor
    verifier: VisitorVerifier
    project_id: ProjectId
    secret: str = ""
    key_id: str = ""

    def regenerate(self) -> None:
        """The secret is a new one."""
        generated = rotate(self.transactor, self.project_id)
        self.secret, self.key_id = generated.secret, generated.key_id

    def wanted(self, claims: dict[str, Any], **others: Any) -> Wanted:
        """A token of these claims, signed with this site's secret unless said otherwise."""
        return Wanted(**{"secret": self.secret, "claims": claims, **others})

    def verify(self, tokens: list[str]) -> list[Outcome]:
        """The worker's answers, of one batch."""
        return self.verifier.verify([request(self.project_id, t) for t in tokens]).outcomes

    def code_of(self, token: str) -> str | None:
        """What the token is refused for; None if it is good."""
        [outcome] = self.verify([token])
        return getattr(outcome, "code", None)


class Sites:
    """Makes sites over one database."""

    def __init__(self, database: Database) -> None:
        self._transactor, _ = open_transactor(database)
        self._verifier = VisitorVerifier(self._transactor, KeyRings(SEALER), DEVICES)

    def add(self, policy: JsonObject | None = None) -> Site:
        """A site with its first secret."""
        project_id = add_project(self._transactor, TokenPolicy.from_json(policy or {}))
        site = Site(self._transactor, self._verifier, project_id)
        site.regenerate()
        return site


@pytest.fixture(scope="module")
def sites(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Sites to be added; what a token is worth is no matter of the kind of database."""
    path = tmp_path_factory.mktemp("strangers") / "test.sqlite"
    shutil.copy(sqlite_template, path)
    database = open_database(f"sqlite:///{path}")
    yield Sites(database)
    database.close()


@pytest.fixture
def site(sites: Sites) -> Site:
    """A site with the default policy."""
    return sites.add()


@pytest.fixture(params=SIGNERS)
def sign(request: pytest.FixtureRequest) -> Signer:
    """Each of the strangers in turn."""
    signer: Signer = SIGNERS[request.param]
    return signer
