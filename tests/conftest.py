import resource
from collections.abc import Callable

import pytest
from hypothesis import settings

from config.logs import configure_logs
from tests.servers.runs import begin_run, end_run

pytest_plugins = [
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.databases",
    "tests.servers.browser",
    "tests.servers.forks",
    "tests.published.plugin",
]

# Many systems allow 1,024, and some tests open that many sockets.
OPEN_FILES = 8192

settings.register_profile("widget-auth", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("widget-auth")


def pytest_configure(config: pytest.Config) -> None:
    """This process belongs to the test run, logs as a service does, and may open many sockets."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(OPEN_FILES, most)), most))
    configure_logs("json", "warning")
    begin_run(first_process=not hasattr(config, "workerinput"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """With the last process of the run its servers are gone."""
    end_run(first_process=not hasattr(config, "workerinput"))


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says what a test has measured; it is shown at the end of the run, and asserted nowhere."""

    def say(sentence: str) -> None:
        request.node.user_properties.append(("measured", sentence))

    return say


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured is shown, test by test."""
    for report in terminalreporter.getreports("passed"):
        if lines := [told for name, told in report.user_properties if name == "measured"]:
            terminalreporter.write_line(f"\n{report.nodeid}")
            for line in lines:
                terminalreporter.write_line(f"  {line}")
