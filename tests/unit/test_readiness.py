import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.signals import beat_init, worker_ready
from celery.utils.dispatch import Signal

import config.celery_app  # noqa: F401 - connects the signals
from config.readiness import announce_ready


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where this process shall say that it is ready."""
    address = f"@widget-auth-{tmp_path.name}-{id(tmp_path)}"
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind("\0" + address[1:])
    receiver.setblocking(False)  # noqa: FBT003
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with receiver:
        yield receiver


def test_whoever_asked_is_told(listener: socket.socket) -> None:
    """The message is the one that systemd expects."""
    announce_ready()

    assert listener.recv(64) == b"READY=1\n"


@pytest.mark.parametrize("signal", [worker_ready, beat_init])
def test_workers_and_beat_tell_it(listener: socket.socket, signal: Signal) -> None:
    """Celery's own signals carry the news."""
    signal.send(sender=None)

    assert listener.recv(64) == b"READY=1\n"


def test_nobody_need_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process starts as well where nobody asked, or where the one who asked has gone."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    announce_ready()

    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at-all")
    announce_ready()
