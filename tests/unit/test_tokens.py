"""Which tokens prove who a visitor is, and what the others are refused for."""

import json
from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import jwt
import pytest
from hypothesis import given, settings

from domain.ids import ProjectId
from domain.json_values import JsonObject
from domain.refusals import RefusalCode, TokenRefused
from domain.signing_secrets import SecretState
from domain.tokens.keys import KeyRing, VerificationKey
from domain.tokens.policy import TokenPolicy
from domain.tokens.verification import VerifiedToken, examine, verify
from tests.unit.minting import (
    CLAIMS,
    DEFAULT,
    NOW,
    PROJECT,
    SECONDS,
    TILEDESK,
    key,
    mint,
    part,
    ring,
    secret,
    signed,
)

DAY = timedelta(days=1)


def code_of(
    token: str, keys: KeyRing | None = None, policy: TokenPolicy = DEFAULT
) -> RefusalCode | None:
    """What the token is refused for, by `verify` and by `examine` alike; None if accepted."""
    keys = keys or ring()
    code = None
    try:
        verify(token, keys, policy, NOW)
    except TokenRefused as refused:
        code = refused.refusal.code
    assert examine(token, keys, policy, NOW).code == code
    return code


def code_of_claims(policy: TokenPolicy = DEFAULT, **claims: object) -> RefusalCode | None:
    """What a well-signed token of these claims is refused for; a claim of None is left out."""
    payload = {name: value for name, value in claims.items() if value is not None}
    return code_of(mint({"external_id": "ada", **payload}), policy=policy)


# Signatures and keys


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_token_of_any_jwt_library_is_accepted(algorithm: str) -> None:
    """The HMAC key is the secret's text as it stands."""
    token = jwt.encode(dict(CLAIMS), secret("a").decode(), algorithm=algorithm)

    verified = verify(token, ring(key("a", 7, "active")), DEFAULT, NOW)

    assert (verified.custom_id, verified.key_id, verified.generation) == ("ada", "key-a", 7)
    assert verified.claims.issued_at == NOW


@pytest.mark.parametrize("place", [0, 20, 42])
def test_a_tampered_signature_is_refused(place: int) -> None:
    """One character is enough."""
    head, payload, signature = mint().split(".")
    other = "A" if signature[place] != "A" else "E"
    forged = signature[:place] + other + signature[place + 1 :]

    assert code_of(f"{head}.{payload}.{forged}") == RefusalCode.SIGNATURE_INVALID


@pytest.mark.parametrize("cut", [0, 10, 42])
def test_a_short_signature_is_refused(cut: int) -> None:
    """Also one that begins rightly."""
    head, payload, signature = mint().split(".")

    assert code_of(f"{head}.{payload}.{signature[:cut]}") in {
        RefusalCode.SIGNATURE_INVALID,
        RefusalCode.TOKEN_MALFORMED,
    }


def test_changed_claims_and_headers_are_refused() -> None:
    """The signature is over the very text of both."""
    head, payload, signature = mint().split(".")
    other_claims = part({**CLAIMS, "external_id": "eve"})
    other_head = part({"alg": "HS256", "typ": "JWT", "x": 1})

    assert code_of(f"{head}.{other_claims}.{signature}") == RefusalCode.SIGNATURE_INVALID
    assert code_of(f"{other_head}.{payload}.{signature}") == RefusalCode.SIGNATURE_INVALID


def test_the_signature_is_of_the_algorithm_that_the_header_names() -> None:
    """A good HS256 signature under an HS512 header is none."""
    token = signed(f"{part({'alg': 'HS512'})}.{part(CLAIMS)}", algorithm="HS256")

    assert code_of(token) == RefusalCode.SIGNATURE_INVALID


@pytest.mark.parametrize("by", ["a", "r"])
def test_active_and_retiring_secrets_verify(by: str) -> None:
    """With and without `kid`."""
    keys = ring(key("r", 1, "retiring"), key("a", 2, "active"), key("w", 3, "waiting"))

    assert verify(mint(by=by), keys, DEFAULT, NOW).key_id == f"key-{by}"
    named = mint(by=by, header={"alg": "HS256", "kid": f"key-{by}"})
    assert verify(named, keys, DEFAULT, NOW).key_id == f"key-{by}"


def test_a_waiting_secret_never_verifies() -> None:
    """Its key id is not even known."""
    keys = ring(key("a", 1, "active"), key("w", 2, "waiting"))

    assert code_of(mint(by="w"), keys) == RefusalCode.SIGNATURE_INVALID
    named = mint(by="w", header={"alg": "HS256", "kid": "key-w"})
    assert code_of(named, keys) == RefusalCode.KEY_UNKNOWN


