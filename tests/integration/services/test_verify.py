"""Verifying batches of tokens, and whose record they end in."""

from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import sqlalchemy as sa

from domain.ids import DeviceId, ProjectId
from domain.outcomes import Outcome, RefusedRequest, SignedIn
from domain.tokens.policy import TokenPolicy
from services.key_rings import KeyRings
from services.note_key_use import KeyUseNotes
from services.verify_visitors import VisitorVerifier
from storage.sql import signing_secrets, visitors
from storage.sql.engine import Database
from storage.sql.tables import devices, merges
from storage.sql.tables import visitors as visitors_table
from tests.integration.scenes import (
    DEVICES,
    SEALER,
    add_project,
    answer_at_last,
    mint,
    new_device,
    open_transactor,
    request,
    rotate,
)


class Site:
    """A project with a secret, and a verifier as a worker has it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.transactor, _ = open_transactor(database)
        self.project_id = add_project(self.transactor)
        self.secret = rotate(self.transactor, self.project_id).secret
        self.verifier = VisitorVerifier(self.transactor, KeyRings(SEALER), DEVICES)

    def sign_in(self, custom_id: str | int, device: DeviceId | None = None) -> SignedIn:
        """The good answer to a good token."""
        [outcome] = self.verify([(mint(self.secret, custom_id), device)])
        assert isinstance(outcome, SignedIn), outcome
        return outcome

    def verify(self, asked: list[tuple[str, DeviceId | None]]) -> list[Outcome]:
        """The answers to tokens from devices, in one batch."""
        requests = [request(self.project_id, token, device) for token, device in asked]
        return self.verifier.verify(requests).outcomes


@pytest.fixture
def site(database: Database) -> Site:
    """A project with a secret."""
    return Site(database)


def test_first_sign_in_upgrades_the_anonymous_record(site: Site) -> None:
    """The anonymous visitor becomes the person, under the same id."""
    device = new_device(site.project_id)
    outcome = site.sign_in("ada", device)

    with site.database.reading() as db:
        visitor = visitors.get_person(db, site.project_id, "ada")
        held = visitors.list_devices(db, visitor.id, limit=9)
    assert (outcome.visitor_id, outcome.merged) == (visitor.id, ())
    assert visitor.authenticated_at is not None
    assert {(d.id, d.ended_at is None) for d in held} == {
        (device, False),
        (outcome.device_id, True),
    }


def test_second_device_is_absorbed(site: Site) -> None:
    """The other device's anonymous record is read through the person's from now on."""
    first = site.sign_in("ada", new_device(site.project_id))
    second = site.sign_in("ada", new_device(site.project_id))

    assert second.visitor_id == first.visitor_id
    [absorbed] = second.merged
    with site.database.reading() as db:
        assert visitors.get_visitor(db, site.project_id, absorbed).id == first.visitor_id
        assert len(visitors.list_devices(db, first.visitor_id, limit=9)) == 4


def test_coming_back_merges_nothing(site: Site) -> None:
    """A device that belongs to the person already brings no anonymous record along."""
    first = site.sign_in("ada", new_device(site.project_id))
    again = site.sign_in("ada", first.device_id)

    assert (again.visitor_id, again.merged) == (first.visitor_id, ())
    assert again.device_id != first.device_id


def test_another_person_on_the_same_device_is_never_merged(site: Site) -> None:
    """A known person is not merged with another known one."""
    ada = site.sign_in("ada", new_device(site.project_id))
    bob = site.sign_in("bob", ada.device_id)

    assert bob.visitor_id != ada.visitor_id
    assert bob.merged == ()
    with site.database.reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(merges)) == 0


def test_an_ended_device_brings_nothing(site: Site) -> None:
    """A device id kept from before the sign-in is worth nothing afterwards."""
    kept = new_device(site.project_id)
    site.sign_in("ada", kept)
    eve = site.sign_in("eve", kept)

    assert eve.merged == ()
    with site.database.reading() as db:
        assert visitors.get_person(db, site.project_id, "ada").id != eve.visitor_id


def test_one_person_on_two_devices_in_one_batch(site: Site) -> None:
    """Two devices that sign in at the same instant meet in one record."""
    token = mint(site.secret, "ada")
    outcomes = site.verify([(token, new_device(site.project_id)) for _ in range(5)])

    assert len({outcome.visitor_id for outcome in outcomes}) == 1
    assert [len(outcome.merged) for outcome in outcomes] == [0, 1, 1, 1, 1]


def test_same_custom_id_in_two_projects(site: Site) -> None:
    """Nothing crosses projects: not the person, not the key, not the device."""
    other = add_project(site.transactor)
    secret = rotate(site.transactor, other).secret
    ada = site.sign_in("ada", new_device(site.project_id))

    foreign_key = request(other, mint(site.secret, "ada"))
    foreign_device = request(other, mint(secret, "ada"), new_device(site.project_id))
    refused, accepted = site.verifier.verify([foreign_key, foreign_device]).outcomes

    assert (type(refused), refused.code) == (RefusedRequest, "signature_invalid")
    assert isinstance(accepted, SignedIn)
    assert accepted.visitor_id != ada.visitor_id
    assert accepted.merged == ()


def test_numeric_and_textual_ids_are_one_person(site: Site) -> None:
    """A JSON integer counts as its decimal text."""
    assert site.sign_in(42).visitor_id == site.sign_in("42").visitor_id


def test_name_and_email_follow_the_latest_token(site: Site) -> None:
    """What the newest token signed is shown; what it leaves out stays as signed before."""
    site.verify([(mint(site.secret, "ada", name="Ada", email="ada@example.com"), None)])
    site.verify([(mint(site.secret, "ada", name="Ada L."), None)])
    with site.database.reading() as db:
        person = visitors.get_person(db, site.project_id, "ada")
    assert (person.name, person.email) == ("Ada L.", "ada@example.com")


def test_revoked_key_is_named_and_noted(site: Site) -> None:
    """After regenerate the old token is refused by name, and the key's refusal is noted."""
    old = mint(site.secret, "ada")
    rotate(site.transactor, site.project_id)

    verified = site.verifier.verify([request(site.project_id, old)])
    KeyUseNotes(site.transactor).note(verified.key_use)

    assert [outcome.code for outcome in verified.outcomes] == ["key_revoked"]
    with site.database.reading() as db:
        _, revoked = signing_secrets.list_secrets(db, site.project_id)
    assert revoked.last_refused_at is not None


