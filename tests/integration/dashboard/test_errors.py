"""Whatever goes wrong is told in one form, and nothing internal with it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from domain.ids import ProjectId
from domain.roles import Role
from storage.sql.tables import projects
from tests.integration.dashboard.serving import Api, Caller, error_of, nobody, serving, settings_of
from tests.servers.redis import RedisServer

JSON = {"Content-Type": "application/json"}
MARK = "ZXmarkZX"


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/projects/", "/projects/x/y/z", "/docs", "/redoc", "/../x"]
)
def test_a_path_without_anything_is_404(api: Api, owner: Caller, path: str) -> None:
    """For those with a key and those without, in the usual form."""
    for caller in (owner, api.caller_with(None)):
        answer = caller.get(path)
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "not_found"


def test_a_method_that_a_path_does_not_take_is_405(owner: Caller) -> None:
    """With the methods that it does take."""
    answer = owner("DELETE", "/projects")

    assert answer.status_code == 405
    assert error_of(answer)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name":',
        b"\xff\xfe",
        b'{"name":"\xc3\x28"}',
        b"[" * 30_000,
        b'{"name":' + b"9" * 6000 + b"}",
    ],
)
def test_a_body_that_is_no_json_is_400(owner: Caller, body: bytes) -> None:
    """Broken, wrongly encoded, too deep, too long a number: all the same."""
    answer = owner.post("/projects", content=body, headers=JSON)

    assert answer.status_code == 400
    assert error_of(answer)["code"] == "malformed_body"


@pytest.mark.parametrize("size", [64 * 1024 + 1, 1_000_000])
def test_a_body_beyond_64_kib_is_413(owner: Caller, size: int) -> None:
    """Declared beforehand or not."""

    def undeclared() -> Iterator[bytes]:
        for _ in range(0, size, 1000):
            yield b" " * 1000

    declared = owner.post("/projects", content=b" " * size, headers=JSON)
    chunked = owner.post("/projects", content=undeclared(), headers=JSON)

    for answer in (declared, chunked):
        assert answer.status_code == 413
        assert error_of(answer)["code"] == "body_too_large"


def test_a_body_of_64_kib_is_read(owner: Caller) -> None:
    """The bound itself is within it."""
    body = b'{"name":"Bakery"}'
    answer = owner.post("/projects", content=body + b" " * (64 * 1024 - len(body)), headers=JSON)

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([MARK], "body"),
        (MARK, "body"),
        (None, "body"),
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": ""}, "name"),
        ({"name": " \t "}, "name"),
        ({"name": MARK + "x" * 200}, "name"),
        ({"name": MARK + "\0"}, "name"),
        ({"name": MARK + "\ud800"}, "name"),
        ({"name": "a", "time_zone": MARK}, "time_zone"),
        ({"name": "a", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"name": "a", "time_zone": "\ud800"}, "time_zone"),
        ({"name": "a", "owner": MARK}, "owner"),
        ({"name": "a", MARK + "\ud800": 1}, "body"),
        ({"name": "a", MARK + "é": 1}, "?"),
        ({"name": "a", "\0": 1}, "?"),
    ],
)
def test_what_is_ill_formed_is_named_but_not_repeated(owner: Caller, body: Any, field: str) -> None:
    """422 with the field's name; no value comes back."""
    answer = owner.post("/projects", json=body)

    assert answer.status_code == 422, answer.text
    fields = error_of(answer)["details"]["fields"]
    assert [each["field"] for each in fields] == [field]
    assert fields[0]["message"]
    assert MARK not in answer.text


def test_a_body_of_another_type_is_told_what_is_expected(owner: Caller) -> None:
    """A form is not JSON."""
    answer = owner.post("/projects", data={"name": MARK})

    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.text
    assert MARK not in answer.text


def test_a_store_that_is_away_is_503(
    api: Api, administrator: Caller, project_id: ProjectId, redis_server: RedisServer
) -> None:
    """Redis holds its connections and says nothing: try again, in so many seconds."""
    redis_server.pause()
    try:
        answer = administrator.get(f"/projects/{project_id}/impact")
    finally:
        redis_server.resume()

    assert answer.status_code == 503
    assert error_of(answer)["code"] == "unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert administrator.get(f"/projects/{project_id}/impact").status_code == 200


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all.sqlite", f"postgresql://{MARK}:{MARK}@127.0.0.1:1/nothing"],
)
def test_without_a_database_everything_is_503(url: str, redis_server: RedisServer) -> None:
    """Nothing is decided, and nothing of the database's address is told."""
    with serving(settings_of(url, redis_server.url)) as api:
        answer = api.caller_with("wa_" + "A" * 43).get("/projects")

    assert answer.status_code == 503
    assert error_of(answer)["code"] == "unavailable"
    assert MARK not in answer.text


def test_what_nobody_foresaw_is_a_bare_500(
    api: Api, administrator: Caller, project_id: ProjectId
) -> None:
    """A row no version ever wrote: the answer has a request id, under which the log has it all."""
    row = projects.update().where(projects.c.id == project_id)
    api.stores.database.write(lambda db: db.execute(row.values(limits={MARK: 1})))

    answer = administrator.get(f"/projects/{project_id}")
    api.stores.database.write(lambda db: db.execute(row.values(limits={})))

    assert answer.status_code == 500
    error = error_of(answer)
    assert error["code"] == "internal_error"
    assert error["details"] == {"request_id": answer.headers["x-request-id"]}
    assert not re.search(r"Traceback|File|TypeError|Limits", answer.text)
    assert MARK not in answer.text


def test_every_answer_has_its_security_headers(api: Api, owner: Caller) -> None:
    """Good answers and errors alike: not stored, not sniffed, not framed."""
    stranger = api.caller_with(None)
    answers = [
        owner.get("/projects"),
        owner.get(f"/projects/{nobody()}"),
        owner("DELETE", "/projects"),
        stranger.get("/projects"),
        stranger.get("/nothing"),
        stranger.get("/openapi.json"),
    ]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-type"] == "application/json"
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def test_the_client_behind_our_proxy_stands_in_the_audit_log(
    kept_database_url: str, redis_server: RedisServer
) -> None:
    """A trusted proxy's word counts, whatever the client wrote before it."""
    settings = settings_of(kept_database_url, redis_server.url, trusted_proxies="127.0.0.0/8")
    with serving(settings) as api:
        project_id = api.project()
        administrator = api.caller(Role.ADMINISTRATOR, project_id)
        forwarded = {"X-Forwarded-For": "10.9.8.7, 192.0.2.44"}
        administrator.post(f"/projects/{project_id}/secrets", headers=forwarded)
        [entry, *_] = administrator.get(f"/projects/{project_id}/audit").json()["items"]

    assert (entry["action"], entry["source"]) == ("secret.generated", "192.0.2.44")


def test_without_a_trusted_proxy_nobody_says_who_they_are(
    administrator: Caller, project_id: ProjectId
) -> None:
    """The header is anybody's to write."""
    forwarded = {"X-Forwarded-For": "192.0.2.44"}
    administrator.post(f"/projects/{project_id}/secrets", headers=forwarded)

    [entry, *_] = administrator.get(f"/projects/{project_id}/audit").json()["items"]

    assert entry["source"] == "127.0.0.1"
