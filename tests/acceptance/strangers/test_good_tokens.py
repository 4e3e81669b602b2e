"""Tokens that other people's code makes are read as they should be."""

import time
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from domain.json_values import JsonObject
from domain.outcomes import SignedIn
from tests.acceptance.strangers.conftest import Site, Sites
from tests.acceptance.strangers.signers import Signer

pytestmark = pytest.mark.timeout(300)  # packages may have to be installed first

ALGORITHMS = ("HS256", "HS384", "HS512")
Claims = dict[str, Any]


def _ours(_site: Site, now: int) -> Claims:
    return {"external_id": "ada", "name": "Ada Lovelace", "email": "ada@example.com"} | {
        "iat": now,
        "exp": now + 300,
        "attributes": {"plan": "gold", "motto": "Ça va? 🎉"},
    }


def _original_systems(site: Site, _now: int) -> Claims:
    """Neither `iat` nor `exp`, and the fixed words of its own documentation."""
    return {
        "_id": "ada",
        "firstname": "Ada",
        "lastname": "Lovelace",
        "email": "ada@example.com",
        "role": "admin",
        "sub": "userexternal",
        "aud": f"https://chat.example.com/projects/{site.project_id}",
    }


def _with_external_id(_site: Site, now: int) -> Claims:
    """As the back end of a big customer-service product's messaging widget signs it."""
    return {
        "scope": "user",
        "external_id": "ada",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "email_verified": True,
        "iat": now,
        "exp": now + 600,
    }


def _with_user_id(_site: Site, now: int) -> Claims:
    """As the back end of another big product's messenger signs it."""
    return {
        "user_id": "ada",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "exp": now + 300,
        "plan": "gold",
    }


Form = tuple[JsonObject, Callable[[Site, int], Claims]]
FORMS: dict[str, Form] = {
    "our own": ({}, _ours),
    "the original system's": ({"preset": "tiledesk"}, _original_systems),
    "external_id": ({}, _with_external_id),
    "user_id": ({"custom_id_claim": "user_id"}, _with_user_id),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_strangers_token_signs_its_person_in(sites: Sites, sign: Signer, form: str) -> None:
    """Whichever algorithm it chose, with and without `kid`: the same person each time."""
    policy, claims_of = FORMS[form]
    site = sites.add(policy)
    claims = claims_of(site, int(time.time()))
    ways = list(product(ALGORITHMS, (None, site.key_id)))

    tokens = sign([site.wanted(claims, algorithm=how, kid=kid) for how, kid in ways])
    outcomes = site.verify([tokens[0], f"JWT {tokens[1]}", f"Bearer {tokens[2]}", *tokens[3:]])

    assert len(set(tokens)) == len(ways)
    assert {type(outcome) for outcome in outcomes} == {SignedIn}, outcomes
    people = {(o.custom_id, o.name, o.email) for o in outcomes if isinstance(o, SignedIn)}
    assert people == {("ada", "Ada Lovelace", "ada@example.com")}
    assert len({o.visitor_id for o in outcomes if isinstance(o, SignedIn)}) == 1


def test_without_the_mapping_a_user_id_names_nobody(site: Site, sign: Signer) -> None:
    """What a claim means is the project's to say, not the token's."""
    [token] = sign([site.wanted(_with_user_id(site, int(time.time())))])

    assert site.code_of(token) == "claim_missing"


def test_the_original_systems_form_needs_its_preset(site: Site, sign: Signer) -> None:
    """By default a token that never expires is refused."""
    [token] = sign([site.wanted(_original_systems(site, 0))])

    assert site.code_of(token) == "claim_missing"
