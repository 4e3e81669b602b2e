"""The authenticated checkmark: what agents are told of who a visitor has proved to be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ids import KeyId


class MarkState(StrEnum):
    """What stands on a visitor's avatar; of what was proved once, grey tells why it ended."""

    ANONYMOUS = "anonymous"
    VERIFIED = "verified"
    KEY_REVOKED = "key_revoked"
    SIGNED_OUT = "signed_out"
    LEFT = "left"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a visitor's record says of its last verified token, and what became of it.

    Attributes:
        at: when the token was verified.
        key_id: the secret that had signed it.
        key_revoked_at: when that secret was revoked, if it was.
        signed_out_at: when the person was last signed out everywhere, if ever.
        left_at: when the person last signed out themselves and had a proof nowhere else, if ever.
        lasts: how long the project lets a proof stand.
    """

    at: datetime
    key_id: KeyId
    key_revoked_at: datetime | None
    signed_out_at: datetime | None
    lasts: timedelta
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark, since when it was earned, by which key, and when it ends or has ended."""

    state: MarkState
    since: datetime | None = None
    key_id: KeyId | None = None
    until: datetime | None = None

    @property
    def is_grey(self) -> bool:
        """Whether something was proved that holds no longer."""
        return self.state not in {MarkState.ANONYMOUS, MarkState.VERIFIED}


def mark_of(proof: Proof | None, now: datetime) -> Mark:
    """The mark of a visitor: bound to the proof, and grey from the moment the proof ends.

    Of several ends the first counts: a secret that was revoked after the proof had expired did not
    end it.
    """
    if proof is None:
        return Mark(MarkState.ANONYMOUS)
    ends = [(proof.at + proof.lasts, MarkState.EXPIRED)]
    if proof.key_revoked_at is not None:
        ends.append((proof.key_revoked_at, MarkState.KEY_REVOKED))
    if proof.signed_out_at is not None and proof.signed_out_at >= proof.at:
        ends.append((proof.signed_out_at, MarkState.SIGNED_OUT))
    if proof.left_at is not None and proof.left_at >= proof.at:
        ends.append((proof.left_at, MarkState.LEFT))
    until, ended_as = min(ends)
    state = ended_as if until <= now else MarkState.VERIFIED
    return Mark(state, proof.at, proof.key_id, until)
