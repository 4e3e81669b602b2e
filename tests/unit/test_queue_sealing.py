"""Tokens in queue messages open for their own request, in any process that has the key."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.ids import ProjectId, RequestId
from domain.queue_sealing import TokenSealer, is_sealed
from domain.sealing import SealBroken

OLD, NEW = b"1" * 32, b"2" * 32
REQUEST, PROJECT = RequestId("request"), ProjectId("project")
GATEWAY = TokenSealer((OLD,), b"g" * 16)
WORKER = TokenSealer((OLD,), b"w" * 16)
SEALED = GATEWAY.seal("eyJ.token.here", REQUEST, PROJECT)


def test_another_process_opens_what_one_sealed() -> None:
    """The salt travels with the text, the key does not."""
    assert SEALED.startswith("sealed:")
    assert is_sealed(SEALED)
    assert not is_sealed("eyJ.token.here")
    assert WORKER.open(SEALED, REQUEST, PROJECT) == "eyJ.token.here"


def test_no_two_sealings_are_alike() -> None:
    """The counter moves on, and two processes with one key have different subkeys."""
    sealed = [sealer.seal("token", REQUEST, PROJECT) for sealer in (GATEWAY, GATEWAY, WORKER)]

    assert len(set(sealed)) == 3
    assert len({text[-20:] for text in sealed}) == 3


def test_a_new_key_in_front_opens_what_the_old_one_sealed() -> None:
    """Messages under way survive a change of keys."""
    both = TokenSealer((NEW, OLD), b"x" * 16)

    assert both.open(SEALED, REQUEST, PROJECT) == "eyJ.token.here"
    with pytest.raises(SealBroken):
        WORKER.open(both.seal("token", REQUEST, PROJECT), REQUEST, PROJECT)


@pytest.mark.parametrize(
    ("request_id", "project"), [("other", "project"), ("request", "other"), ("requestp", "roject")]
)
def test_a_token_moved_to_another_request_does_not_open(request_id: str, project: str) -> None:
    """Whoever can write the queue cannot sign in elsewhere with a token that passes by."""
    with pytest.raises(SealBroken):
        WORKER.open(SEALED, RequestId(request_id), ProjectId(project))


@pytest.mark.parametrize("place", [7, 12, 20, 40, 60, -1])
def test_an_altered_text_does_not_open(place: int) -> None:
    """Key id, salt, nonce, ciphertext and tag all count."""
    letters = list(SEALED)
    letters[place] = "A" if letters[place] != "A" else "B"

    with pytest.raises(SealBroken):
        WORKER.open("".join(letters), REQUEST, PROJECT)


@given(st.text(max_size=100) | st.text(alphabet="Aab0-_", max_size=100).map("sealed:".__add__))
def test_no_text_raises_anything_else(text: str) -> None:
    """The queue's content is not believed; a token in clear is not opened."""
    with pytest.raises(SealBroken):
        WORKER.open(text, REQUEST, PROJECT)


def test_a_salt_of_another_length_is_not_taken() -> None:
    """Sixteen bytes, or two processes could meet."""
    with pytest.raises(ValueError, match="16 bytes"):
        TokenSealer((OLD,), b"short")
