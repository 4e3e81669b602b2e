"""The page on the browser SDK names all that a page can set, call, hear and be told."""

import re

import pytest

from tests.documents import ROOT

_PAGE = (ROOT / "docs" / "sdk.md").read_text()
_TYPES = (ROOT / "widget" / "types.d.ts").read_text()
_CODE = (ROOT / "widget" / "tiledesk.js").read_text()


def _members(interface: str) -> list[str]:
    [body] = re.findall(rf"^interface {interface} {{\n(.*?)^}}", _TYPES, re.MULTILINE | re.DOTALL)
    return sorted(set(re.findall(r"^  (?:readonly )?(\w+)[?(:]", body, re.MULTILINE)))


@pytest.mark.parametrize("interface", ["Settings", "Tiledesk", "AuthState"])
def test_every_member_is_named(interface: str) -> None:
    """Of the settings, of the calls, of what the main event tells."""
    members = _members(interface)

    assert len(members) > 3
    assert [name for name in members if not re.search(rf"`{name}[`(]", _PAGE)] == []


def test_every_event_is_named() -> None:
    """Those that the SDK dispatches, and no others."""
    told = set(re.findall(r'tell\("(\w+)"', _CODE))

    assert set(re.findall(r"^\| `(on[A-Z]\w+)` \|", _PAGE, re.MULTILINE)) == told


def test_every_code_is_named() -> None:
    """Those of its own; the refusals of the platform are told where tokens are explained."""
    codes = set(re.findall(r'new Refused\("(\w+)"', _CODE))
    elsewhere = (ROOT / "docs" / "jwt-guide.md").read_text()

    assert len(codes) > 8
    assert [c for c in codes if f"`{c}`" not in _PAGE and f"`{c}`" not in elsewhere] == []
