"""Ports for servers that tests start."""

import secrets
import socket
from pathlib import Path

from tests.servers.runs import run_dir

LOWEST = 20_000
FEWEST = 1_000
ATTEMPTS = 1_000
_OF_CLIENTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A loopback port that nobody listens on, and that nobody else of this run is given.

    It is none of those that the kernel gives to clients: such a port may be somebody's before the
    server listens there, or while it is being started anew. Even whoever tries to reach a server
    that is not there may be given that server's own port, and be connected with itself.
    """
    highest = _lowest_of_clients() - 1
    if highest - LOWEST < FEWEST:
        return _bound(0)
    for _ in range(ATTEMPTS):
        port = LOWEST + secrets.randbelow(highest - LOWEST)
        if _is_free(port) and _is_given_to_nobody(port):
            return port
    message = "every port is in use"
    raise RuntimeError(message)


def _lowest_of_clients() -> int:
    try:
        return int(_OF_CLIENTS.read_text().split()[0])
    except OSError:
        return 0


def _bound(port: int) -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        return int(listener.getsockname()[1])


def _is_free(port: int) -> bool:
    try:
        _bound(port)
    except OSError:
        return False
    return True


def _is_given_to_nobody(port: int) -> bool:
    try:
        (run_dir() / f"port-{port}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
