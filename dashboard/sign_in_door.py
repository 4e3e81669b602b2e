"""The door of the dashboard: how often somebody may knock, and how many at a time."""

from dataclasses import dataclass, field
from hashlib import sha256

from dashboard.rate_limits import RateLimit
from domain.client_addresses import network_of
from domain.emails import LONGEST
from services.member_sign_ins import check_credentials
from services.passwords import Passwords
from storage.sql.engine import Database
from storage.sql.members import Member

ATTEMPTS_A_MINUTE = 5


@dataclass(frozen=True)
class SignInDoor:
    """Checks passwords for every way in, counting all of them together.

    Attributes:
        passwords: bounds how many are hashed at the same time.
        by_account: how often a minute one e-mail address may be tried, known or not.
        by_address: how often a minute one network address may try, or one IPv6 network.
    """

    passwords: Passwords = field(default_factory=Passwords)
    by_account: RateLimit = field(default_factory=lambda: RateLimit(ATTEMPTS_A_MINUTE))
    by_address: RateLimit = field(default_factory=lambda: RateLimit(ATTEMPTS_A_MINUTE))

    def check(self, database: Database, email: str, password: str, address: str) -> list[Member]:
        """The memberships that this password opens, an owner's first.

        Raises:
            Busy: too many sign in at this moment.
            SignInRefused: none.
            TooManyRequests: this account, or this network address, has been tried too often.
        """
        self.by_address.admit(network_of(address))
        self.admit_account(email)
        return check_credentials(database, self.passwords, email, password)

    def admit_account(self, email: str) -> None:
        """One attempt at this account is counted.

        Raises:
            TooManyRequests: it has been tried too often.
        """
        account = email.strip().lower()[: LONGEST + 1]
        self.by_account.admit(sha256(account.encode("utf-8", "replace")).hexdigest())
