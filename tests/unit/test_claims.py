"""Claims in normal form: right types, within bounds, clean text, and no rights."""

import json
import unicodedata
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from domain.json_values import Json, JsonObject
from domain.plain_text import find_fault
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.audience import require_audience
from domain.tokens.claims import Claims, read_claims, read_custom_id
from tests.unit.minting import PROJECT

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(
    "external_id _id sub name firstname lastname email attributes iat exp nbf aud role x".split()  # noqa: SIM905 - reads better
)
payloads = st.dictionaries(names, values, max_size=8)


def code_of(payload: JsonObject) -> RefusalCode:
    """The code with which the payload is refused."""
    with pytest.raises(TokenRefused) as refused:
        read_claims(payload)
    return refused.value.refusal.code


def test_an_ordinary_payload_is_read_whole() -> None:
    """Times are moments, a single audience is a list of one, the rest are attributes."""
    claims = read_claims(
        {
            "external_id": "ada",
            "name": "Ada Lovelace",
            "email": "ada@example.com",
            "iat": 0,
            "nbf": 1,
            "exp": 253402300799,
            "aud": "somebody",
            "plan": "gold",
        }
    )

    assert claims == Claims(
        name="Ada Lovelace",
        email="ada@example.com",
        attributes={"plan": "gold"},
        issued_at=datetime(1970, 1, 1, tzinfo=UTC),
        not_before=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        expires_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        audience=("somebody",),
    )


def test_the_original_systems_form_is_read_too() -> None:
    """First and last name make the name; members of `attributes` become attributes."""
    payload: JsonObject = {
        "_id": "42",
        "firstname": "Ada",
        "lastname": "Lovelace",
        "email": "ada@example.com",
        "attributes": {"plan": "gold"},
        "sub": "userexternal",
        "aud": f"https://tiledesk.com/projects/{PROJECT}",
    }

    claims = read_claims(payload)

    assert (claims.name, claims.attributes) == ("Ada Lovelace", {"plan": "gold"})
    assert read_custom_id(payload) == "42"


@pytest.mark.parametrize("claim", ["iat", "exp", "nbf"])
@pytest.mark.parametrize(
    "value", [True, "1700000000", 1.7e9, 1e20, -1, 253402300800, 1700000000000, None, [], {}]
)
def test_times_are_whole_seconds_and_nothing_else(claim: str, value: Json) -> None:
    """No boolean, text, fraction or list, and no year beyond 9999."""
    assert code_of({claim: value}) == RefusalCode.CLAIM_INVALID


@pytest.mark.parametrize("claim", ["name", "firstname", "lastname", "email"])
@pytest.mark.parametrize(
    "value", [1, True, [], {}, "a\x00b", "\ud83d", "a\u202eb", "a\u2068b", "a\x1b[0m", "x" * 321]
)
def test_names_and_addresses_are_clean_bounded_text(claim: str, value: Json) -> None:
    """Nothing that a database refuses, a terminal obeys or a reader misreads."""
    assert code_of({claim: value}) == RefusalCode.CLAIM_INVALID


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ({"name": None}, None),
        ({"name": " \t"}, None),
        ({"name": "  Ada\n Lovelace "}, "Ada Lovelace"),
        ({"name": "Zoe\u0308"}, "Zo\u00eb"),
        ({"name": "x" * 200}, "x" * 200),
        ({"name": "", "firstname": "Ada"}, "Ada"),
        ({"name": "Countess", "firstname": "Ada"}, "Countess"),
        ({"lastname": "Lovelace"}, "Lovelace"),
        ({"name": "\u202a" * 0 + "\u200fعلي"}, "\u200fعلي"),
    ],
)
def test_a_name_is_one_line_of_text_or_none(payload: JsonObject, name: str | None) -> None:
    """Blank is none; white space is evened out; letters and marks of any script stay."""
    assert read_claims(payload).name == name


