"""Whose record a verified sign-in ends in: the rules, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import DeviceId, KeyId, ProjectId, RequestId, SessionId, VisitorId
from domain.merging import DeviceRecord, Plan, Records, SignIn, VisitorRecord, plan_sign_ins
from domain.outcomes import RefusedRequest, SignedIn

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=1)
SHOP = ProjectId("shop")
ANONYMOUS = VisitorRecord(VisitorId("anonymous"), SHOP, BEFORE)
ADA = VisitorRecord(VisitorId("ada's"), SHOP, BEFORE, custom_id="ada")
DEVICE = DeviceRecord(DeviceId("device"), SHOP, ANONYMOUS.id, BEFORE)

SIGN_IN = SignIn(
    request_id=RequestId("request"),
    session_id=SessionId("session"),
    project_id=SHOP,
    device_id=DEVICE.id,
    anonymous_id=ANONYMOUS.id,
    new_device_id=DeviceId("new device"),
    fresh_id=VisitorId("fresh"),
    custom_id="ada",
    name=None,
    email=None,
    attributes={},
    issued_at=NOW,
    key_id=KeyId("key"),
    generation=1,
    proof_ends_at=NOW + timedelta(hours=12),
)


def plan(sign_in: SignIn, *found: VisitorRecord | DeviceRecord, undone: bool = False) -> Plan:
    """The plan for one sign-in, where these records exist."""
    visitors = [record for record in found if isinstance(record, VisitorRecord)]
    records = Records(
        people={(v.project_id, v.custom_id): v for v in visitors if v.custom_id},
        visitors={v.id: v for v in visitors},
        devices={d.id: d for d in found if isinstance(d, DeviceRecord)},
        undone=frozenset({(ADA.id, ANONYMOUS.id)}) if undone else frozenset(),
    )
    return plan_sign_ins([sign_in], records, NOW)


def signed_in(made: Plan) -> SignedIn:
    """The one outcome, which is a good one."""
    [outcome] = made.outcomes
    assert isinstance(outcome, SignedIn)
    return outcome


def test_an_unknown_person_takes_the_anonymous_record() -> None:
    """The anonymous record is upgraded in place."""
    made = plan(SIGN_IN, ANONYMOUS, DEVICE)
    assert signed_in(made).visitor_id == ANONYMOUS.id
    assert made.visitors[ANONYMOUS.id].custom_id == "ada"
    assert made.merges == []


def test_a_device_without_a_row_has_an_anonymous_record_all_the_same() -> None:
    """A hello makes no row; the record its device proves is made with the sign-in."""
    assert signed_in(plan(SIGN_IN)).visitor_id == ANONYMOUS.id


def test_a_known_person_absorbs_the_anonymous_record() -> None:
    """The anonymous record is read through the person's; nothing else moves."""
    made = plan(SIGN_IN, ADA, ANONYMOUS, DEVICE)
    assert signed_in(made).merged == (ANONYMOUS.id,)
    assert made.visitors[ANONYMOUS.id].merged_into == ADA.id
    assert made.devices[DEVICE.id] == replace(DEVICE, ended_at=NOW)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([ANONYMOUS, replace(DEVICE, ended_at=BEFORE)], id="its device has ended"),
        pytest.param(
            [ANONYMOUS, replace(DEVICE, project_id=ProjectId("x"))], id="its device is foreign"
        ),
        pytest.param([replace(ANONYMOUS, project_id=ProjectId("x")), DEVICE], id="it is foreign"),
        pytest.param([replace(ANONYMOUS, custom_id="bob"), DEVICE], id="it is somebody's"),
        pytest.param([replace(ANONYMOUS, merged_into=VisitorId("b")), DEVICE], id="it is absorbed"),
        pytest.param(
            [replace(DEVICE, visitor_id=VisitorId("bob's"))], id="the device is another's"
        ),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_an_anonymous_record_that_is_not_brought_along(
    found: list[VisitorRecord | DeviceRecord], *, known: bool
) -> None:
    """What the device does not prove any more is neither upgraded nor absorbed."""
    made = plan(SIGN_IN, *([ADA] if known else []), *found)
    assert signed_in(made).visitor_id == (ADA.id if known else SIGN_IN.fresh_id)
    assert (signed_in(made).merged, made.merges) == ((), [])


