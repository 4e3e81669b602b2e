"""A project with a day behind it: secrets, sessions, figures, and a log of who did what."""

import math
import os
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from domain.ids import NodeId, ProjectId
from domain.roles import Actor, Role
from storage.redis import figures, keys, signals
from storage.redis.client import Redis, connect
from storage.redis.figures import HOUR, SLOT, SignInCounts
from storage.sql import signing_secrets
from tests.browser.dashboards import Dashboard

NODE = NodeId("picture")
MINUTE = timedelta(minutes=1)


def generate(dashboard: Dashboard, project_id: ProjectId, **options: Any) -> dict[str, Any]:
    """What a regenerate answers: the secret, its key id, the rotation."""
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        answer = admin.post(f"/projects/{project_id}/secrets", json=options)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def mint(secret: str, custom_id: str = "ada", *, lifetime: int = 300, **claims: Any) -> str:
    """A token as a site's back end signs it."""
    now = int(time.time())
    payload = {"external_id": custom_id, "iat": now, "exp": now + lifetime, **claims}
    return jwt.encode(payload, secret, algorithm="HS256")


def live_through_a_day(dashboard: Dashboard, project_id: ProjectId) -> None:
    """Two secrets were used, the first is revoked; some tokens were refused."""
    first = generate(dashboard, project_id)
    second = generate(dashboard, project_id, reason="A developer left")
    now = datetime.now(UTC)
    used = [first["key_id"], second["key_id"]]
    dashboard.transactor.run(lambda t: signing_secrets.note_verified(t.db, used, now))
    with closing(connect(dashboard.system.environ["WIDGET_AUTH_REDIS_URL"])) as redis:
        _connect(redis, project_id, {"anon": 148, "2": 96})
        _draw(redis, project_id, now)
        _count(redis, project_id, now)


def plan_a_rotation(dashboard: Dashboard, project_id: ProjectId) -> None:
    """Chat is open by day; a third secret was made, and the second retires in the off-hours."""
    live_through_a_day(dashboard, project_id)
    days = ("mon", "tue", "wed", "thu", "fri")
    weekly = {day: [["08:30", "19:00"]] for day in days} | {"sat": [["10:00", "14:00"]]}
    changes = {"operating_hours": {"weekly": weekly}}
    with dashboard.system.admin(dashboard.system.owner_key) as admin:
        answer = admin.patch(f"/projects/{project_id}", json=changes)
    assert answer.status_code == 200, answer.text
    generate(dashboard, project_id, retire_previous="off_hours", reason="Every quarter")


def act_in(dashboard: Dashboard, project_id: ProjectId) -> None:
    """The log has lines of people, a key, the command line and the system."""
    live_through_a_day(dashboard, project_id)
    ada = dashboard.member(Role.ADMINISTRATOR, project_id, f"ada-{os.urandom(2).hex()}@example.com")
    for actor, action, details in (
        (f"member:{ada.id}", "project.changed", {"members": ["token_policy"]}),
        (
            f"member:{ada.id}",
            "access.refused",
            {"action": "projects.create", "route": "POST /projects"},
        ),
        ("cli:ada", "rotation.policy_set", {"every_days": 90}),
        ("worker", "rotation.postponed", {"moved_because": "new_secret_unused"}),
    ):
        who = Actor(actor, "203.0.113.7" if actor != "worker" else None)
        dashboard.transactor.run(lambda t, w=who, a=action, d=details: t.audit(w, a, project_id, d))


def _connect(redis: Redis, project_id: ProjectId, counts: dict[str, int]) -> None:
    for kind, count in counts.items():
        name = f"{kind}:{NODE}:0"
        redis.sadd(keys.buckets(project_id), name)
        sessions = {os.urandom(16): os.urandom(16) for _ in range(count)}
        redis.hset(keys.bucket(project_id, name), mapping=sessions)


def _draw(redis: Redis, project_id: ProjectId, now: datetime) -> None:
    """A night, a morning and an afternoon; the first secret gives way to the second."""
    for n in range(288):
        moment = now - n * SLOT
        busy = 0.5 + 0.5 * math.sin((moment.hour * 60 + moment.minute) / 1440 * math.tau - 2.4)
        wobble = 1 + 0.02 * math.sin(n * 1.7) + 0.04 * math.sin(n * 0.31)
        anonymous, signed_in = int(150 * busy * wobble) + 12, int(110 * busy * wobble) + 4
        generation = 2 if n < 100 else 1
        sample = {None: anonymous, generation: signed_in}
        figures.note_samples(redis, {project_id: sample}, moment)


def _count(redis: Redis, project_id: ProjectId, now: datetime) -> None:
    for n in range(20):
        counts = SignInCounts(Counter({2 if n < 8 else 1: 61 + n}), Counter())
        counts.refused.update({"token_expired": 3, "key_revoked": int(n < 3) * 4})
        commands = figures.counting({project_id: counts}, now - n * HOUR)
        signals.send_many(redis, [], commands)
