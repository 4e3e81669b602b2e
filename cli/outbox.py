"""`widget-auth outbox …`: events that wait, and what is parked."""

import click

from cli.connections import Connected, connected
from cli.failures import WrongUse
from cli.named_projects import get_named_project
from cli.options import cursor_option, json_option, limit_option
from cli.paging import cut, say_more
from cli.printing import print_facts, print_json, print_table, say
from cli.shapes import event_shape, parked_message_shape
from domain.events import OutboxEvent
from domain.ids import EventId, ProjectId
from services import parking as services_parking
from storage.sql import parking
from storage.sql.parking import ParkedMessage


@click.command("list")
@click.argument("project_text", metavar="[PROJECT]", required=False)
@click.option("--parked", is_flag=True, help="What is not repeated any more, and why.")
@limit_option
@cursor_option
@json_option
def list_undone(
    project_text: str | None, limit: int, cursor: str | None, *, parked: bool, as_json: bool
) -> None:
    """List the events that wait to be carried out, oldest first; or what is parked.

    Parked messages, which no task could make sense of, are listed where no project is named, every
    one of them beside the first page of events; what they held is kept nowhere.
    """
    with connected() as system:
        found = _list_events(system, project_text, limit + 1, cursor, parked=parked)
        with_messages = parked and not project_text and not cursor
        messages = _list_messages(system) if with_messages else []
    events, next_cursor = cut(found, limit, lambda event: event.event_id)
    if as_json:
        items = [event_shape(event) for event in events]
        shapes = [parked_message_shape(message) for message in messages]
        print_json({"items": items, "next_cursor": next_cursor, "messages": shapes})
        return
    print_table(
        ("EVENT", "PROJECT", "KIND", "SINCE", "PARKED", "BECAUSE"),
        [
            (e.event_id, e.project_id, e.kind.value, e.created_at, e.parked_at, e.parked_because)
            for e in events
        ],
    )
    if messages:
        print_table(
            ("MESSAGE", "TASK", "BECAUSE", "PARKED", "EVENT", "MORE"),
            [(m.id, m.task, m.because, m.parked_at, m.reference, m.repeated) for m in messages],
        )
    say_more(next_cursor)


@click.command()
@click.argument("event_id", metavar="EVENT_ID")
@json_option
def replay(event_id: str, *, as_json: bool) -> None:
    """Have an event carried out, once more if it was; a parked one is repeated again."""
    with connected() as system:
        event = services_parking.replay_event(system.stores, EventId(event_id), system.actor)
        is_sent = not system.events.left_to_relay
    if as_json:
        print_json({"event": event_shape(event), "sent": is_sent})
    elif is_sent:
        say("The event is on its way.")
    else:
        say("The message broker does not answer; the event is repeated until it gets through.")


@click.command()
@click.argument("message_id", metavar="MESSAGE_ID", required=False)
@click.option("--all", "dismiss_all", is_flag=True, help="Every parked message.")
@json_option
def dismiss(message_id: str | None, *, dismiss_all: bool, as_json: bool) -> None:
    """Take parked messages off the list, and their alarms with them; events stay as they are."""
    if dismiss_all == bool(message_id):
        raise WrongUse("message_missing", "Give the ID of one message, or --all.")
    with connected() as system:
        dismissed = services_parking.dismiss_messages(system.stores, message_id, system.actor)
    if as_json:
        print_json({"dismissed": dismissed})
    else:
        print_facts({"dismissed": dismissed})


def _list_events(
    system: Connected, project_text: str | None, limit: int, after: str | None, *, parked: bool
) -> list[OutboxEvent]:
    with system.stores.database.reading() as db:
        project_id: ProjectId | None = None
        if project_text:
            project_id = get_named_project(db, project_text).id
        return parking.list_undone(db, project_id, parked=parked, limit=limit, after=after)


def _list_messages(system: Connected) -> list[ParkedMessage]:
    with system.stores.database.reading() as db:
        return parking.list_parked_messages(db)