def test_an_undone_pair_is_never_merged_again() -> None:
    """After an undo the two records stay two, whatever is signed."""
    made = plan(SIGN_IN, ADA, ANONYMOUS, DEVICE, undone=True)
    assert signed_in(made).merged == ()
    assert ANONYMOUS.id not in made.visitors


@pytest.mark.parametrize(
    ("issued_at", "refused"),
    [
        (None, True),
        (NOW - timedelta(seconds=1), True),
        (NOW, True),
        (NOW + timedelta(seconds=1), False),
    ],
)
def test_only_a_later_token_passes_a_sign_out_everywhere(
    issued_at: datetime | None, *, refused: bool
) -> None:
    """No leeway, and a token that does not say when it was made is too old."""
    made = plan(replace(SIGN_IN, issued_at=issued_at), replace(ADA, not_before=NOW))
    assert isinstance(made.outcomes[0], RefusedRequest) is refused
    assert bool(made.devices) is not refused


@pytest.mark.parametrize("found", [[], [ANONYMOUS]], ids=["unwritten", "written anonymously"])
def test_another_persons_device_signs_that_person_out(found: list[VisitorRecord]) -> None:
    """Also where somebody has written with it meanwhile who was nobody."""
    bobs = replace(DEVICE, visitor_id=VisitorId("bob's"))
    assert plan(SIGN_IN, ADA, bobs, *found).left == {(SHOP, bobs.visitor_id)}


@pytest.mark.parametrize("owner", [ADA.id, ANONYMOUS.id])
def test_ones_own_device_signs_nobody_out(owner: VisitorId) -> None:
    """It goes on, as theirs."""
    assert plan(SIGN_IN, ADA, ANONYMOUS, replace(DEVICE, visitor_id=owner)).left == set()


def test_without_a_socket_no_device_is_made() -> None:
    """A verification over HTTP marks the person and leaves no device behind."""
    over_http = replace(
        SIGN_IN, session_id=None, device_id=None, anonymous_id=None, new_device_id=None
    )
    made = plan(over_http)
    assert signed_in(made).visitor_id == SIGN_IN.fresh_id
    assert made.devices == {}


OLD_KEY, NEW_KEY = KeyId("retiring"), KeyId("active")
VERIFIED = replace(ADA, authenticated_at=BEFORE, authenticated_by=NEW_KEY)
BY_OLD_KEY = replace(SIGN_IN, key_id=OLD_KEY, newer_keys=frozenset({NEW_KEY}))


def mark(made: Plan) -> tuple[datetime | None, KeyId | None]:
    """Since when the person is verified, and by which key."""
    return made.visitors[ADA.id].authenticated_at, made.visitors[ADA.id].authenticated_by


def test_an_older_key_does_not_take_a_newer_ones_place() -> None:
    """The proof by the newer one stands when the older one is revoked; what was signed is new."""
    made = plan(replace(BY_OLD_KEY, name="Ada Lovelace"), VERIFIED)
    assert mark(made) == (BEFORE, NEW_KEY)
    assert made.visitors[ADA.id].name == "Ada Lovelace"
    assert signed_in(made).key_id == OLD_KEY


@pytest.mark.parametrize(
    "known",
    [
        replace(VERIFIED, authenticated_at=NOW - timedelta(hours=12)),
        replace(VERIFIED, authenticated_by=KeyId("revoked")),
        replace(VERIFIED, epoch_raised_at=BEFORE),
        replace(VERIFIED, left_at=BEFORE),
        ADA,
    ],
    ids=["expired", "revoked", "signed out everywhere", "left", "never proved"],
)
def test_a_newer_proof_that_is_over_is_none(known: VisitorRecord) -> None:
    """What the token at hand proves is then all there is."""
    assert mark(plan(BY_OLD_KEY, known)) == (NOW, OLD_KEY)


def test_a_proof_goes_on_from_the_latest_token() -> None:
    """By the same key or by a newer one; a sign-out everywhere before the proof ends nothing."""
    again = replace(SIGN_IN, key_id=NEW_KEY)
    assert mark(plan(again, VERIFIED)) == (NOW, NEW_KEY)
    assert mark(plan(again, replace(VERIFIED, authenticated_by=OLD_KEY))) == (NOW, NEW_KEY)
    earlier = BEFORE - timedelta(minutes=1)
    assert mark(plan(BY_OLD_KEY, replace(VERIFIED, epoch_raised_at=earlier))) == (BEFORE, NEW_KEY)
