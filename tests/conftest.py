import pytest
from hypothesis import settings

from config.logs import configure_logs
from tests.servers.runs import begin_run, end_run

pytest_plugins = ["tests.servers.postgres", "tests.servers.redis", "tests.servers.databases"]

settings.register_profile("widget-auth", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("widget-auth")


def pytest_configure(config: pytest.Config) -> None:
    """This process belongs to the test run, and logs as a service does."""
    configure_logs("json", "warning")
    begin_run(first_process=not hasattr(config, "workerinput"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """With the last process of the run its servers are gone."""
    end_run(first_process=not hasattr(config, "workerinput"))
