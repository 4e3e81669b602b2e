"""Text that no database keeps is refused wherever it is taken, and fails nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from dashboard.wire import API_PREFIX
from domain.ids import ProjectId
from domain.permissions import Action
from domain.roles import Role
from tests.integration.dashboard.browsing import browsing, new_member
from tests.integration.dashboard.serving import Api
from tests.integration.dashboard.test_who_may import (
    BODIES,
    filled,
    pages_of,
    routes_of,
)

TEXT = "a\0b"  # what PostgreSQL does not take


def taken_by(dependant: Dependant) -> Iterator[Dependant]:
    """What the route itself takes, and what each of its dependencies does."""
    yield dependant
    for each in dependant.dependencies:
        yield from taken_by(each)


def requests_of(route: APIRoute) -> Iterator[dict[str, Any]]:
    """The route is asked with each of its texts in turn, as httpx sends it."""
    is_api = route.path.startswith(API_PREFIX)
    for taken in taken_by(route.dependant):
        for field in taken.query_params:
            yield {"params": {field.alias: TEXT}}
        for field in taken.body_params if not is_api else ():
            yield {"data": {field.alias: TEXT}}
    body = BODIES.get(Action(route.name), {}) if is_api else {}
    for name, value in body.items():
        if isinstance(value, str):
            yield {"json": {**body, name: TEXT}}


@pytest.mark.parametrize("kept_database_url", ["postgresql"], indirect=True)
def test_no_text_fails_a_route(api: Api, project_id: ProjectId) -> None:
    """Whether in a query, a form or a body."""
    open_to_all = {"document.read", "static.read", "sign_in.create", "invitation.accept"}
    routes = (*routes_of(api), *pages_of(api))
    asked = 0
    with browsing(api, new_member(api, Role.OWNER)) as browser:
        token = {"X-CSRF-Token": browser.csrf_token}
        for route in (each for each in routes if each.name not in open_to_all):
            for options in requests_of(route):
                [method] = route.methods or ()
                path = filled(route.path, project_id)
                answer = browser.client.request(method, path, headers=token, **options)
                assert answer.status_code < 500, (route.path, options, answer.text)
                asked += 1

    assert asked > 70
