"""Tokens that we sign ourselves pass for nothing but what they are for."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from domain.own_tokens import OwnTokens, Purpose
from domain.refusals import RefusalCode, TokenRefused

KEY = b"k" * 32
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LASTS = timedelta(minutes=15)
MEMBERS, GUESTS = (OwnTokens(KEY, purpose) for purpose in (Purpose.MEMBER, Purpose.GUEST))


def refusal(tokens: OwnTokens, text: str, now: datetime = NOW) -> RefusalCode:
    """The code with which the text is refused."""
    with pytest.raises(TokenRefused) as refused:
        tokens.read(text, now)
    return refused.value.refusal.code


def test_a_token_is_known_again() -> None:
    """With its claims, whole seconds, and until its time is over."""
    token = MEMBERS.sign({"_id": "ada"}, NOW, LASTS)

    seconds = int(NOW.timestamp())
    assert MEMBERS.read(token, NOW) == {"_id": "ada", "iat": seconds, "exp": seconds + 900}
    assert MEMBERS.read(f"JWT {token}", NOW + LASTS - timedelta(seconds=1))
    assert refusal(MEMBERS, token, NOW + LASTS) is RefusalCode.TOKEN_EXPIRED


def test_each_purpose_and_each_key_has_tokens_of_its_own() -> None:
    """One of the same key for another purpose, or of another key, is unknown."""
    others = OwnTokens(b"o" * 32, Purpose.MEMBER)
    for tokens in (GUESTS, others):
        token = tokens.sign({"_id": "ada"}, NOW, LASTS)
        assert refusal(MEMBERS, token) is RefusalCode.SIGNATURE_INVALID
    assert MEMBERS.digest("x") not in {GUESTS.digest("x"), others.digest("x"), MEMBERS.digest("y")}


def test_the_key_itself_signs_nothing() -> None:
    """Nor does a token without a signature, or one that would last for ever, pass."""
    claims = {"_id": "ada", "exp": int(NOW.timestamp()) + 900}
    derived = MEMBERS._key

    raw = jwt.encode(claims, KEY, algorithm="HS256")
    unsigned = jwt.encode(claims, None, algorithm="none")
    endless = jwt.encode({"_id": "ada"}, derived, algorithm="HS256")

    assert refusal(MEMBERS, raw) is RefusalCode.SIGNATURE_INVALID
    assert refusal(MEMBERS, unsigned) is RefusalCode.ALGORITHM_NOT_ALLOWED
    assert refusal(MEMBERS, endless) is RefusalCode.CLAIM_MISSING
    assert refusal(MEMBERS, "nonsense") is RefusalCode.TOKEN_MALFORMED
