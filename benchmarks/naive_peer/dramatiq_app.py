"""The dramatiq peer: one message for each verification, with dramatiq's own middleware.

Worker: `python -m dramatiq benchmarks.naive_peer.dramatiq_app`; this module as a program enqueues.
"""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.naive_peer import verification
from benchmarks.naive_peer.feed import feed
from benchmarks.naive_peer.names import QUEUE, TASK
from cli.development.lifetime import stop_with_parent
from config.readiness import announce_ready


class Readiness(dramatiq.Middleware):  # type: ignore[misc]
    """Tells when the worker's threads run."""

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002 - dramatiq's signature
        """Whoever started the worker knows that it is ready; it ends with its supervisor."""
        stop_with_parent()
        verification.opened.open_all()
        announce_ready()


broker = RedisBroker(url=os.environ["WIDGET_AUTH_REDIS_URL"])
broker.add_middleware(Readiness())
dramatiq.set_broker(broker)

verify = dramatiq.actor(verification.verify, actor_name=TASK, queue_name=QUEUE, max_retries=0)


if __name__ == "__main__":
    feed(verify.send)
