"""Every refusal has a code for programs and a sentence for developers."""

import pytest

from domain.ids import KeyId
from domain.refusals import SENTENCES, Refusal, RefusalCode, TokenRefused

CODES_ON_THE_WIRE = [
    *("token_malformed", "token_too_large", "algorithm_not_allowed", "signature_invalid"),
    *("token_expired", "token_not_yet_valid", "lifetime_too_long", "claim_missing"),
    *("claim_invalid", "custom_id_invalid", "audience_mismatch", "key_unknown"),
    *("key_revoked", "token_superseded", "rate_limited", "unavailable"),
]


def test_the_codes_are_those_of_the_protocol() -> None:
    """No code is missing, renamed or added in silence."""
    assert [code.value for code in RefusalCode] == CODES_ON_THE_WIRE


@pytest.mark.parametrize("code", RefusalCode)
def test_each_code_has_a_sentence_that_says_what_is_wrong_and_what_to_do(code: RefusalCode) -> None:
    """Two sentences at least, in words rather than in codes."""
    sentence = SENTENCES[code]

    assert sentence.count(". ") >= 1
    assert sentence.endswith(".")
    assert code.value not in sentence


def test_a_refusal_is_an_answer_with_its_code() -> None:
    """Entry points read code and message; a revoked key is named beside them."""
    error = TokenRefused(RefusalCode.KEY_REVOKED, key_id=KeyId("key-a"))

    assert error.refusal == Refusal.of(RefusalCode.KEY_REVOKED, key_id=KeyId("key-a"))
    assert error.code == "key_revoked"
    assert str(error) == SENTENCES[RefusalCode.KEY_REVOKED]
