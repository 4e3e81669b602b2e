"""The example of RFC 7515, appendix A.1: its token, its key, its bytes."""

import base64
from datetime import UTC, datetime

import pytest

from domain.ids import KeyId, ProjectId
from domain.refusals import RefusalCode, TokenRefused
from domain.signing_secrets import SecretState
from domain.tokens.keys import KeyRing, VerificationKey
from domain.tokens.policy import TokenPolicy
from domain.tokens.verification import examine, verify

KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
TOKEN = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    "."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    "."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)
BEFORE_ITS_EXPIRY = datetime.fromtimestamp(1300819380 - 60, UTC)
RING = KeyRing(
    ProjectId("rfc7515"),
    (
        VerificationKey(
            KeyId("a1"), 1, SecretState.ACTIVE, base64.urlsafe_b64decode(KEY.encode() + b"==")
        ),
    ),
)
POLICY = TokenPolicy.of_preset("default")


def test_the_published_signature_is_good() -> None:
    """Line breaks in its JSON included; all that it lacks is a person."""
    examination = examine(TOKEN, RING, POLICY, BEFORE_ITS_EXPIRY)

    passed = {check.name: check.passed for check in examination.checks}
    assert passed.pop("custom_id") is False
    assert set(passed.values()) == {True}
    assert examination.key_id == "a1"
    assert examination.code == RefusalCode.CLAIM_MISSING
    assert examination.claims is not None
    assert examination.claims.attributes == {"http://example.com/is_root": True}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("dBj", "dBk"), RefusalCode.SIGNATURE_INVALID),
        (("fQ.", "fR."), RefusalCode.TOKEN_MALFORMED),
        (("Jqb2Ui", "Jqb2Yi"), RefusalCode.SIGNATURE_INVALID),
    ],
)
def test_one_changed_bit_is_seen(change: tuple[str, str], code: RefusalCode) -> None:
    """In the signature, or in what is signed."""
    with pytest.raises(TokenRefused) as refused:
        verify(TOKEN.replace(*change), RING, POLICY, BEFORE_ITS_EXPIRY)

    assert refused.value.refusal.code == code