def test_first_and_last_name_are_bounded_together() -> None:
    """Two halves within the bound can still be too long."""
    assert code_of({"firstname": "x" * 150, "lastname": "y" * 150}) == RefusalCode.CLAIM_INVALID


@pytest.mark.parametrize("claim", ["role", "ROLE", "roles", "scope", "permissions", "is_admin"])
def test_claims_that_grant_rights_have_no_effect(claim: str) -> None:
    """They are gone, wherever they stand."""
    claims = read_claims({claim: "owner", "plan": "gold", "attributes": {claim: "owner"}})

    assert claims.attributes == {"plan": "gold"}


@pytest.mark.parametrize(
    ("attributes", "fits"),
    [
        ({"a": "x" * 4088}, True),
        ({"a": "x" * 4089}, False),
        ({"a": "é" * 2044}, True),
        ({"a": "é" * 2045}, False),
        ({"a": [[[]]]}, True),
        ({"a": [[[[]]]]}, False),
        ({"a": {"b": {"c": {}}}}, True),
        ({"a": {"b": {"c": {"d": {}}}}}, False),
        ({"a": {"b": "\x00"}}, False),
        ({"a": [{"\u202e": 1}]}, False),
        ({"a": "line\nline"}, True),
        ("text", True),
        (None, True),
    ],
)
def test_attributes_are_bounded_in_size_depth_and_characters(attributes: Json, fits: bool) -> None:  # noqa: FBT001 - the expectation
    """4 KiB of JSON, four levels, text that can be stored and shown."""
    if fits:
        expected = attributes if isinstance(attributes, dict) else {"attributes": attributes}
        read = read_claims({"attributes": attributes}).attributes
        assert read == (expected if attributes is not None else {})
    else:
        assert code_of({"attributes": attributes}) == RefusalCode.CLAIM_INVALID


@pytest.mark.parametrize("audience", [None, 1, True, {}, ["a", None], [["a"]]])
def test_an_audience_of_another_type_is_refused(audience: Json) -> None:
    """Text or a list of texts."""
    assert code_of({"aud": audience}) == RefusalCode.CLAIM_INVALID


@pytest.mark.parametrize(
    "audience",
    [
        None,
        (PROJECT,),
        (f"https://tiledesk.com/projects/{PROJECT}",),
        (f"HTTP://any.host:8080/projects/{PROJECT}",),
        (f"https://host/projects/{PROJECT}?x=/#y",),
        ("https://elsewhere", PROJECT),
    ],
)
def test_a_token_for_this_project_or_for_nobody_in_particular_passes(
    audience: tuple[str, ...] | None,
) -> None:
    """The project's ID, a URL of it at any host, or one fitting entry of a list."""
    require_audience(audience, PROJECT)


@pytest.mark.parametrize(
    "entry",
    [
        *("", "x", PROJECT.upper(), f" {PROJECT}", f"{PROJECT}/", "https://tiledesk.com"),
        f"https://host/projects/{PROJECT}/",
        f"https://host/projects/{PROJECT}0",
        f"https://host/Projects/{PROJECT}",
        f"https://host//projects/{PROJECT}",
        f"https://host/v1/projects/{PROJECT}",
        f"https://host/bots/{PROJECT}",
        f"https://host?/projects/{PROJECT}",
        f"https://host#/projects/{PROJECT}",
        f"https://host\\/projects/{PROJECT}",
        f"https:///projects/{PROJECT}",
        f"https://host/projects/%30{PROJECT[1:]}",
        f"https://host/projects/other/../{PROJECT}",
        f"https://host/projects/{PROJECT}\n",
        f"javascript://host/projects/{PROJECT}",
        f"/projects/{PROJECT}",
    ],
)
def test_a_token_for_somebody_else_is_refused(entry: str) -> None:
    """The path is compared as it stands: nothing is decoded, trimmed or resolved."""
    with pytest.raises(TokenRefused) as refused:
        require_audience((entry,), PROJECT)

    assert refused.value.refusal.code == RefusalCode.AUDIENCE_MISMATCH
    with pytest.raises(TokenRefused):
        require_audience((), PROJECT)