def test_a_kid_picks_one_secret_and_no_other_is_tried() -> None:
    """A token that names the wrong secret is refused though another one had signed it."""
    keys = ring(key("r", 1, "retiring"), key("a", 2, "active"))
    token = mint(by="r", header={"alg": "HS256", "kid": "key-a"})

    assert code_of(token, keys) == RefusalCode.SIGNATURE_INVALID
    assert code_of(token, keys, TILEDESK) == RefusalCode.SIGNATURE_INVALID


def test_an_unknown_kid_is_refused_and_by_the_drop_in_preset_ignored() -> None:
    """The original system reads no `kid`."""
    token = mint(header={"alg": "HS256", "kid": "something of the site's own"})

    assert code_of(token) == RefusalCode.KEY_UNKNOWN
    assert code_of(token, policy=TILEDESK) is None
    assert code_of(mint(by="x", header={"alg": "HS256", "kid": "x"}), policy=TILEDESK) == (
        RefusalCode.SIGNATURE_INVALID
    )


@pytest.mark.parametrize("header", [None, {"alg": "HS256", "kid": "key-z"}])
@pytest.mark.parametrize("state", ["active", "retiring"])
def test_a_revoked_secret_names_the_refusal_and_itself(header: object, state: str) -> None:
    """So that the site knows why, and the administrator that it is still in use."""
    keys = ring(key("z", 1, "revoked", timedelta(days=7)), key("a", 2, state))

    with pytest.raises(TokenRefused) as refused:
        verify(mint(by="z", header=header), keys, DEFAULT, NOW)

    assert refused.value.refusal.code == RefusalCode.KEY_REVOKED
    assert refused.value.refusal.key_id == "key-z"


def test_after_seven_days_a_revoked_secret_is_like_any_other() -> None:
    """It will have been erased."""
    keys = ring(key("z", 1, "revoked", timedelta(days=7, seconds=1)), key("a", 2, "active"))

    assert code_of(mint(by="z"), keys) == RefusalCode.SIGNATURE_INVALID
    named = mint(by="z", header={"alg": "HS256", "kid": "key-z"})
    assert code_of(named, keys) == RefusalCode.KEY_UNKNOWN


def test_without_kid_only_the_latest_revoked_secret_is_tried() -> None:
    """At most three secrets are, whatever the history."""
    keys = ring(key("y", 2, "revoked", DAY), key("x", 1, "revoked", DAY), key("a", 3, "active"))

    assert code_of(mint(by="y"), keys) == RefusalCode.KEY_REVOKED
    assert code_of(mint(by="x"), keys) == RefusalCode.SIGNATURE_INVALID


def test_a_project_without_secrets_says_so() -> None:
    """The sentence tells what to do."""
    empty = KeyRing(PROJECT, ())

    assert code_of(mint(), empty) == RefusalCode.KEY_UNKNOWN
    assert code_of(mint(), ring(key("a", 1, "waiting"))) == RefusalCode.KEY_UNKNOWN
    with pytest.raises(TokenRefused, match="generate"):
        verify(mint(), empty, DEFAULT, NOW)


@pytest.mark.parametrize("text", [b"", b"x" * 63, b"x" * 65])
def test_an_erased_or_cut_secret_is_no_key(text: bytes) -> None:
    """With an empty HMAC key anybody could sign."""
    with pytest.raises(ValueError, match="64 characters"):
        VerificationKey(key("a", 1, "active").key_id, 1, SecretState.ACTIVE, text)


def test_neither_secret_nor_claims_show_when_printed() -> None:
    """A traceback or a log line of these values gives nothing away."""
    keys = ring()
    token = mint({**CLAIMS, "name": "Ada Lovelace", "email": "ada@example.com", "plan": "gold"})
    printed = repr(keys) + repr(verify(token, keys, DEFAULT, NOW))

    for private in (secret("a").decode(), "Ada", "ada", "gold"):
        assert private not in printed


