"""What can be said of a token before any secret is looked at."""

import base64
from datetime import timedelta

import pytest

from domain import base64url
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.shape import Shape, check_shape, strip_scheme
from domain.tokens.verification import verify
from tests.unit.minting import CLAIMS, DEFAULT, NOW, SECONDS, mint, part, ring, signed

GOOD = mint()
HEAD, PAYLOAD, SIGNATURE = GOOD.split(".")


def code_of(token: str) -> RefusalCode:
    """The code with which both the gateway and a worker refuse the token."""
    with pytest.raises(TokenRefused) as refused:
        check_shape(token, now=NOW, leeway_seconds=120)
    with pytest.raises(TokenRefused) as refused_later:
        verify(token, ring(), DEFAULT, NOW)
    assert refused.value.refusal == refused_later.value.refusal
    return refused.value.refusal.code


def test_a_good_shape_says_what_the_token_says_of_itself() -> None:
    """Algorithm, kid and expiry, unproven."""
    token = mint(header={"alg": "HS512", "kid": "key-a"})

    shape = check_shape(f"JWT {token}", now=NOW, leeway_seconds=120)

    assert shape == Shape("HS512", "key-a", NOW + timedelta(seconds=300))


@pytest.mark.parametrize("text", ["T", "JWT T", "jwt T", "Bearer T", " BEARER  T\n", "T "])
def test_a_scheme_before_the_token_counts_for_nothing(text: str) -> None:
    """`JWT` is the original system's word, `Bearer` everybody else's."""
    assert strip_scheme(text) == "T"


@pytest.mark.parametrize(
    "token",
    [
        *("", ".", "..", "...", "JWT", "a.b.c", HEAD, f"{HEAD}.{PAYLOAD}", f"{GOOD}.x"),
        *(f"{HEAD}..{SIGNATURE}", f".{PAYLOAD}.{SIGNATURE}", f"Basic {GOOD}", f"JWT JWT {GOOD}"),
        *(f"{HEAD}=.{PAYLOAD}.{SIGNATURE}", f"{GOOD}=", f"{HEAD}.{PAYLOAD}\n.{SIGNATURE}"),
        *(f"{HEAD}.{PAYLOAD}.{SIGNATURE}\x00", f"{HEAD}.é.{SIGNATURE}", "\ud800", f"{GOOD}+/"),
    ],
)
def test_three_canonical_segments_or_nothing(token: str) -> None:
    """Padding, white space, foreign characters and missing or further parts are refused."""
    assert code_of(token) == RefusalCode.TOKEN_MALFORMED


def test_stray_bits_in_a_last_character_are_refused() -> None:
    """Otherwise one signature would have four spellings."""
    last = base64.urlsafe_b64decode(SIGNATURE + "=")
    twin = next(
        SIGNATURE[:-1] + letter
        for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        if letter != SIGNATURE[-1]
        and base64.urlsafe_b64decode(SIGNATURE[:-1] + letter + "=") == last
    )

    assert code_of(f"{HEAD}.{PAYLOAD}.{twin}") == RefusalCode.TOKEN_MALFORMED
    with pytest.raises(ValueError, match="canonical"):
        base64url.decode(twin.encode())


@pytest.mark.parametrize(
    "payload",
    [
        *("", "null", "[]", '"text"', "1", "{", "{}x", "{'a':1}", '{"a":1,}', "\ufeff{}"),
        *('{"exp":1,"exp":2}', '{"a":{"b":1,"b":1}}', '{"\\u0061":1,"a":1}'),
        *('{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":1e999}', '{"a":"\t"}'),
        *('{"a":18446744073709551616}', '{"a":-9223372036854775809}', f'{{"a":{"9" * 5000}}}'),
        *('{"a":' + "[" * 3000 + "]" * 3000 + "}", '{"a":' * 1000 + "1" + "}" * 1000),
        *(b"\xff{}", b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b'{"a":"\xed\xa0\x80"}'),
    ],
)
def test_payload_and_header_are_json_objects_that_read_one_way(payload: str | bytes) -> None:
    """No member twice, no number beyond 64 bits, no NaN, no other encoding, no bottomless depth."""
    assert code_of(signed(f"{HEAD}.{part(payload)}")) == RefusalCode.TOKEN_MALFORMED
    assert code_of(signed(f"{part(payload)}.{PAYLOAD}")) == RefusalCode.TOKEN_MALFORMED


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "b64": True},
        {"alg": "HS256", "kid": 1},
        {"alg": "HS256", "kid": ["key-a"]},
    ],
)
def test_extensions_and_key_ids_of_other_types_are_refused(header: object) -> None:
    """What changes how a token is read is refused by whoever does not know it."""
    assert code_of(mint(header=header)) == RefusalCode.TOKEN_MALFORMED


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "", "hs256", "HS256 ", "HS1", "RS256", "ES256", "EdDSA", None, 256, ["HS256"]],
)
def test_only_three_algorithms_are_accepted(algorithm: object) -> None:
    """The list is ours; a good signature does not help."""
    assert code_of(mint(header={"alg": algorithm})) == RefusalCode.ALGORITHM_NOT_ALLOWED


def test_a_token_without_algorithm_or_signature_is_refused() -> None:
    """An unsecured JWT proves nothing."""
    unsecured = f"{part({'alg': 'none'})}.{PAYLOAD}."

    assert code_of(unsecured) == RefusalCode.ALGORITHM_NOT_ALLOWED
    assert code_of(mint(header={})) == RefusalCode.ALGORITHM_NOT_ALLOWED


def test_a_token_has_at_most_8_kib() -> None:
    """Counted without its scheme."""
    room = 8192 - len(mint({**CLAIMS, "pad": ""}))
    largest = max(
        (mint({**CLAIMS, "pad": "x" * n}) for n in range(room * 3 // 4 - 4, room * 3 // 4 + 1)),
        key=len,
    )

    assert 8189 <= len(largest) <= 8192
    check_shape(f"Bearer {largest}", now=NOW, leeway_seconds=120)
    assert code_of("x" * 8193) == RefusalCode.TOKEN_TOO_LARGE
    assert code_of("é" * 8193) == RefusalCode.TOKEN_TOO_LARGE


@pytest.mark.parametrize(("exp", "late"), [(-119, False), (-120, True), (-86400, True)])
def test_an_expired_token_is_refused_after_the_leeway(exp: int, late: bool) -> None:  # noqa: FBT001 - the expectation
    """From the very second at which the leeway is over."""
    token = mint({**CLAIMS, "exp": SECONDS + exp, "iat": SECONDS + exp - 1})

    if late:
        assert code_of(token) == RefusalCode.TOKEN_EXPIRED
    else:
        check_shape(token, now=NOW, leeway_seconds=120)


def test_an_expiry_that_is_none_is_refused_before_the_queue() -> None:
    """A token without `exp` is the policy's business, which the gateway does not know."""
    assert code_of(mint({**CLAIMS, "exp": "soon"})) == RefusalCode.CLAIM_INVALID
    assert check_shape(mint({}), now=NOW, leeway_seconds=0).expires_at is None
