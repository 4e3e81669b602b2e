"""The whole system as `make run` has it: gateway and dashboard in one process, behind one port."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.processes import ONE_PORT
from tests.acceptance.system import System
from tests.servers.forks import Launcher
from tests.servers.ports import free_port


class OnePortSystem(System):
    """One web process besides the workers and beat. A context manager."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        launcher: Launcher | None = None,
    ) -> None:
        super().__init__(database_url, redis_url, folder, settings=settings, launcher=launcher)
        self._port = free_port()
        self._ports = dict.fromkeys(self._ports, self._port)

    @property
    def url(self) -> str:
        """Where everything is found."""
        return f"http://127.0.0.1:{self._port}"

    def _programs(self) -> dict[str, Sequence[str]]:
        programs = super()._programs()
        for name in self._ports:
            del programs[name]
        return {**programs, ONE_PORT.name: (*ONE_PORT.arguments, "--port", str(self._port))}
