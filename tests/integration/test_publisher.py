import json
import socket
import time
from base64 import b64decode
from collections.abc import Callable, Iterator

import pytest
import redis

from config.celery_app import make_celery
from config.publisher import Publisher, PublishFailed
from config.queues import TOKENS_REVOKE, VERIFICATION, VISITORS_VERIFY
from tests.servers.redis import RedisServer

PAYLOAD = {"requests": [{"token": "sealed:very-secret"}]}


@pytest.fixture
def publisher(redis_url: str) -> Iterator[Publisher]:
    """A publisher over the test's Redis."""
    publisher = Publisher(make_celery(redis_url))
    yield publisher
    publisher.close()


def _only_message(redis_url: str, queue: str) -> dict[str, object]:
    with redis.Redis.from_url(redis_url) as client:
        (raw,) = client.lrange(queue, 0, -1)
    message: dict[str, object] = json.loads(raw)
    return message


def test_a_task_lies_in_its_queue(publisher: Publisher, redis_url: str) -> None:
    """Its name and its keyword arguments are all that a worker needs."""
    publisher(VISITORS_VERIFY, PAYLOAD, expires_seconds=5)

    message = _only_message(redis_url, VERIFICATION)
    assert json.loads(b64decode(str(message["body"])))[:2] == [[], PAYLOAD]
    headers = message["headers"]
    assert isinstance(headers, dict)
    assert headers["task"] == VISITORS_VERIFY
    assert headers["expires"]


def test_arguments_are_in_the_body_only(publisher: Publisher, redis_url: str) -> None:
    """Celery would copy them into the headers in clear."""
    publisher(VISITORS_VERIFY, PAYLOAD)

    message = _only_message(redis_url, VERIFICATION)
    body = message.pop("body")
    assert "very-secret" in b64decode(str(body)).decode()
    assert "very-secret" not in json.dumps(message)


def test_nobody_listening_is_told_at_once() -> None:
    """The sender decides what to do; nothing is repeated behind its back."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        publisher = Publisher(make_celery(f"redis://127.0.0.1:{reserved.getsockname()[1]}/1"))

        with pytest.raises(PublishFailed):
            publisher(TOKENS_REVOKE, {})
        publisher.close()


def test_a_silent_broker_is_given_up(
    publisher: Publisher, redis_server: RedisServer, measured: Callable[[str], None]
) -> None:
    """On a connection that was good before; and it works again when the broker does."""
    publisher(TOKENS_REVOKE, {})
    redis_server.pause()
    started = time.monotonic()
    try:
        with pytest.raises(PublishFailed):
            publisher(TOKENS_REVOKE, {})
    finally:
        redis_server.resume()

    seconds = time.monotonic() - started
    measured(f"given up after {seconds:.2f} s, of 2")
    assert seconds < 10 * 2
    publisher(TOKENS_REVOKE, {})


def test_a_broker_that_came_back_is_used_again(
    publisher: Publisher, redis_server: RedisServer
) -> None:
    """A restart between two messages is not the sender's business."""
    publisher(TOKENS_REVOKE, {})
    redis_server.restart()

    publisher(TOKENS_REVOKE, {})


def test_a_full_broker_refuses_as_one_that_is_away(publisher: Publisher, redis_url: str) -> None:
    """With `noeviction` a full Redis keeps what it has and takes nothing more."""
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(PublishFailed):
                publisher(TOKENS_REVOKE, {})
        finally:
            client.config_set("maxmemory", "0")
