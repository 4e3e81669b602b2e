"""The taskiq peer: one message for each verification, in a Redis stream.

Worker: `python -m taskiq worker benchmarks.naive_peer.taskiq_app:broker`, which receives on its
event loop and runs the function, which blocks, on threads; this module as a program enqueues.
"""

import asyncio
import os

from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from benchmarks.naive_peer import verification
from benchmarks.naive_peer.feed import feed
from benchmarks.naive_peer.names import QUEUE, TASK
from cli.development.lifetime import stop_with_parent
from config.readiness import announce_ready

broker = RedisStreamBroker(os.environ["WIDGET_AUTH_REDIS_URL"], queue_name=QUEUE)
verify = broker.register_task(verification.verify, TASK)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def _announce_ready(_state: TaskiqState) -> None:
    stop_with_parent()  # of taskiq's: what ties that one to us is not inherited
    verification.opened.open_all()
    announce_ready()


def main() -> None:
    """What standard input asks for is enqueued, in the order of its lines."""
    with asyncio.Runner() as runner:
        runner.run(broker.startup())
        feed(lambda *arguments: runner.run(verify.kiq(*arguments)))
        runner.run(broker.shutdown())


if __name__ == "__main__":
    main()
