"""Signing people out and splitting merges from the command line, on both databases."""

import uuid

from domain.ids import DeviceId
from services.key_rings import KeyRings
from services.transactions import Transactor
from services.verify_visitors import VisitorVerifier
from storage.sql.audit import list_audit
from storage.sql.engine import Database
from tests.integration.cli.commands import CommandLine
from tests.integration.cli.conftest import Shop
from tests.integration.scenes import DEVICES, SEALER, mint, new_device, request


def sign_ada_in_twice(transactor: Transactor, shop: Shop) -> list[DeviceId]:
    """One person, two devices."""
    verifier = VisitorVerifier(transactor, KeyRings(SEALER), DEVICES)
    devices = [new_device(shop.id) for _ in range(2)]
    for device in devices:
        verifier.verify([request(shop.id, mint(shop.secret, "ada"), device)])
    return devices


def test_a_person_is_signed_out_everywhere(
    cli: CommandLine, shop: Shop, transactor: Transactor, database: Database
) -> None:
    """Every device has ended, and it stands in the audit log who did it."""
    sign_ada_in_twice(transactor, shop)
    options = ("Shop", "--custom-id", "ada")

    done = cli("visitor", "sign-out", *options, "--json").document["signed_out"]

    shown = cli("visitor", "show", *options, "--json").document["visitor"]
    assert done == {"visitor_id": shown["id"], "devices_ended": 2}
    assert all(device["ended_at"] for device in shown["devices"])
    with database.reading() as db:
        entry = list_audit(db, shop.id, limit=1)[0]
    assert entry.action == "visitor.signed_out"
    assert entry.actor.startswith("cli:")
    assert "Signed out everywhere" in cli("visitor", "sign-out", *options).err
    unknown = cli("visitor", "sign-out", "Shop", "--custom-id", "bob", "--json")
    assert unknown.error == (1, "visitor_not_found")


def test_a_merge_is_split_once(cli: CommandLine, shop: Shop, transactor: Transactor) -> None:
    """By the id that `visitor show` lists; the second time is refused."""
    sign_ada_in_twice(transactor, shop)
    options = ("Shop", "--custom-id", "ada", "--json")
    before = cli("visitor", "show", *options).document["visitor"]
    [merge] = before["merges"]

    undone = cli("visitor", "unmerge", "Shop", merge["id"], "--json").document["merge"]

    assert (undone["survivor_id"], undone["absorbed_id"]) == (before["id"], merge["absorbed_id"])
    assert undone["undone_at"].endswith("Z")
    after = cli("visitor", "show", *options).document["visitor"]
    assert (after["absorbed"], after["merges"][0]["undone_at"]) == ([], undone["undone_at"])
    again = cli("visitor", "unmerge", "Shop", merge["id"], "--json")
    assert again.error == (1, "already_undone")
    for nothing in ("x", str(uuid.uuid4())):
        missing = cli("visitor", "unmerge", "Shop", nothing, "--json")
        assert missing.error == (1, "merge_not_found")