def test_first_verification_is_noted_in_its_commit(site: Site) -> None:
    """A secret that has verified a token says so at once: the cut-over guard relies on it."""
    site.sign_in("ada")
    with site.database.reading() as db:
        [secret] = signing_secrets.list_secrets(db, site.project_id)
    assert secret.last_verified_at is not None


def test_unknown_project_is_refused(site: Site) -> None:
    """A request for a project that does not exist is answered, not dropped."""
    nowhere = ProjectId("01900000-0000-7000-8000-000000000000")
    verified = site.verifier.verify([request(nowhere, mint(site.secret, "ada"))])
    assert [outcome.code for outcome in verified.outcomes] == ["key_unknown"]


def test_more_projects_than_are_locked_at_once(database: Database) -> None:
    """A batch over twenty projects is answered whole and in order."""
    transactor, _ = open_transactor(database)
    verifier = VisitorVerifier(transactor, KeyRings(SEALER), DEVICES)
    sites = [add_project(transactor) for _ in range(20)]
    secrets = [rotate(transactor, project_id).secret for project_id in sites]
    requests = [request(p, mint(s, "ada")) for p, s in zip(sites, secrets, strict=True)]

    outcomes = verifier.verify(requests).outcomes

    assert [o.request_id for o in outcomes] == [r.request_id for r in requests]
    assert all(isinstance(outcome, SignedIn) for outcome in outcomes)


def test_one_bad_record_fails_alone(site: Site) -> None:
    """Where the database refuses one request's rows, the others of its batch are signed in."""
    poisoned = "x" * 10
    for statement in _poison_trigger(site.database, poisoned):
        site.database.write(lambda db, s=statement: db.exec_driver_sql(s))

    tokens = [mint(site.secret, f"user-{n}") for n in range(9)] + [mint(site.secret, poisoned)]
    outcomes = site.verify([(token, None) for token in tokens])

    assert [isinstance(outcome, SignedIn) for outcome in outcomes] == [True] * 9 + [False]
    assert outcomes[-1].code == "unavailable"
    assert outcomes[-1].retry_after_ms


def _poison_trigger(database: Database, custom_id: str) -> list[str]:
    if database.is_sqlite:
        return [_SQLITE_TRIGGER.format(custom_id=custom_id)]
    return [_POSTGRESQL_FUNCTION.format(custom_id=custom_id), _POSTGRESQL_TRIGGER]


_SQLITE_TRIGGER = """CREATE TRIGGER poison_one BEFORE INSERT ON visitors
WHEN new.custom_id = '{custom_id}' BEGIN SELECT raise(ABORT, 'poisoned'); END"""
_POSTGRESQL_FUNCTION = """CREATE FUNCTION poison() RETURNS trigger AS $$ BEGIN
IF new.custom_id = '{custom_id}' THEN RAISE check_violation; END IF; RETURN new;
END $$ LANGUAGE plpgsql"""
_POSTGRESQL_TRIGGER = """CREATE TRIGGER poison_one BEFORE INSERT ON visitors
FOR EACH ROW EXECUTE FUNCTION poison()"""


def test_many_workers_and_one_person(site: Site) -> None:
    """However many verify one ID at once, there is one record and no device is lost."""
    device_ids = [new_device(site.project_id) for _ in range(32)]

    def worker(device: DeviceId) -> Outcome:
        asked = request(site.project_id, mint(site.secret, "ada"), device)
        return answer_at_last(site.verifier, asked)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(worker, device_ids))

    assert all(isinstance(outcome, SignedIn) for outcome in outcomes)
    assert len({outcome.visitor_id for outcome in outcomes}) == 1
    with site.database.reading() as db:
        person = visitors.get_person(db, site.project_id, "ada")
        assert len(visitors.list_devices(db, person.id, limit=99)) == 64
        living = sa.select(sa.func.count()).where(
            visitors_table.c.project_id == site.project_id, visitors_table.c.merged_into.is_(None)
        )
        assert db.scalar(living) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(devices)) == 64


def test_tiledesk_tokens_without_expiry(database: Database) -> None:
    """The drop-in policy takes tokens of the original system as they are."""
    transactor, _ = open_transactor(database)
    project_id = add_project(transactor, TokenPolicy.of_preset("tiledesk"))
    secret = rotate(transactor, project_id).secret
    verifier = VisitorVerifier(transactor, KeyRings(SEALER), DEVICES)
    token = _without_times(secret, project_id)

    [outcome] = verifier.verify([request(project_id, "JWT " + token)]).outcomes

    assert isinstance(outcome, SignedIn)
    assert (outcome.custom_id, outcome.name) == ("123456", "Ada Lovelace")


def _without_times(secret: str, project_id: ProjectId) -> str:
    claims = {
        "_id": "123456",
        "firstname": "Ada",
        "lastname": "Lovelace",
        "email": "ada@example.com",
        "sub": "userexternal",
        "aud": f"https://tiledesk.example/projects/{project_id}",
    }
    return jwt.encode(claims, secret, algorithm="HS256")
