"""The OpenAPI document says everything that the API can answer."""

from typing import Any

import pytest

from dashboard.errors import STATUS_OF
from dashboard.wire import API_PREFIX
from tests.integration.dashboard.serving import Api, Caller

ANYWHERE = {"401", "403", "429", "503", "default"}
PAGED = {"limit", "cursor"}


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    """The document, as anybody gets it."""
    answer = api.caller_with(None).get("/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_documented(api: Api, document: dict[str, Any]) -> None:
    """All but the document itself."""
    routes = {
        (route.path, method.lower())
        for route in api.dashboard.app.state.routes
        for method in route.methods
    }
    documented = {(path, method) for path, method, _ in operations(document)}

    assert documented == routes - {(f"{API_PREFIX}/openapi.json", "get")}


def test_every_error_is_documented_in_its_one_form(document: dict[str, Any]) -> None:
    """Each with what it means; and no status is left to be discovered."""
    for path, method, operation in operations(document):
        answers = operation["responses"]
        expected = set(ANYWHERE)
        if "{project_id}" in path:
            expected |= {"404"}
        if "requestBody" in operation:
            expected |= {"400", "413", "422"}
        if {each["name"] for each in operation.get("parameters", [])} >= PAGED:
            expected |= {"400", "422"}
        elif any(each["in"] == "query" for each in operation.get("parameters", [])):
            expected |= {"422"}
        good = {status for status in answers if status.startswith("2")}
        assert expected <= set(answers), (path, method)
        assert set(answers) - expected - good <= {"409", "410"}, (path, method)
        assert len(good) == 1
        for status in set(answers) - good:
            [content] = answers[status]["content"].values()
            assert content["schema"]["$ref"].endswith("/ErrorAnswer")
            assert answers[status]["description"]


def test_every_status_that_errors_have_is_documented(document: dict[str, Any]) -> None:
    """None of the table of errors is missing in the document."""
    documented = {status for _, _, each in operations(document) for status in each["responses"]}

    assert {str(status) for status in STATUS_OF.values()} <= documented


def test_every_operation_says_how_to_ask(document: dict[str, Any]) -> None:
    """With an API key or a cookie and its token, under a name of its own, with a sentence."""
    schemes = document["components"]["securitySchemes"]
    assert document["security"] == [{"apiKey": []}, {"cookie": [], "csrfToken": []}]
    assert schemes["apiKey"]["scheme"] == "bearer"
    assert (schemes["cookie"]["in"], schemes["csrfToken"]["in"]) == ("cookie", "header")
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert all(operation["summary"].endswith(".") for _, _, operation in operations(document))


def test_answers_are_as_documented(owner: Caller, document: dict[str, Any]) -> None:
    """Members of answers have types and times have their format."""
    schema = document["components"]["schemas"]["Project"]
    project = owner.post("/projects", json={"name": "Bakery"}).json()

    assert set(schema["properties"]) == set(schema["required"]) == set(project)
    assert schema["properties"]["created_at"]["format"] == "date-time"
    assert schema["properties"]["id"]["format"] == "uuid"
