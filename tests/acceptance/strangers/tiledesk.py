"""The client of the original system, unchanged: what it is answered."""

import json
import subprocess
from typing import Any

from tests.acceptance.strangers.signers import HERE, SECONDS, install_node_modules, require


def ask(url: str, *calls: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers in order: a `body`, and the `status` of a refusal.

    Args:
        url: what the client is told to be the API's address.
        calls: each with a `kind` (anonymous, custom, password) and what that takes.
    """
    require("node")
    install_node_modules()
    done = subprocess.run(
        ["node", "tiledesk-client.cjs"],
        input=json.dumps({"url": url, "calls": calls}),
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers
