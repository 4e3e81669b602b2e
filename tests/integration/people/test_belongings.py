"""However often somebody signs in, what is shown of them is of a size."""

from services.read_visitors import LATEST_DEVICES, LATEST_MERGES, read_belongings
from tests.integration.people.site import PeopleSite
from tests.integration.scenes import mint, new_device, request


def sign_in_often(site: PeopleSite, times: int) -> None:
    """As ada, each time on another device that was never seen before; they all stay open."""
    token = mint(site.secret, "ada")
    asked = [request(site.project_id, token, new_device(site.project_id)) for _ in range(times)]
    site.verifier.verify(asked)


def test_open_devices_come_first_then_the_latest(site: PeopleSite) -> None:
    """And it is said that there are more."""
    oldest = site.socket()
    ada = site.sign_in(oldest, "ada").visitor_id
    busy = site.socket()
    for _ in range(4):
        site.sign_in(busy, "ada")
    sign_in_often(site, LATEST_DEVICES - 4)

    with site.database.reading() as db:
        theirs = read_belongings(db, ada)

    open_ones = [device for device in theirs.devices if device.ended_at is None]
    assert theirs.devices[: len(open_ones)] == open_ones
    assert {oldest.device, busy.device} <= {device.id for device in open_ones}
    assert (len(open_ones), len(theirs.devices)) == (LATEST_DEVICES - 2, LATEST_DEVICES)
    latest = [device.created_at for device in theirs.devices[len(open_ones) :]]
    assert latest == sorted(latest, reverse=True)
    assert theirs.more_devices


def test_the_latest_merges_are_shown(site: PeopleSite) -> None:
    """As many as are shown, and one more."""
    ada = site.sign_in(site.socket(), "ada").visitor_id
    sign_in_often(site, LATEST_MERGES)
    with site.database.reading() as db:
        theirs = read_belongings(db, ada)
    assert (len(theirs.merges), theirs.more_merges) == (LATEST_MERGES, False)

    site.sign_in(site.socket(), "ada")

    with site.database.reading() as db:
        after = read_belongings(db, ada)
    assert (len(after.merges), after.more_merges) == (LATEST_MERGES, True)
    assert after.merges[1:] == theirs.merges[:-1]
