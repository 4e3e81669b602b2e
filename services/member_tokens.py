"""Tokens for members who sign in as clients of the original system do: short, and for one thing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from domain.json_values import JsonObject
from domain.own_tokens import OwnTokens
from domain.refusals import TokenRefused
from domain.roles import Actor
from services.member_sign_ins import MOST_MEMBERSHIPS, SignInRefused
from services.transactions import Transaction, Transactor
from storage.sql.engine import Database, now_of
from storage.sql.members import Member, list_members_with_email, lock_unchanged

LASTS: Final = timedelta(minutes=15)


def issue_member_token(
    transactor: Transactor,
    tokens: OwnTokens,
    members: Sequence[Member],
    source: str | None = None,
) -> str:
    """A token for these memberships, which stands in the audit log of each.

    It ends with its time, with the password, or with the membership, whichever is first. It holds
    a digest of each password's salted hash, under a key of ours, to know that by.

    Args:
        transactor: runs the transaction.
        tokens: signs it.
        members: at least one, of one person; whose password has been checked.
        source: the address that they come from.

    Raises:
        SignInRefused: a password was changed since it was checked.
    """

    def use_case(transaction: Transaction) -> str:
        if not lock_unchanged(transaction.db, members):
            raise SignInRefused
        for member in members:
            actor = Actor.member(member.id, source)
            transaction.audit(actor, "member.token_issued", member.project_id)
        first = members[0]
        memberships: JsonObject = {each.id: tokens.digest(each.password_hash) for each in members}
        claims: JsonObject = {"_id": first.id, "email": first.email, "sub": "user"}
        return tokens.sign({**claims, "memberships": memberships}, transaction.now, LASTS)

    return transactor.run(use_case, urgent=True)


def list_token_holders(database: Database, tokens: OwnTokens, text: str) -> list[Member]:
    """The memberships that a token still stands for, an owner's first.

    Raises:
        SignInRefused: there are none, or it is no token of ours.
    """
    with database.reading() as db:
        try:
            claims = tokens.read(text, now_of(db))
        except TokenRefused:
            raise SignInRefused from None
        email, memberships = claims.get("email"), claims.get("memberships")
        if not isinstance(email, str) or not isinstance(memberships, dict):
            raise SignInRefused
        known = list_members_with_email(db, email, MOST_MEMBERSHIPS)
    holders = [
        each for each in known if memberships.get(each.id) == tokens.digest(each.password_hash)
    ]
    if not holders:
        raise SignInRefused
    return holders
