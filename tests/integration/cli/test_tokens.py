"""Tokens and visitors from the command line, on both databases."""

import time
from pathlib import Path

import jwt

from domain.custom_ids import normalise_custom_id
from domain.tokens.policy import TokenPolicy
from services.key_rings import KeyRings
from services.transactions import Transactor
from services.verify_visitors import VisitorVerifier
from storage.sql.engine import Database
from tests.integration.cli.commands import CommandLine
from tests.integration.cli.conftest import Shop, dump, on_sqlite
from tests.integration.scenes import DEVICES, SEALER, add_project, mint, new_device, request, rotate


@on_sqlite
def test_minted_token_is_what_a_site_would_sign(cli: CommandLine, shop: Shop) -> None:
    """Its claims are those asked for, it lives five minutes, and the inspector accepts it."""
    who = ("--custom-id", "ada", "--name", "Ada", "--email", "ada@example.com")
    answer = cli("token", "mint", "Shop", *who, "--secret-stdin", "--json", stdin=shop.secret)

    assert set(answer.document) == {"token"}
    claims = jwt.decode(answer.document["token"], shop.secret, algorithms=["HS256"])
    expected = {"external_id": "ada", "name": "Ada", "email": "ada@example.com"}
    assert {name: claims[name] for name in expected} == expected
    assert set(claims) == {*expected, "iat", "exp"}
    assert claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - time.time()) < 60
    seen = cli(
        "token", "inspect", "Shop", "--token-stdin", "--json", stdin=answer.document["token"]
    )
    assert (seen.document["accepted"], seen.document["code"]) == (True, None)


@on_sqlite
def test_custom_id_is_signed_where_the_project_wants_it(
    cli: CommandLine, transactor: Transactor
) -> None:
    """A project may name the claim; a token minted for it is accepted."""
    policy = TokenPolicy.from_json({"custom_id_claim": "user_id"})
    project_id = add_project(transactor, policy)
    secret = rotate(transactor, project_id).secret

    mint_ = ("token", "mint", project_id, "--custom-id", "ada", "--secret-stdin")
    token = cli(*mint_, stdin=secret).out

    seen = cli("token", "inspect", project_id, "--token-stdin", "--json", stdin=token).document
    assert (seen["accepted"], seen["custom_id"]) == (True, "ada")
    assert "external_id" not in jwt.decode(token.strip(), options={"verify_signature": False})


@on_sqlite
def test_secret_and_token_come_by_file(cli: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """A line end behind them does not matter; the header names the key that was asked for."""
    (tmp_path / "secret").write_text(f"{shop.secret}\n")
    mint_ = ("token", "mint", "Shop", "--custom-id", "7", "--secret-file", "secret")
    minted = cli(*mint_, "--kid", shop.key_id, "--lifetime", "60").out
    (tmp_path / "token").write_text(minted)

    seen = cli("token", "inspect", "Shop", "--token-file", "token", "--json").document

    assert seen["accepted"]
    assert seen["key_id"] == shop.key_id
    token = minted.strip()
    assert jwt.get_unverified_header(token)["kid"] == shop.key_id
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 60


def test_inspector_says_why_and_ends_well(cli: CommandLine, shop: Shop, database: Database) -> None:
    """A refused token is an answer, not a failure, and nothing of it is stored."""
    token = mint(shop.secret, "null", aud="elsewhere")

    seen = cli("token", "inspect", "Shop", "--token-stdin", "--json", stdin=token)

    assert seen.code == 0
    assert set(seen.document) >= {"accepted", "code", "checks"}
    assert (seen.document["accepted"], seen.document["code"]) == (False, "audience_mismatch")
    failed = [check["name"] for check in seen.document["checks"] if not check["passed"]]
    assert failed == ["audience", "custom_id"]
    assert all(set(check) == {"name", "passed", "message"} for check in seen.document["checks"])
    lines = cli("token", "inspect", "Shop", "--token-stdin", stdin=token).out.splitlines()
    assert lines[-1] == "✗ refused: audience_mismatch"
    assert sum(line.startswith("✗") for line in lines) == 3
    assert sum(line.startswith("✓") for line in lines) == len(lines) - 3
    assert token not in dump(database)


def test_token_of_a_revoked_secret_is_named_so(cli: CommandLine, shop: Shop) -> None:
    """After a regenerate the inspector answers what a sign-in would be answered."""
    cli("secret", "rotate", "Shop", "--yes", "--json")

    token = mint(shop.secret, "ada")
    seen = cli("token", "inspect", "Shop", "--token-stdin", "--json", stdin=token).document

    assert (seen["accepted"], seen["code"]) == (False, "key_revoked")
    assert seen["key_id"] == shop.key_id


@on_sqlite
def test_hostile_tokens_are_answered(cli: CommandLine, shop: Shop) -> None:
    """Whatever comes as a token, the inspector says that it is none."""
    for text, code in [
        (b"", "token_malformed"),
        ("e\u0301.\u202e.\u0000".encode(), "token_malformed"),
        (b"x" * 9000, "token_too_large"),
        (b"JWT " + b"." * 2, "token_malformed"),
    ]:
        seen = cli("token", "inspect", "Shop", "--token-stdin", "--json", stdin=text).document
        assert (seen["accepted"], seen["code"]) == (False, code)


def test_person_is_shown_with_devices_and_merges(
    cli: CommandLine, shop: Shop, transactor: Transactor
) -> None:
    """Two devices of one person: the second one's anonymous record was absorbed."""
    verifier = VisitorVerifier(transactor, KeyRings(SEALER), DEVICES)
    custom_id = "Zoe\u0301"
    for _ in range(2):
        device = new_device(shop.id)
        verifier.verify([request(shop.id, mint(shop.secret, custom_id, name="[red]Zoé"), device)])

    shown = cli("visitor", "show", "Shop", "--custom-id", custom_id, "--json").document["visitor"]

    assert shown["custom_id"] == normalise_custom_id(custom_id)
    assert shown["authenticated"] is True
    assert shown["name"] == "[red]Zoé"
    assert len(shown["devices"]) == 4
    assert all(set(device) == {"id", "ended_at"} for device in shown["devices"])
    assert sum(device["ended_at"] is None for device in shown["devices"]) == 2
    [absorbed] = shown["absorbed"]
    assert absorbed != shown["id"]
    assert "[red]Zoé" in cli("visitor", "show", "Shop", "--custom-id", custom_id).out
    unknown = cli("visitor", "show", "Shop", "--custom-id", "bob", "--json")
    assert unknown.error == (1, "visitor_not_found")
    junk = cli("visitor", "show", "Shop", "--custom-id", "null", "--json")
    assert junk.error == (2, "custom_id_invalid")