# Times and lifetime


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iat": 0, "exp": 600}, None),
        ({"iat": 0, "exp": 601}, RefusalCode.LIFETIME_TOO_LONG),
        ({"iat": -86400, "exp": 1}, RefusalCode.LIFETIME_TOO_LONG),
        ({"iat": 120, "exp": 600}, None),
        ({"iat": 121, "exp": 600}, RefusalCode.TOKEN_NOT_YET_VALID),
        ({"iat": 0, "exp": 600, "nbf": 120}, None),
        ({"iat": 0, "exp": 600, "nbf": 121}, RefusalCode.TOKEN_NOT_YET_VALID),
        ({"iat": 0, "exp": -1}, RefusalCode.CLAIM_INVALID),
        ({"iat": -120, "exp": -119}, None),
        ({"iat": -121, "exp": -120}, RefusalCode.TOKEN_EXPIRED),
        ({"exp": 720}, None),
        ({"exp": 721}, RefusalCode.LIFETIME_TOO_LONG),
        ({"iat": 0}, RefusalCode.CLAIM_MISSING),
        ({}, RefusalCode.CLAIM_MISSING),
    ],
)
def test_the_default_policy_bounds_when_a_token_can_be_presented(
    claims: dict[str, int], code: RefusalCode | None
) -> None:
    """`exp` within ten minutes of `iat`, two minutes of leeway for the clocks."""
    times = {name: SECONDS + seconds for name, seconds in claims.items()}

    assert code_of_claims(**times) == code


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, None),
        ({"iat": -(10**9)}, None),
        ({"exp": 10**9}, None),
        ({"exp": -121}, RefusalCode.TOKEN_EXPIRED),
        ({"nbf": 121}, RefusalCode.TOKEN_NOT_YET_VALID),
    ],
)
def test_the_drop_in_preset_asks_for_no_expiry_but_heeds_one(
    claims: dict[str, int], code: RefusalCode | None
) -> None:
    """As the original system does."""
    times = {name: SECONDS + seconds for name, seconds in claims.items()}

    assert code_of_claims(TILEDESK, **times) == code


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iat": -720}, None),
        ({"iat": -721}, RefusalCode.LIFETIME_TOO_LONG),
        ({}, RefusalCode.CLAIM_MISSING),
    ],
)
def test_a_lifetime_without_required_expiry_counts_from_issue(
    claims: dict[str, int], code: RefusalCode | None
) -> None:
    """Leaving `exp` out does not make a token live for ever where the lifetime is limited."""
    policy = replace(DEFAULT, require_exp=False)
    times = {name: SECONDS + seconds for name, seconds in claims.items()}

    assert code_of_claims(policy, **times) == code


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": PROJECT}, None),
        ({"aud": "another"}, RefusalCode.AUDIENCE_MISMATCH),
        ({"name": 1}, RefusalCode.CLAIM_INVALID),
        ({"external_id": "guest"}, RefusalCode.CUSTOM_ID_INVALID),
    ],
)
def test_claims_are_held_against_their_rules(
    claims: dict[str, object], code: RefusalCode | None
) -> None:
    """After the signature."""
    assert code_of_claims(**{**CLAIMS, **claims}) == code


# The order of the checks


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"external_id": "guest"},
        {"name": "\x00"},
        {"iat": SECONDS + 1000},
        {"exp": SECONDS + 10**6},
        {"external_id": None},
    ],
)
def test_an_unproven_token_learns_nothing_of_its_claims(claims: dict[str, object]) -> None:
    """Whoever cannot sign is told that, whatever else is wrong."""
    token = mint({**CLAIMS, **claims}, by="x")

    assert code_of(token) == RefusalCode.SIGNATURE_INVALID


def test_of_several_faults_the_first_one_is_named() -> None:
    """Size, form, algorithm, expiry, key, signature; then the claims."""
    expired = {**CLAIMS, "exp": SECONDS - 1000, "iat": SECONDS - 1001}
    unknown = {"alg": "HS256", "kid": "unknown"}

    assert code_of(mint(expired, header={"alg": "none"})) == RefusalCode.ALGORITHM_NOT_ALLOWED
    assert code_of(mint(expired, header=unknown, by="x")) == RefusalCode.TOKEN_EXPIRED
    assert code_of(mint(header=unknown, by="x")) == RefusalCode.KEY_UNKNOWN
    assert code_of(mint({**CLAIMS, "aud": "x", "name": 1})) == RefusalCode.CLAIM_INVALID


# The inspector


def test_an_accepted_token_passes_every_check() -> None:
    """And the examination says who, by which secret."""
    examination = examine(f"JWT {mint()}", ring(), DEFAULT, NOW)

    assert examination.accepted
    assert examination.code is None
    assert [check.name for check in examination.checks] == [
        *("size", "form", "algorithm", "expiry", "key", "signature"),
        *("claims", "required", "times", "lifetime", "audience", "custom_id"),
    ]
    assert all(check.passed for check in examination.checks)
    assert (examination.custom_id, examination.key_id) == ("ada", "key-a")


def test_every_fault_is_found_at_once() -> None:
    """A developer sees all that is wrong, not one thing a day."""
    token = mint({"aud": "another", "exp": SECONDS + 10**6, "iat": SECONDS}, by="x")

    examination = examine(token, ring(), DEFAULT, NOW)

    failed = [check.name for check in examination.checks if not check.passed]
    assert failed == ["signature", "lifetime", "audience", "custom_id"]
    assert examination.code == RefusalCode.SIGNATURE_INVALID
    assert not examination.accepted


