"""The tasks: each decodes its message, calls one use case and is done."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import structlog
from celery import Celery

from config import queues
from domain.health import CLOCKS_APART_SECONDS
from domain.ids import EventId, ProjectId, RotationId, VisitorId, is_uuid
from services.announce_retirements import announce_retirements
from services.confirmed_events import EventUnconfirmed
from services.end_sessions import end_sessions
from services.erase_secrets import erase_secrets
from services.event_feed import erase_old_events
from services.parking import erase_parked_messages
from services.publish_cards import assert_cards_after_loss, publish_recent_cards, tell_card
from services.reap_sessions import reap_sessions
from services.relay_outbox import relay_outbox
from services.revoke_tokens import revoke_tokens
from services.rotation_policies import run_due_policies
from services.run_due_rotations import run_due_rotations
from services.sample_sessions import sample_sessions
from services.settle_rotations import settle_rotations
from workers import messages, sign_outs, verification
from workers.base import WidgetAuthTask, queue_of
from workers.batches import Batch
from workers.runtime import Runtime

Figures: TypeAlias = dict[str, Any]

log = structlog.get_logger(__name__)


def register_tasks(app: Celery, runtime: Runtime) -> None:
    """The app can run every task of the contract."""
    _register_visitor_tasks(app, runtime)
    _register_revocation_tasks(app, runtime)
    _register_sweep_tasks(app, runtime)


def _register_visitor_tasks(app: Celery, runtime: Runtime) -> None:
    @app.task(name=queues.VISITORS_VERIFY, base=WidgetAuthTask)
    def verify_visitors(
        requests: Sequence[Any], batch_id: str | None = None, deadline: str | None = None
    ) -> Figures:
        return verification.verify(runtime, Batch(requests, batch_id, deadline))

    @app.task(name=queues.VISITORS_SIGN_OUT, base=WidgetAuthTask)
    def sign_out_visitors(
        requests: Sequence[Any], batch_id: str | None = None, deadline: str | None = None
    ) -> Figures:
        return sign_outs.sign_out(runtime, Batch(requests, batch_id, deadline))

    @app.task(name=queues.MESSAGES_STORE, base=WidgetAuthTask)
    def store_messages(
        requests: Sequence[Any], batch_id: str | None = None, deadline: str | None = None
    ) -> Figures:
        return messages.store(runtime, Batch(requests, batch_id, deadline))


def _register_revocation_tasks(app: Celery, runtime: Runtime) -> None:
    @app.task(name=queues.TOKENS_REVOKE, base=WidgetAuthTask)
    def revoke(event_id: str, project_id: str, rotation_id: str) -> Figures:
        try:
            revoke_tokens(
                runtime.stores,
                EventId(str(event_id)),
                ProjectId(str(project_id)),
                RotationId(str(rotation_id)),
            )
        except EventUnconfirmed:
            _park_unconfirmed(runtime, queues.TOKENS_REVOKE, str(event_id))
        return {"project_id": project_id, "rotation_id": rotation_id}

    @app.task(name=queues.SESSIONS_SIGN_OUT, base=WidgetAuthTask)
    def sign_out_sessions(event_id: str, project_id: str, visitor_id: str) -> Figures:
        try:
            end_sessions(
                runtime.stores,
                EventId(str(event_id)),
                ProjectId(str(project_id)),
                VisitorId(str(visitor_id)),
            )
        except EventUnconfirmed:
            _park_unconfirmed(runtime, queues.SESSIONS_SIGN_OUT, str(event_id))
        return {"project_id": project_id}


def _park_unconfirmed(runtime: Runtime, task: str, event_id: str) -> None:
    log.error("event_unconfirmed", event_id=event_id[:64])
    runtime.poison.note(task, "event_unconfirmed", event_id if is_uuid(event_id) else None)


def _register_sweep_tasks(app: Celery, runtime: Runtime) -> None:
    """Each may be told of one project; where all are looked at, that one is among them."""

    @app.task(name=queues.OUTBOX_RELAY, base=WidgetAuthTask)
    def relay(project_id: str | None = None) -> Figures:  # noqa: ARG001
        events = relay_outbox(runtime.stores)
        erased = erase_old_events(runtime.stores) + erase_parked_messages(runtime.stores)
        return {"events": events, "erased": erased}

    @app.task(name=queues.ROTATIONS_RUN_DUE, base=WidgetAuthTask)
    def run_due(project_id: str | None = None) -> Figures:  # noqa: ARG001
        ran = run_due_rotations(runtime.stores) + run_due_policies(runtime.stores)
        return {
            "rotations": ran,
            "announced": announce_retirements(runtime.stores, runtime.soft_cut),
        }

    @app.task(name=queues.ROTATIONS_SETTLE, base=WidgetAuthTask)
    def settle(project_id: str | None = None) -> Figures:
        wanted = ProjectId(project_id) if project_id else None
        settled = settle_rotations(runtime.stores, wanted)
        return {"rotations": settled, "erased": erase_secrets(runtime.stores)}

    @app.task(name=queues.PROJECTS_PUBLISH, base=WidgetAuthTask)
    def publish(project_id: str | None = None) -> Figures:
        if project_id is None:
            asserted = assert_cards_after_loss(runtime.stores)
            cards = publish_recent_cards(runtime.stores)
            halted = runtime.card_comparison.go_on(runtime.stores)
            return {"cards": cards, "asserted": asserted, "halted": halted}
        return {"cards": tell_card(runtime.stores, ProjectId(str(project_id)))}

    @app.task(name=queues.SESSIONS_REAP, base=WidgetAuthTask)
    def reap(project_id: str | None = None) -> Figures:  # noqa: ARG001
        return {
            "sessions": reap_sessions(runtime.stores),
            "sampled": sample_sessions(runtime.stores, datetime.now(UTC)),
            "erased": runtime.device_erasure.go_on(runtime.stores.transactor),
        }

    @app.task(name=queues.HEALTH_TICK, base=WidgetAuthTask, bind=True)
    def tick(self: WidgetAuthTask, project_id: str | None = None) -> Figures:  # noqa: ARG001
        runtime.poison.flush()
        apart = runtime.pulse.tick(queue_of(self)).widest
        if apart > CLOCKS_APART_SECONDS:
            log.warning("clocks_apart", seconds=round(apart, 3))
        return {}
