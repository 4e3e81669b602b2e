import os
import socket
import sys

import pytest

from cli.development.ports import free_port, holder_of, is_free


def test_a_free_port_is_free() -> None:
    """And stays so until somebody listens."""
    port = free_port()
    assert is_free(port)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()

        assert not is_free(port)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere holders are hidden")
def test_the_holder_of_a_port_is_named() -> None:
    """By its command and its process id, so that it can be stopped."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        holder = holder_of(listener.getsockname()[1])

    assert f"process {os.getpid()}" in holder
    assert "python" in holder


def test_nobody_holds_a_free_port() -> None:
    """There is a word for what cannot be found."""
    assert holder_of(free_port()) == "another program"