def test_checks_with_nothing_to_look_at_are_left_out() -> None:
    """They are neither passed nor failed."""
    malformed = examine("a.b", ring(), DEFAULT, NOW)
    unsecured = examine(mint(header={"alg": "none"}), ring(), DEFAULT, NOW)

    assert [check.name for check in malformed.checks] == ["size", "form"]
    assert "signature" not in [check.name for check in unsecured.checks]
    assert "custom_id" in [check.name for check in unsecured.checks]


def test_a_revoked_secret_is_named_by_the_inspector_too() -> None:
    """It answers what `verify` would."""
    keys = ring(key("z", 1, "revoked", DAY), key("a", 2, "active"))

    examination = examine(mint(by="z"), keys, DEFAULT, NOW)

    assert (examination.code, examination.key_id) == (RefusalCode.KEY_REVOKED, "key-z")


@pytest.mark.parametrize("by", ["a", "x"])
def test_no_message_holds_a_part_of_the_token(by: str) -> None:
    """Not its text, not its claims, not a secret."""
    claims = {
        **CLAIMS,
        "external_id": "private-id",
        "name": "private\x00name",
        "aud": "private-audience",
        "private-attribute": "\u202e",
    }
    token = mint(claims, by=by, header={"alg": "HS256", "kid": "private-kid"})

    messages = json.dumps([c.message for c in examine(token, ring(), DEFAULT, NOW).checks])

    for private in ("private", secret("a").decode(), *token.split(".")):
        assert private not in messages


# Anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
claim_names = st.sampled_from(
    ["external_id", "_id", "sub", "aud", "exp", "iat", "nbf", "name", "email", "attributes", "x"]
)
headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "HS256", "HS256", "HS512", "none", "hs256", "RS256"])},
    optional={"kid": st.sampled_from(["key-a", "key-x"]) | json_values, "crit": json_values},
)
payloads = st.dictionaries(claim_names, json_values, max_size=6).map(lambda p: {**CLAIMS, **p})


def is_in_normal_form(verified: VerifiedToken) -> bool:
    """What the rest of the system relies on."""
    claims = verified.claims
    written = json.dumps(claims.attributes, ensure_ascii=False, separators=(",", ":")).encode()
    return (
        1 <= len(verified.custom_id) <= 255
        and len(claims.name or "") <= 200
        and len(claims.email or "") <= 320
        and len(written) <= 4096
        and claims.expires_at is not None
        and claims.expires_at > NOW - timedelta(seconds=120)
    )


@settings(max_examples=50)
@given(
    st.text(max_size=50)
    | st.lists(st.binary(max_size=30).map(part), min_size=1, max_size=4).map(".".join)
    | st.builds(lambda head, body: f"{part(head)}.{part(body)}.AAAA", headers, json_values)
)
def test_whatever_is_sent_is_refused_and_nothing_else_raised(token: str) -> None:
    """Text, bytes or JSON: without a secret there is no way in, and no way to break anything."""
    assert code_of(token) is not None
    assert code_of(token, policy=TILEDESK) is not None


@settings(max_examples=50)
@given(headers, payloads)
def test_whatever_a_site_signs_is_refused_or_in_normal_form(
    header: JsonObject, payload: JsonObject
) -> None:
    """A good signature opens no way around the rules."""
    token = mint(payload, header=header)
    if code_of(token) is None:
        assert header["alg"] == "HS256"
        assert "crit" not in header
        assert is_in_normal_form(verify(token, ring(), DEFAULT, NOW))


@settings(max_examples=50)
@given(
    st.permutations(["a", "b", "c", "d"]),
    st.sampled_from(["HS256", "HS384", "HS512"]),
    st.sampled_from([None, "key-a", "key-b", "key-c", "key-d"]),
)
def test_no_secret_but_the_projects_own_lets_anybody_in(
    letters: list[str], algorithm: str, kid: str | None
) -> None:
    """Whatever `kid` says, and with the other project's very same custom IDs."""
    here = ring(key(letters[0], 1, "retiring"), key(letters[1], 2, "active"))
    there = KeyRing(ProjectId("other"), (key(letters[2], 1, "active"),))
    head = {"alg": algorithm} if kid is None else {"alg": algorithm, "kid": kid}
    token = signed(f"{part(head)}.{part(CLAIMS)}", letters[2], algorithm)

    assert code_of(token, here) in {RefusalCode.SIGNATURE_INVALID, RefusalCode.KEY_UNKNOWN}
    if kid in {None, f"key-{letters[2]}"}:
        assert code_of(token, there) is None


@given(st.integers(0, 10**6), st.integers(0, 63))
def test_no_change_of_a_single_character_passes(place: int, by: int) -> None:
    """Header, payload, signature or a dot."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = mint()
    place %= len(token)
    changed = token[:place] + alphabet[by] + token[place + 1 :]

    assert changed == token or code_of(changed) is not None
