"""Whose record a token ends in, case by case; and poison among other people's tokens."""

import time

import jwt

from domain.outcomes import RefusedRequest, SignedIn
from storage.sql import visitors
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import add_project, mint, request, rotate

DEEP = {"a": {"b": {"c": {"d": {"e": 1}}}}}
POISON: dict[str, dict[str, object]] = {
    "NUL in a name": {"name": "a\x00b"},
    "half a surrogate pair": {"name": "\ud800"},
    "an overridden direction": {"name": "\u202egnp.exe"},
    "a name too long": {"name": "x" * 201},
    "an e-mail too long": {"email": "x" * 321},
    "a name that is none": {"name": {"first": "a"}},
    "attributes too deep": {"plan": DEEP},
    "attributes too large": {"plan": "x" * 5_000},
    "NUL in an attribute": {"plan": "a\x00b"},
    "an ID with NUL": {"external_id": "a\x00b"},
    "an ID too long": {"external_id": "x" * 256},
    "an ID of junk": {"external_id": "undefined"},
    "an ID that is a list": {"external_id": ["ada"]},
    "an ID that is no integer": {"external_id": 1.5},
    "an ID beyond 2^53": {"external_id": 2**53},
    "no ID": {"external_id": None},
    "an end as text": {"exp": "soon"},
    "an end beyond time": {"exp": 10**20},
    "an end that is true": {"exp": True},
    "an end with a fraction": {"exp": time.time() + 0.5},
    "an end long ago": {"exp": 1},
    "a beginning far ahead": {"nbf": 4_000_000_000},
    "an issue far ahead": {"iat": 4_000_000_000, "exp": 4_000_000_100},
    "a life too long": {"exp": 4_000_000_000},
    "another audience": {"aud": "somebody else"},
}


def test_poisoned_claims_in_a_batch_of_a_hundred(site: PeopleSite) -> None:
    """Each is refused by its name; the others are signed in."""
    tokens = [mint(site.secret, f"person-{number}") for number in range(100)]
    places = dict(zip(range(1, 100, 3), POISON, strict=False))
    assert len(places) == len(POISON)
    for place, kind in places.items():
        tokens[place] = mint(site.secret, "poisoned", **POISON[kind])

    outcomes = site.verifier.verify([request(site.project_id, t) for t in tokens]).outcomes

    refused = {n: o for n, o in enumerate(outcomes) if not isinstance(o, SignedIn)}
    assert [places.get(n) for n in refused] == list(POISON)
    for place, poisoned in refused.items():
        assert isinstance(poisoned, RefusedRequest)
        assert poisoned.code not in {"unavailable", "signature_invalid"}, places[place]


def test_a_batch_of_tokens_that_are_none(site: PeopleSite) -> None:
    """Rubbish, foreign signatures and foreign keys fail alone, too."""
    other = rotate(site.transactor, add_project(site.transactor)).secret
    good = mint(site.secret, "ada")
    headers = {"kid": "nobody's"}
    claims = {"external_id": "eve", "exp": int(time.time()) + 60}
    poison = [
        "",
        "x.y.z",
        good[:-4],
        "é" + good,
        mint(other, "eve"),
        jwt.encode(claims, site.secret, headers=headers),
        jwt.encode(claims, None, algorithm="none"),
        good + "." + "x" * 9_000,
    ]
    tokens = [good, *poison, *(mint(site.secret, f"person-{n}") for n in range(91))]

    outcomes = site.verifier.verify([request(site.project_id, t) for t in tokens]).outcomes

    refused = [n for n, o in enumerate(outcomes) if not isinstance(o, SignedIn)]
    assert refused == list(range(1, len(poison) + 1))


def test_spellings_of_one_id_are_one_person(site: PeopleSite) -> None:
    """Composed or decomposed, text or number."""
    assert site.sign_in(site.socket(), "Zo\u00eb").visitor_id == (
        site.sign_in(site.socket(), "Zoe\u0308").visitor_id
    )
    number, text = (site.sign_in(site.socket(), spelling) for spelling in (7, "7"))
    assert number.visitor_id == text.visitor_id
    assert (
        site.sign_in(site.socket(), "a").visitor_id != site.sign_in(site.socket(), "A").visitor_id
    )


def test_an_id_of_255_characters(site: PeopleSite) -> None:
    """Of any script; one more is refused."""
    for letter in ("x", "é", "漢", "\U0001f600"):
        longest = letter * 255
        assert site.sign_in(site.socket(), longest).custom_id == longest
        refused = site.try_to_sign_in(site.socket(), letter * 256)
        assert isinstance(refused, RefusedRequest)
        assert refused.code == "custom_id_invalid"


def test_signed_attributes_are_the_tokens_and_nobody_elses(site: PeopleSite) -> None:
    """They follow the latest token; what visitors declare themselves is kept apart."""
    site.sign_in(site.socket(), "ada", plan="gold")
    ada = site.sign_in(site.socket(), "ada", plan="silver").visitor_id
    with site.database.reading() as db:
        person = visitors.get_visitor(db, site.project_id, ada)
    assert person.attributes is not None
    assert person.attributes["plan"] == "silver"
    assert person.declared is None


def test_another_person_on_the_same_socket_and_browser(site: PeopleSite) -> None:
    """Never merged: neither at once, nor later, nor with words in between."""
    socket = site.socket()
    ada = site.sign_in(socket, "ada").visitor_id
    site.say(socket, "ada's")
    bob = site.sign_in(socket, "bob")
    site.say(socket, "bob's")
    site.sign_out(socket)
    site.say(socket, "whose?")
    eve = site.sign_in(socket, "eve").visitor_id

    assert bob.merged == ()
    assert len({ada, bob.visitor_id, eve}) == 3
    assert site.words(ada) == ["ada's"]
    assert site.words(bob.visitor_id) == ["bob's"]
    assert site.words(eve) == ["whose?"]
    assert site.merges(ada) == site.merges(bob.visitor_id) == []


def test_a_changed_name_is_told(site: PeopleSite) -> None:
    """Only where the person was known and something is another now."""
    asked = [
        request(site.project_id, mint(site.secret, "ada", name="Ada")),
        request(site.project_id, mint(site.secret, "ada", name="Ada")),
        request(site.project_id, mint(site.secret, "ada", name="Ada L.")),
    ]
    verified = site.verifier.verify(asked)
    [change] = verified.changes
    assert (change.person.name, change.session_id) == ("Ada L.", asked[2].session_id)