@pytest.mark.parametrize(
    ("payload", "custom_id"),
    [
        ({"external_id": "a", "_id": "b", "sub": "c"}, "a"),
        ({"_id": "b", "sub": "c"}, "b"),
        ({"sub": "c"}, "c"),
        ({"_id": 42, "sub": "userexternal"}, "42"),
        ({"external_id": "e\u0301"}, "\u00e9"),
    ],
)
def test_the_custom_id_comes_from_the_first_claim_that_has_one(
    payload: JsonObject, custom_id: str
) -> None:
    """`external_id`, else `_id`, else `sub`."""
    assert read_custom_id(payload) == custom_id


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, RefusalCode.CLAIM_MISSING),
        ({"sub": "userexternal"}, RefusalCode.CLAIM_MISSING),
        ({"sub": "Guest"}, RefusalCode.CLAIM_MISSING),
        ({"external_id": None, "sub": "the-website"}, RefusalCode.CUSTOM_ID_INVALID),
        ({"external_id": "", "_id": "b"}, RefusalCode.CUSTOM_ID_INVALID),
        ({"external_id": "undefined", "_id": "b"}, RefusalCode.CUSTOM_ID_INVALID),
        ({"external_id": 1.0}, RefusalCode.CUSTOM_ID_INVALID),
        ({"external_id": True}, RefusalCode.CUSTOM_ID_INVALID),
        ({"external_id": ["a"]}, RefusalCode.CUSTOM_ID_INVALID),
        ({"external_id": 2**53}, RefusalCode.CUSTOM_ID_INVALID),
    ],
)
def test_no_custom_id_or_a_bad_one_is_never_replaced_by_the_next_claim(
    payload: JsonObject, code: RefusalCode
) -> None:
    """A site's mistake must not sign everybody in as one constant."""
    with pytest.raises(TokenRefused) as refused:
        read_custom_id(payload)

    assert refused.value.refusal.code == code


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        ({"user_id": 7, "external_id": "another"}, "7"),
        ({"external_id": "another", "sub": "the-website"}, RefusalCode.CLAIM_MISSING),
        ({"user_id": None, "sub": "the-website"}, RefusalCode.CUSTOM_ID_INVALID),
        ({"user_id": "undefined"}, RefusalCode.CUSTOM_ID_INVALID),
    ],
)
def test_where_the_policy_names_a_claim_no_other_counts(
    payload: JsonObject, answer: str | RefusalCode
) -> None:
    """A token without it is refused, even if it holds one of the usual claims."""
    if isinstance(answer, RefusalCode):
        with pytest.raises(TokenRefused) as refused:
            read_custom_id(payload, "user_id")
        assert refused.value.refusal.code == answer
    else:
        assert read_custom_id(payload, "user_id") == answer


def test_a_fixed_word_names_nobody_even_where_sub_is_named() -> None:
    """The policy names the claim, not what stands in it."""
    with pytest.raises(TokenRefused):
        read_custom_id({"sub": "userexternal"}, "sub")


@settings(max_examples=40)
@given(payloads)
def test_a_payload_is_refused_or_in_normal_form(payload: JsonObject) -> None:
    """Whatever JSON holds, nothing but a refusal is raised, and what passes keeps every bound."""
    try:
        claims = read_claims(payload)
    except TokenRefused:
        return

    for text, most in ((claims.name, 200), (claims.email, 320)):
        assert text is None or 1 <= len(text) <= most
        assert text is None or (text.isprintable() or not text.isascii())
        assert text is None or unicodedata.is_normalized("NFC", text)
        assert text is None or find_fault(text) is None
    written = json.dumps(claims.attributes, ensure_ascii=False, separators=(",", ":"))
    assert len(written.encode()) <= 4096
    assert find_fault(json.dumps(claims.attributes, ensure_ascii=False)) is None
    assert "role" not in claims.attributes
