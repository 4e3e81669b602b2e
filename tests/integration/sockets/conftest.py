from collections.abc import Iterator

import pytest

from tests.integration.sockets.processes import IMPATIENCE_SECONDS, EchoProcess, echo_process


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProcess]:
    """One process for all tests that leave it running; it cuts nobody off within a test."""
    with echo_process(tmp_path_factory.mktemp("sockets")) as process:
        yield process


@pytest.fixture(scope="session")
def impatient_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProcess]:
    """A process that soon cuts off whoever keeps it waiting."""
    patience = ("--patience", str(IMPATIENCE_SECONDS))
    with echo_process(tmp_path_factory.mktemp("impatient-sockets"), *patience) as process:
        yield process


@pytest.fixture
def own_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProcess]:
    """A process for one test alone."""
    with echo_process(tmp_path_factory.mktemp("own-sockets")) as process:
        yield process
