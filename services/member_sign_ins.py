"""Members sign in to the dashboard and out again; a browser is known by a random text."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.emails import LONGEST, check_email
from domain.errors import Invalid, Refused
from domain.roles import Actor
from services.members import LONGEST_PASSWORD, check_password
from services.passwords import Passwords
from services.transactions import Transaction, Transactor
from storage.sql import member_sign_ins
from storage.sql.engine import Database, now_of
from storage.sql.member_sign_ins import MemberSignIn
from storage.sql.members import (
    Member,
    list_members_with_email,
    lock_unchanged,
    replace_password_hash,
)

LASTS_AT_MOST = timedelta(days=7)
LASTS_UNUSED = timedelta(hours=12)
MOST_MEMBERSHIPS = 50
# Somebody who is signed in reads more often than anybody needs to know when.
_SEEN_EVERY = timedelta(minutes=5)
_TOKEN_BYTES = 32
_AGENT_LENGTH = 300


class SignInRefused(Refused):
    """The e-mail address or the password is not right."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class SignedInMember:
    """Somebody who is signed in: which browser, and every membership that the password opened."""

    sign_in: MemberSignIn
    members: tuple[Member, ...]


def check_credentials(
    database: Database, passwords: Passwords, email: str, password: str
) -> list[Member]:
    """The memberships of this address whose password this is, an owner's first.

    An unknown address costs the time of one hash, as a known one with one password does.

    Raises:
        Busy: too many sign in at this moment.
        SignInRefused: there are none; nobody learns whether the address is known.
    """
    known = _memberships(database, email) if len(password) <= LONGEST_PASSWORD else []
    hashes: set[str | None] = {member.password_hash for member in known} or {None}
    right = {each for each in hashes if passwords.fits(each, password)}
    members = [member for member in known if member.password_hash in right]
    if not members:
        raise SignInRefused
    return members


def _memberships(database: Database, email: str) -> list[Member]:
    try:
        address = check_email(email[: LONGEST + 1])
    except Invalid:
        return []
    with database.reading() as db:
        return list_members_with_email(db, address, MOST_MEMBERSHIPS)


def sign_in(
    transactor: Transactor,
    members: Sequence[Member],
    source: str | None = None,
    agent: str | None = None,
    replacing: str = "",
) -> str:
    """What the browser's cookie is to hold, in clear this one time.

    Args:
        transactor: runs the transaction.
        members: at least one; whose password has been checked.
        source: the address that they come from.
        agent: what the browser calls itself.
        replacing: the digest of the sign-in that this browser had before; that one is over.

    Raises:
        SignInRefused: a password was changed since it was checked.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)

    def use_case(transaction: Transaction) -> None:
        if not lock_unchanged(transaction.db, members):
            raise SignInRefused
        member_sign_ins.delete_expired(transaction.db, transaction.now)
        member_sign_ins.delete_sign_in(transaction.db, replacing)
        _insert(transaction, token, members, source, agent)
        _audit(transaction, members, source, "member.signed_in")

    transactor.run(use_case, urgent=True)
    return token


def _insert(
    transaction: Transaction,
    token: str,
    members: Sequence[Member],
    source: str | None,
    agent: str | None,
) -> None:
    row = MemberSignIn(
        digest=digest_of(token),
        member_id="",
        created_at=transaction.now,
        seen_at=transaction.now,
        expires_at=transaction.now + LASTS_AT_MOST,
        source=source,
        agent=agent[:_AGENT_LENGTH] if agent else None,
    )
    rows = [replace(row, member_id=member.id) for member in members]
    member_sign_ins.insert_sign_ins(transaction.db, rows)


def find_signed_in(
    transactor: Transactor, token: str, *, is_use: bool = True
) -> SignedInMember | None:
    """Who is signed in with this cookie, unless that was too long ago.

    Args:
        transactor: reads, and notes now and then that the sign-in is in use.
        token: what the cookie holds.
        is_use: whether somebody does something, or a page asks by itself.
    """
    with transactor.database.reading() as db:
        found = member_sign_ins.find_signed_in(db, digest_of(token))
        now = now_of(db)
    if found is None or not _is_good(found[0], now):
        return None
    if is_use and now - found[0].seen_at > _SEEN_EVERY:
        transactor.run(
            lambda t: member_sign_ins.note_seen(t.db, digest_of(token), now), urgent=True
        )
    return SignedInMember(found[0], tuple(found[1]))


def list_good_sign_ins(database: Database, signed_in: SignedInMember) -> list[MemberSignIn]:
    """Every browser in which somebody is signed in as one of these members, last seen first."""
    with database.reading() as db:
        now = now_of(db)
        found = member_sign_ins.list_sign_ins(db, [member.id for member in signed_in.members])
    return [each for each in found if _is_good(each, now)]


def sign_out(transactor: Transactor, signed_in: SignedInMember, source: str | None = None) -> None:
    """This browser's cookie is worth nothing."""

    def use_case(transaction: Transaction) -> None:
        member_sign_ins.delete_sign_in(transaction.db, signed_in.sign_in.digest)
        _audit(transaction, signed_in.members, source, "member.signed_out")

    transactor.run(use_case, urgent=True)


