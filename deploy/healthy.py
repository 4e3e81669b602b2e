"""Whether the process of this container is well. Usage: python -m deploy.healthy URL|worker.

Exits 0 if it is. A URL must answer with 200. A worker must answer a ping that is sent to it
through the broker, so that one that lives but hears nobody any more is told apart.
"""

import socket
import sys
import urllib.request

SECONDS = 4.0


def main(asked: str) -> bool:
    """Whether it is well."""
    return _worker_answers() if asked == "worker" else _page_answers(asked)


def _page_answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)  # noqa: PLR2004
    except OSError:
        return False


def _worker_answers() -> bool:
    from workers.app import app  # noqa: PLC0415 - takes a second and the settings of a worker

    name = f"celery@{socket.gethostname()}"
    return bool(app.control.ping(destination=[name], timeout=SECONDS))


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1]) else 1)
