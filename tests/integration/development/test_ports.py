import os
import socket
import sys

import pytest

from cli.development.ports import free_port, holder_of, is_free
from tests.servers import ports


def test_a_free_port_is_free() -> None:
    """Unless somebody takes it just then; and one that somebody listens on is not."""
    assert any(is_free(free_port()) for _ in range(3))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not is_free(listener.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere holders are hidden")
def test_the_holder_of_a_port_is_named() -> None:
    """By its command and its process id, so that it can be stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        holder = holder_of(listener.getsockname()[1])

    assert f"process {os.getpid()}" in holder
    assert "python" in holder


def test_nobody_holds_a_free_port() -> None:
    """There is a word for what cannot be found."""
    assert holder_of(ports.free_port()) == "another program"