def sign_out_of(
    transactor: Transactor, signed_in: SignedInMember, digest: str, source: str | None = None
) -> bool:
    """Another browser, of this digest, is signed in as none of these members; whether it was."""

    def use_case(transaction: Transaction) -> bool:
        ids = [member.id for member in signed_in.members]
        was = member_sign_ins.delete_sign_in_of(transaction.db, digest, ids)
        if was:
            _audit(transaction, signed_in.members, source, "member.signed_out_elsewhere")
        return was

    return transactor.run(use_case, urgent=True)


def sign_out_of_all(
    transactor: Transactor, signed_in: SignedInMember, source: str | None = None
) -> None:
    """No browser is signed in as one of these members any more, this one included."""

    def use_case(transaction: Transaction) -> None:
        member_sign_ins.delete_sign_ins_of(
            transaction.db, [member.id for member in signed_in.members]
        )
        _audit(transaction, signed_in.members, source, "member.signed_out_everywhere")

    transactor.run(use_case, urgent=True)


def change_password(
    transactor: Transactor,
    passwords: Passwords,
    signed_in: SignedInMember,
    present: str,
    wanted: str,
    source: str | None = None,
) -> str:
    """What this browser's cookie is to hold from now on; every other browser is signed out.

    The password is changed for every membership that the present one opens.

    Raises:
        Busy: too many sign in at this moment.
        Invalid: the wanted one is not usable.
        SignInRefused: the present one is not right, or was changed meanwhile.
    """
    check_password(wanted)
    email = signed_in.members[0].email
    members = check_credentials(transactor.database, passwords, email, present)
    wanted_hash, token = passwords.hash(wanted), secrets.token_urlsafe(_TOKEN_BYTES)

    def use_case(transaction: Transaction) -> None:
        if not lock_unchanged(transaction.db, members):
            raise SignInRefused
        for member in members:
            replace_password_hash(transaction.db, member, wanted_hash)
        member_sign_ins.delete_sign_ins_of(transaction.db, [member.id for member in members])
        _insert(transaction, token, members, source, signed_in.sign_in.agent)
        _audit(transaction, members, source, "member.password_changed")

    transactor.run(use_case, urgent=True)
    return token


def renew_hashes(
    transactor: Transactor, passwords: Passwords, members: Sequence[Member], password: str
) -> None:
    """Hashes that were made with other parameters are made anew from the password, just checked."""
    outdated = [m for m in members if passwords.is_outdated(m.password_hash)]
    if not outdated:
        return
    renewed = passwords.hash(password)

    def use_case(transaction: Transaction) -> None:
        for member in outdated:
            replace_password_hash(transaction.db, member, renewed)

    transactor.run(use_case, urgent=True)


def digest_of(token: str) -> str:
    """What is stored of a cookie: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _is_good(each: MemberSignIn, now: datetime) -> bool:
    return now < each.expires_at and now - each.seen_at < LASTS_UNUSED


def _audit(
    transaction: Transaction, members: Sequence[Member], source: str | None, action: str
) -> None:
    for member in members:
        transaction.audit(Actor.member(member.id, source), action, member.project_id)
