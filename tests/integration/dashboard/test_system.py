"""Figures of the whole system, as a monitoring system reads them."""

from prometheus_client.parser import text_string_to_metric_families

from domain.alarms import AlarmKind
from services.poison_notes import PoisonNotes
from storage.sql import projects
from tests.integration.dashboard.serving import Api, Caller
from tests.integration.scenes import add_project, announce_hopeless

PREFIX = "widget_auth_system_"


def figures(owner: Caller) -> dict[tuple[str, str], float]:
    """Each figure by its name and its label."""
    answer = owner.get("/system/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name.removeprefix(PREFIX), "".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_figures_tell_what_waits_and_what_is_wrong(api: Api, owner: Caller) -> None:
    """Events on their way, what is parked, alarms by kind, nodes, clocks."""
    transactor = api.stores.transactor
    project_id = add_project(transactor)
    before = figures(owner)
    announce_hopeless(transactor, project_id)
    transactor.run(lambda t: projects.halt_project(t.db, project_id, 9, t.now))
    PoisonNotes(transactor).note("unknown", "task_unknown")

    after = figures(owner)

    risen = {figure: after[figure] - before.get(figure, 0) for figure in after}
    assert risen["outbox_undone", ""] == 1
    assert after["outbox_age_seconds", ""] > 0
    assert risen["parked_messages", ""] == 1
    assert risen["alarms", AlarmKind.PROJECT_HALTED] == 1
    assert risen["alarms", AlarmKind.MESSAGE_PARKED] == 1
    assert risen["alarms", AlarmKind.ROTATION_LATE] == 0
    assert abs(after["clock_offset_seconds", "sql"]) < 60
    assert ("gateway_nodes", "true") in after


def test_only_owners_read_them(api: Api, owner: Caller) -> None:
    """They tell of every project."""
    assert owner.get("/system/metrics").status_code == 200
    assert api.caller_with(None).get("/system/metrics").status_code == 401
