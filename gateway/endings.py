"""Ending tasks that may not hear it the first time."""

import asyncio
from collections.abc import Iterable
from typing import Final

CANCEL_AGAIN_SECONDS: Final = 0.2


async def end_all(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """The tasks are over.

    They are cancelled until they are: before Python 3.12 `asyncio.wait_for`, which redis-py sends
    with, can lose a cancellation that comes just as what it waits for is done.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
