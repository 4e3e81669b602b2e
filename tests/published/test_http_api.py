"""The HTTP API of a running system, walked by a stranger who has only its OpenAPI document."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS, load_all_checks, not_a_server_error
from schemathesis.schemas import APIOperation

from dashboard.wire import API_PREFIX
from tests.acceptance.sites import make_site
from tests.acceptance.system import System
from tests.published.known_things import KnownThings, a_lived_in_project
from tests.servers.forks import Launcher
from tests.servers.redis import RedisServer

LONG = os.environ.get("WIDGET_AUTH_LONG_TESTS") == "1"
EXAMPLES = 120 if LONG else 4
load_all_checks()
CONFORMANCE = [
    not_a_server_error,
    *(
        CHECKS.get_one(name)
        for name in (
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        )
    ),
]
Document = dict[str, Any]


@pytest.fixture(scope="module")
def system(
    sqlite_template: Path,
    redis_server: RedisServer,
    launcher: Launcher,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """Every process; what the API answers is no matter of the kind of database."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copy(sqlite_template, folder / "walked.sqlite")
    redis_server.empty()
    url = f"sqlite:///{folder}/walked.sqlite"
    with System(url, redis_server.url, folder, launcher=launcher) as running:
        yield running


@pytest.fixture(scope="module")
def document(system: System) -> Document:
    """As anybody may read it."""
    with system.admin("") as nobody:
        answer: Document = nobody.get("/openapi.json", headers={"Authorization": ""}).json()
    return answer


def test_the_document_is_valid(document: Document) -> None:
    """By OpenAPI's own rules."""
    validate(document)


def test_every_operation_says_who_may(document: Document) -> None:
    """The roles, beside what it does."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"].startswith("For "), (method, path)


@pytest.mark.timeout(900 if LONG else 120)
def test_a_walk_finds_nothing_undocumented(
    system: System, document: Document, measured: Callable[[str], None]
) -> None:
    """Whatever is asked, nothing fails inside, and each answer is one that is documented."""
    site = make_site(system)
    walk = Walk(a_lived_in_project(site), system.dashboard_url, site.api_key)
    schema = schemathesis.openapi.from_dict(document)
    for result in schema.get_all_operations():
        operation = result.ok()
        walk.ask(operation, GenerationMode.POSITIVE, EXAMPLES)
        walk.ask(operation, GenerationMode.NEGATIVE, EXAMPLES)

    good = sum(count for status, count in walk.statuses.items() if status < 300)
    assert good > walk.statuses.total() / 10, walk.statuses
    measured(f"{walk.statuses.total()} requests, answered {dict(sorted(walk.statuses.items()))}")


class Walk:
    """Asks about things that exist, mostly, and holds every answer against the document."""

    def __init__(self, known: KnownThings, base_url: str, api_key: str) -> None:
        self.statuses: Counter[int] = Counter()
        self._known = known
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    def ask(self, operation: APIOperation, mode: GenerationMode, examples: int) -> None:
        """The operation has been asked that often; every answer was as documented."""

        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(case=operation.as_strategy(generation_mode=mode), choice=st.integers(0, 99))
        def ask_once(case: Case, choice: int) -> None:
            self._put_ids(case, choice)
            response = case.call(base_url=self._base_url, headers=self._headers, timeout=20)
            self.statuses[response.status_code] += 1
            case.validate_response(response, checks=CONFORMANCE)
            if response.status_code < 300 and _is_json(response):
                self._known.learn_from(case.path.removeprefix(API_PREFIX), response.json())

        ask_once()

    def _put_ids(self, case: Case, choice: int) -> None:
        """Nine times in ten the ids in the path are those of things that exist."""
        for name in case.path_parameters or {}:
            known = self._known.ids[name]
            if known and choice % 10:
                case.path_parameters[name] = known[choice % len(known)]


def _is_json(response: Response) -> bool:
    return response.headers.get("content-type", [""])[0].startswith("application/json")
