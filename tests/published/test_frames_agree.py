"""What the document allows a widget to say is what the gateway takes, and nothing else."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from tests.published.witness import Witness

# Close to the edges of every rule: what is nearly right tells more than noise.
_IDS = st.one_of(st.text(max_size=3), st.text(min_size=127, max_size=130), st.integers(), st.none())
_TEXTS = st.one_of(
    st.text(max_size=5), st.integers(3_999, 4_001).map("x".__mul__), st.booleans(), st.none()
)
_TYPES = st.sampled_from(["hello", "sign_in", "sign_out", "message", "ping", "pong", 1, None])
_FRAMES = st.fixed_dictionaries(
    {"type": _TYPES},
    optional={"id": _IDS, "token": _TEXTS, "text": _TEXTS, "device": _TEXTS, "more": _IDS},
)


@given(_FRAMES)
@example({"type": "message", "id": "1", "text": "x" * 4_000})
@example({"type": "message", "id": "1", "text": "x" * 4_001})
@example({"type": "hello", "device": None})
def test_document_and_gateway_agree(frame: dict[str, object]) -> None:
    """About any frame."""
    witness = Witness()
    witness.sent(json.dumps(frame))

    assert witness.take_contradictions() == []


def test_a_disagreement_is_seen() -> None:
    """The witness can fail: frames, closes, tasks that nobody published."""
    witness = Witness()
    witness.received('{"type":"pong","surplus":1}')
    witness.received('{"type":"surprise"}')
    witness.closed(4401, '{"code":"secret_revoked"}')
    witness.closed(4999, '{"code":"surprise"}')
    witness.queued("tokens.revoke", {"project_id": "p"})
    witness.queued("surprise", {})

    assert len(witness.take_contradictions()) == 6
