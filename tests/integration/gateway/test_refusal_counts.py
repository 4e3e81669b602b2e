"""What the gateway refuses itself is in the project's figures a sweep later."""

from collections import Counter
from datetime import UTC, datetime

import jwt
import pytest

from domain.cards import Limits
from domain.ids import ProjectId
from storage.redis import figures
from storage.redis.client import Redis
from tests.integration.gateway.conftest import SHORT_LIVED, Publish
from tests.integration.gateway.running import RunningGateway
from tests.integration.gateway.scripted_worker import ScriptedWorker, a_token
from tests.waiting import wait_until

EXPIRED = jwt.encode({"sub": "ada", "exp": 1}, "s" * 64)


def refused(redis: Redis, project_id: ProjectId) -> dict[str, int]:
    """The refusals of the present hour and the one before, by code."""
    hour = figures.hour_of(datetime.now(UTC))
    hours = figures.read_hours(redis, project_id, [hour - 1, hour])
    return dict(sum((each.counts.refused for each in hours), Counter()))


def test_refusals_that_no_worker_saw_are_counted(
    gateway: RunningGateway, a_project: Publish, worker: ScriptedWorker, redis: Redis
) -> None:
    """By code, for the project of the socket; what a worker answers it counts itself."""
    project = a_project(limits=Limits(sign_ins_per_socket=4))
    with gateway.widget(project) as widget:
        widget.hello()
        for token in (EXPIRED, EXPIRED, "nonsense"):
            widget.sign_in(token)
        assert widget.sign_in(a_token())["type"] == "signed_in"
        assert widget.sign_in(a_token())["code"] == "rate_limited"

        expected = {"token_expired": 2, "token_malformed": 1, "rate_limited": 1}
        wait_until(lambda: refused(redis, project) == expected)


@pytest.mark.parametrize("patience", [SHORT_LIVED])
def test_a_sign_in_that_nobody_answered_is_counted(
    gateway: RunningGateway, project: ProjectId, worker: ScriptedWorker, redis: Redis
) -> None:
    """As `unavailable`, which is what the widget was told."""
    worker.hold()
    with gateway.widget(project) as widget:
        widget.hello()
        assert widget.sign_in(a_token())["code"] == "unavailable"

        wait_until(lambda: refused(redis, project) == {"unavailable": 1})
