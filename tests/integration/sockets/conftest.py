from collections.abc import Iterator

import pytest

from tests.integration.sockets.processes import EchoProcess, echo_process


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProcess]:
    """One process for all tests that leave it running."""
    with echo_process(tmp_path_factory.mktemp("sockets")) as process:
        yield process


@pytest.fixture
def own_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProcess]:
    """A process for one test alone."""
    with echo_process(tmp_path_factory.mktemp("own-sockets")) as process:
        yield process


@pytest.fixture(scope="session")
def patient_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EchoProcess]:
    """A process that cuts nobody off within a test: what ends there ended by itself."""
    options = ("--patience", "60", "--frames", "1000000")
    with echo_process(tmp_path_factory.mktemp("patient-sockets"), *options) as process:
        yield process
