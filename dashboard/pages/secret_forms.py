"""A new secret, as the form asks for it."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from dashboard.pages.date_forms import DateForm
from domain.errors import Invalid
from domain.ids import KeyId
from services.rotate_secret import SecretWish

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class SecretForm:
    """What was entered.

    Attributes:
        date: when the present secret ends.
        expected: the key id of the active secret that the page showed; empty where it showed none.
        reason: for the audit log.
        pinned: a change of the operating hours leaves the date alone.
        force: although another rotation is not over.
    """

    date: DateForm = field(default_factory=DateForm)
    expected: str = ""
    reason: str = ""
    pinned: bool = False
    force: bool = False

    def wish(self, zone: ZoneInfo) -> SecretWish:
        """The same in the words of the use case.

        Raises:
            Invalid: a part of it is not usable.
        """
        reason = self.reason.strip()
        if len(reason) > LONGEST_REASON or not reason.isprintable():
            message = f"reason: give one line of at most {LONGEST_REASON} characters"
            raise Invalid(message)
        return SecretWish(
            when=self.date.when(zone),
            force=self.force,
            pinned=self.pinned,
            reason=reason or None,
            expect_active_key_id=KeyId(self.expected) if self.expected else None,
        )
