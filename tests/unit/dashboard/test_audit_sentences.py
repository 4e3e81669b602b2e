"""Every action reads as a sentence."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard.pages.audit_sentences import SENTENCES, Detail, actor_words, details_of, sentence_of
from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.rotation_announcements import _ACTIONS
from storage.sql.audit import AuditEntry

ROOT = Path(__file__).parents[3]
AUDITED_BY = {"audit", "_audit"}


def entry(action: str, details: JsonObject | None = None) -> AuditEntry:
    """A line of the log."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return AuditEntry("an id", ProjectId("a project"), at, "cli:ada", None, action, details)


def audited_actions() -> set[str]:
    """What stands as an action in a call that audits, anywhere in the program."""
    found = set(_ACTIONS.values())
    for room in ("services", "dashboard", "cli"):
        sources = (path.read_text("utf-8") for path in (ROOT / room).rglob("*.py"))
        for source in filter(lambda text: "audit(" in text, sources):
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and _name_of(node.func) in AUDITED_BY:
                    texts = [a.value for a in node.args if isinstance(a, ast.Constant)]
                    found |= {text for text in texts if isinstance(text, str) and "." in text}
    return found


def _name_of(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def test_every_action_has_its_sentence() -> None:
    """What the program writes into the log, somebody can read."""
    found = audited_actions()

    assert len(found) > 20
    assert found - set(SENTENCES) == set()


def test_no_sentence_is_about_what_nobody_writes() -> None:
    """Each action stands in the code that does it, too."""
    rooms = ("services", "domain", "dashboard", "cli")
    paths = (path for room in rooms for path in (ROOT / room).rglob("*.py"))
    code = "".join(path.read_text("utf-8") for path in paths if path.stem != "audit_sentences")

    assert [action for action in SENTENCES if f'"{action}"' not in code] == []


def test_an_action_of_another_version_is_told_all_the_same() -> None:
    """By its name, with what is known of it."""
    assert sentence_of(entry("moon.eaten")) == "did moon.eaten"
    assert details_of(entry("moon.eaten", {"how_much": 3}), {}) == [Detail("How much", "3")]


def test_details_are_named() -> None:
    """What has a name is called by it, codes are words, times are times, pages are led to."""
    told = details_of(
        entry(
            "rotation.planned",
            {
                "key_id": "k2",
                "revoked": ["k1", "k0"],
                "due_at": "2026-11-22T09:00:00.000Z",
                "moved_because": "new_secret_unused",
                "forced": True,
                "rotation_id": "r",
            },
        ),
        {"k2": "Secret 2", "k1": "Secret 1"},
    )

    assert [(detail.label, detail.text) for detail in told] == [
        ("New secret", "Secret 2"),
        ("Revoked", "Secret 1, k0"),
        ("Due", "2026-11-22T09:00:00.000Z"),
        ("Because", "new secret unused"),
        ("Forced", "yes"),
        ("Rotation", "r"),
    ]
    assert told[2].moment == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert told[5].page == "rotations/r"


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ("cli:ada", "ada, on the command line"),
        ("worker", "The system"),
        ("policy", "The rotation policy"),
        ("member:gone", "A former member"),
        ("api_key:gone", "A former API key"),
        ("somebody:else", "somebody:else"),
    ],
)
def test_actors_are_called_what_people_call_them(actor: str, words: str) -> None:
    """Members and keys that are known still have names of their own."""
    assert actor_words(actor) == words
