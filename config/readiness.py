"""How a process tells whoever started it that it is ready: the protocol of sd_notify(3)."""

import os
import socket

NOTIFY_SOCKET = "NOTIFY_SOCKET"


def announce_ready() -> None:
    """Whoever started this process, and asked to be told, knows that it is ready.

    The supervisor of `make run` asks, and systemd does for units of `Type=notify`; nobody else
    does, and then nothing happens. Safe to repeat.
    """
    address = os.environ.get(NOTIFY_SOCKET)
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        try:
            notifier.connect(address)
            notifier.send(b"READY=1\n")
        except OSError:
            return  # nobody listens any more; being ready does not depend on it
