"""The mark that agents see, told from the proofs that SQL knows of."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from domain.ids import DeviceId, KeyId, VisitorId
from domain.marks import Mark, MarkState
from domain.rotation_dates import AtTime
from services.read_marks import read_marks
from services.rotate_secret import Generated, SecretWish, generate
from storage.sql import signing_secrets, tables, visitors
from storage.sql.engine import now_of
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import ADMINISTRATOR, SEALER


def mark_of(site: PeopleSite, visitor_id: VisitorId) -> Mark:
    """The person's mark now."""
    with site.database.reading() as db:
        visitor = visitors.get_visitor(db, site.project_id, visitor_id)
        return read_marks(db, site.project_id).of(visitor)


def plan_rotation(site: PeopleSite) -> Generated:
    """A second secret; the first verifies until tomorrow."""
    wish = SecretWish(when=AtTime(datetime.now(UTC) + timedelta(days=1)))
    return site.transactor.run(
        lambda t: generate(t, SEALER, site.project_id, ADMINISTRATOR, wish), urgent=True
    )


def cut(site: PeopleSite, first: KeyId) -> None:
    """The first secret is revoked."""
    site.database.write(lambda db: signing_secrets.revoke_secrets(db, [first], now_of(db)))


def test_a_late_token_of_the_old_secret_takes_no_mark_away(site: PeopleSite) -> None:
    """One browser has moved to the new secret; at the cut only the other one is closed."""
    browser, phone = site.socket(), site.socket()
    first = site.sign_in(browser, "ada").key_id
    old, new = site.secret, plan_rotation(site)
    site.secret = new.secret
    ada = site.sign_in(browser, "ada").visitor_id
    moved = mark_of(site, ada)
    site.secret = old

    assert site.sign_in(phone, "ada").key_id == first
    assert mark_of(site, ada) == moved

    cut(site, first)
    assert mark_of(site, ada) == moved
    assert (moved.state, moved.key_id) == (MarkState.VERIFIED, new.key_id)


def test_an_old_secrets_mark_is_grey_after_the_cut(site: PeopleSite) -> None:
    """Whoever never moved is verified no longer."""
    first = site.sign_in(site.socket(), "ada")
    plan_rotation(site)
    cut(site, first.key_id)
    assert mark_of(site, first.visitor_id).state is MarkState.KEY_REVOKED


def test_a_sign_out_ends_the_mark(site: PeopleSite) -> None:
    """From that moment nobody speaks for the person; signed in again they are verified again."""
    browser = site.socket()
    ada = site.sign_in(browser, "ada").visitor_id
    bob = site.sign_in(site.socket(), "bob").visitor_id

    site.sign_out(browser)

    left = mark_of(site, ada)
    assert (left.state, left.is_grey) == (MarkState.LEFT, True)
    assert mark_of(site, bob).state is MarkState.VERIFIED
    site.sign_out(browser)
    assert mark_of(site, ada) == left, "an anonymous sign-out is nobody's"
    site.sign_in(browser, "ada")
    assert mark_of(site, ada).state is MarkState.VERIFIED


def test_a_browser_that_is_signed_in_keeps_the_mark(site: PeopleSite) -> None:
    """Until they sign out there, too; one whose proof must be over by now keeps nothing."""
    first, second, closed = site.socket(), site.socket(), site.socket()
    for socket in (closed, first, second):
        ada = site.sign_in(socket, "ada").visitor_id
    site.database.write(lambda db: _signed_in_long_ago(db, closed.device))

    site.sign_out(first)
    assert mark_of(site, ada).state is MarkState.VERIFIED

    site.sign_out(second)
    assert mark_of(site, ada).state is MarkState.LEFT


def _signed_in_long_ago(db: sa.Connection, device: DeviceId) -> None:
    moment = now_of(db) - timedelta(hours=13)
    one = tables.devices.c.id == device
    db.execute(tables.devices.update().where(one).values(created_at=moment))


def test_whoever_signs_in_in_their_place_signs_them_out(site: PeopleSite) -> None:
    """On a computer that two people share nobody signs out for that."""
    shared = site.socket()
    ada = site.sign_in(shared, "ada").visitor_id
    bob = site.sign_in(shared, "bob").visitor_id
    assert mark_of(site, ada).state is MarkState.LEFT
    assert mark_of(site, bob).state is MarkState.VERIFIED
    site.sign_in(shared, "bob")
    assert mark_of(site, bob).state is MarkState.VERIFIED


def test_words_of_nobody_in_between_change_nothing(site: PeopleSite) -> None:
    """The page was loaded anew, and somebody wrote before they signed in in the other's place."""
    shared = site.socket()
    ada = site.sign_in(shared, "ada").visitor_id
    loaded_anew = site.socket(shared.device)
    site.say(loaded_anew, "hello")
    assert mark_of(site, ada).state is MarkState.VERIFIED
    site.sign_in(loaded_anew, "bob")
    assert mark_of(site, ada).state is MarkState.LEFT


def test_the_old_secrets_token_counts_once_they_have_left(site: PeopleSite) -> None:
    """The newer one's proof is over with the sign-out."""
    browser = site.socket()
    old, new = site.secret, plan_rotation(site)
    site.secret = new.secret
    site.sign_in(browser, "ada")
    site.sign_out(browser)
    site.secret = old
    late = site.sign_in(browser, "ada")
    mark = mark_of(site, late.visitor_id)
    assert (mark.state, mark.key_id) == (MarkState.VERIFIED, late.key_id)
    assert late.key_id != new.key_id
