"""The mark that agents see, told from the proofs that SQL knows of."""

from datetime import UTC, datetime, timedelta

from domain.ids import KeyId, VisitorId
from domain.marks import Mark, MarkState
from domain.rotation_dates import AtTime
from services.read_marks import read_marks
from services.rotate_secret import Generated, SecretWish, generate
from storage.sql import signing_secrets, visitors
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
