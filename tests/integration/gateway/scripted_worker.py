"""A peer of the gateway's at the wire: takes its messages off the queues and answers them.

It verifies nothing: what a token's claims say is what it answers. So a test decides, by the tokens
it sends, what a worker would have found.
"""

import base64
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import redis

from domain.cards import Card
from domain.device_ids import DeviceIds, anonymous_visitor
from domain.ids import (
    DeviceId,
    KeyId,
    MessageId,
    NodeId,
    ProjectId,
    RequestId,
    SessionId,
    VisitorId,
)
from domain.outcomes import (
    DeviceEnded,
    Outcome,
    RefusedRequest,
    Sent,
    SignedIn,
    SignedOut,
    outcome_to_wire,
)
from domain.queue_sealing import TokenSealer
from storage.redis import leases, publications, signals
from storage.redis.client import connect
from tests.published.witness import WITNESS
from tests.waiting import SECONDS, wait_until

QUEUES = ["verification", "maintenance"]
KEY_ID = KeyId("0198c1f2-7a30-7000-8000-0000000000c1")


class ScriptedWorker(threading.Thread):
    """Answers until stopped; while `keeps_everybody` is set, no sign-out comes about."""

    def __init__(self, redis_url: str, broker_url: str, keys: tuple[bytes, bytes]) -> None:
        super().__init__(daemon=True)
        queue_key, device_key = keys
        self._client = connect(redis_url)
        self._broker = redis.Redis.from_url(broker_url)
        self._sealer = TokenSealer((queue_key,), secrets.token_bytes(16))
        self._devices = DeviceIds((device_key,))
        self._ended = threading.Event()
        self._end = f"end:{secrets.token_hex(8)}"
        self._free = threading.Event()
        self._free.set()
        self.keeps_everybody = False
        self.cards: dict[ProjectId, Card] = {}
        self.messages: list[dict[str, Any]] = []
        self.raw: list[bytes | str] = []

    def hold(self) -> None:
        """Messages are taken and not answered, until `release`."""
        self._free.clear()

    def release(self) -> None:
        """What was held is answered."""
        self._free.set()

    def stop(self) -> None:
        """It is gone."""
        self.release()
        self._ended.set()
        with suppress(redis.RedisError):
            self._broker.rpush(self._end, "")  # or it would wait for the next message
        self.join(SECONDS)
        assert not self.is_alive()
        self._client.close()
        self._broker.close()

    def publish(self, card: Card) -> None:
        """Redis has the card, as after a change in SQL."""
        self.cards[card.project_id] = card
        nonce = secrets.token_hex(8)
        seed = publications.begin_publication(self._client, card.project_id, nonce)
        assert publications.publish(self._client, card, seed)

    def signal(self, node_id: NodeId, payload: Mapping[str, object]) -> None:
        """The node is told."""
        wait_until(lambda: signals.send(self._client, node_id, payload), "a node that listens")

    def run(self) -> None:
        """Messages are taken in their order."""
        while not self._ended.is_set():
            taken = None
            with suppress(redis.RedisError):  # a test has paused or restarted it
                taken = self._broker.blpop([*QUEUES, self._end], timeout=1)
            if taken is None or self._ended.is_set():
                continue
            message = json.loads(taken[1])
            self.raw.append(taken[1])
            payload = json.loads(base64.b64decode(message["body"]))[1]
            self.messages.append(payload)
            WITNESS.queued(message["headers"]["task"], payload)
            self._free.wait()
            self._carry_out(message["headers"]["task"], payload)

    def _carry_out(self, task: str, payload: dict[str, Any]) -> None:
        if task == "projects.publish":
            self._publish_card(ProjectId(payload["project_id"]))
        else:
            answer = self._answers[task]
            self._answer(payload, [answer(request) for request in payload["requests"]])

    @property
    def _answers(self) -> dict[str, Callable[[dict[str, Any]], Outcome | None]]:
        return {
            "visitors.verify": self._verify,
            "visitors.sign_out": self._sign_out,
            "messages.store": self._store,
        }

    def _publish_card(self, project_id: ProjectId) -> None:
        if project_id in self.cards:
            self.publish(self.cards[project_id])
        else:
            seed = publications.begin_publication(self._client, project_id, "n")
            publications.publish_unknown(self._client, project_id, seed)
        for node_id in leases.list_nodes(self._client):
            signals.send(self._client, node_id, {"type": "card", "project_id": project_id})

    def _answer(self, payload: dict[str, Any], outcomes: list[Outcome | None]) -> None:
        wire = [outcome_to_wire(outcome) for outcome in outcomes if outcome is not None]
        node_id = NodeId(payload["requests"][0]["node_id"])
        signal = {"type": "outcomes", "batch_id": payload["batch_id"], "outcomes": wire}
        signals.send(self._client, node_id, signal)

    def _verify(self, request: dict[str, Any]) -> Outcome | None:
        request_id, project_id = RequestId(request["request_id"]), ProjectId(request["project_id"])
        token = self._sealer.open(request["token"], request_id, project_id)
        claims = jwt.decode(token, options={"verify_signature": False})
        session_id = SessionId(request["session_id"])
        if "refuse" in claims:
            return RefusedRequest(request_id, session_id, claims["refuse"], "As the test wants.")
        if claims.get("silent"):
            return None
        return SignedIn(
            request_id=request_id,
            session_id=session_id,
            device_id=self._new_device(project_id),
            ended_device_id=DeviceId(request["device_id"]),
            visitor_id=VisitorId(str(uuid.uuid5(uuid.NAMESPACE_OID, claims["sub"]))),
            custom_id=claims["sub"],
            name=None,
            email=None,
            key_id=KEY_ID,
            generation=claims["generation"],
            person_epoch=0,
            merged=(),
            expires_at=datetime.now(UTC) + timedelta(seconds=claims["proof_seconds"]),
        )

    def _sign_out(self, request: dict[str, Any]) -> Outcome | None:
        request_id, session_id = RequestId(request["request_id"]), SessionId(request["session_id"])
        if self.keeps_everybody:
            return RefusedRequest(request_id, session_id, "unavailable", "As the test wants.", 1)
        device = self._new_device(ProjectId(request["project_id"]))
        return SignedOut(
            request_id=request_id,
            session_id=session_id,
            device_id=device,
            ended_device_id=DeviceId(request["device_id"]),
            visitor_id=anonymous_visitor(device),
        )

    def _store(self, request: dict[str, Any]) -> Outcome | None:
        """What the text says is what becomes of the message."""
        request_id, session_id = RequestId(request["request_id"]), SessionId(request["session_id"])
        if request["text"] == "ended":
            return DeviceEnded(request_id, session_id, DeviceId(request["device_id"]))
        if request["text"].startswith("refuse "):
            code = request["text"].removeprefix("refuse ")
            return RefusedRequest(request_id, session_id, code, "As the test wants.")
        if request["text"] == "silent":
            return None
        return Sent(request_id, session_id, message_id_of(request["client_id"]))

    def _new_device(self, project_id: ProjectId) -> DeviceId:
        return self._devices.issue(project_id, datetime.now(UTC), secrets.token_bytes(16))


def message_id_of(client_id: str) -> MessageId:
    """What the scripted worker calls the message that a widget gave this id."""
    return MessageId(str(uuid.uuid5(uuid.NAMESPACE_OID, client_id)))


def a_token(
    person: str = "ada", generation: int = 1, *, proof_seconds: float = 3600, **claims: object
) -> str:
    """A token that the scripted worker answers as told."""
    told = {
        "sub": person,
        "generation": generation,
        "proof_seconds": proof_seconds,
        "exp": int(time.time()) + 60,
    }
    return jwt.encode(told | claims, "s" * 64)
