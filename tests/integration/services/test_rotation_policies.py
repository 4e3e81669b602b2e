"""Policies: a secret is made when its predecessor is old enough, and waits to be revealed."""

from datetime import timedelta

import pytest

from domain.errors import Invalid
from domain.rotations import RotationHow, RotationState
from domain.signing_secrets import SecretState
from services.change_rotations import cancel, reveal
from services.projects import change_project
from services.rotation_policies import GRACE, run_due_policies, set_policy
from tests.integration.scenes import ADMINISTRATOR, SEALER, rotate
from tests.integration.services.test_run_due import AFTERNOON, DAY, Night, night

__all__ = ["night"]


def set_days(scene: Night, days: int | None) -> None:
    """The project's policy."""
    scene.stores.transactor.run(lambda t: set_policy(t, scene.project_id, days, ADMINISTRATOR))


def sweep_at(scene: Night, days: float) -> list[SecretState]:
    """The secrets after a sweep so many days later."""
    scene.now = AFTERNOON + timedelta(days=days)
    run_due_policies(scene.stores)
    return scene.states


def test_secret_is_made_when_the_active_one_is_old_enough(night: Night) -> None:
    """Not before, once, and its cut leaves a week."""
    set_days(night, 90)

    assert sweep_at(night, 89.9) == [SecretState.ACTIVE]
    for later in (90, 90.1, 91, 95):
        assert sweep_at(night, later) == [SecretState.WAITING, SecretState.ACTIVE]

    rotation = night.latest
    assert (rotation.state, rotation.requested_by) == (RotationState.SCHEDULED, "policy")
    assert rotation.how == RotationHow.OFF_HOURS
    assert rotation.due_at is not None
    assert rotation.due_at >= AFTERNOON + 90 * DAY + GRACE


def test_revealed_and_cut_it_begins_anew(night: Night) -> None:
    """The age of the new secret counts from then on."""
    set_days(night, 30)
    sweep_at(night, 30)
    made = night.stores.transactor.run(
        lambda t: reveal(t, SEALER, night.project_id, night.latest.new_key_id, ADMINISTRATOR)
    )
    night.use(made)
    due_at = night.latest.due_at
    assert due_at is not None
    assert night.run_at(due_at).state is RotationState.CUTTING

    assert sweep_at(night, 59.9) == [SecretState.ACTIVE, SecretState.REVOKED]
    assert sweep_at(night, 60)[0] is SecretState.WAITING


def test_young_secret_is_left_alone(night: Night) -> None:
    """Whoever regenerates meanwhile has begun a new period."""
    set_days(night, 30)
    night.now = AFTERNOON + 29 * DAY
    rotate(night.stores.transactor, night.project_id)

    assert sweep_at(night, 58)[0] is SecretState.ACTIVE
    assert sweep_at(night, 59)[0] is SecretState.WAITING


def cancel_latest(scene: Night) -> None:
    """Somebody does not want what the policy made."""
    rotation_id = scene.latest.id
    scene.stores.transactor.run(lambda t: cancel(t, scene.project_id, rotation_id, ADMINISTRATOR))


def test_cancelled_one_is_made_anew_after_as_many_days(night: Night) -> None:
    """Cancelling holds; the policy still stands, and without it nothing is made."""
    set_days(night, 30)
    sweep_at(night, 30)
    cancel_latest(night)

    for later in (30.5, 31.5, 59.9):
        assert SecretState.WAITING not in sweep_at(night, later)
    assert sweep_at(night, 60)[0] is SecretState.WAITING
    cancel_latest(night)
    set_days(night, None)
    assert SecretState.WAITING not in sweep_at(night, 99)


def test_regenerated_after_cancelling_its_age_counts(night: Night) -> None:
    """The days are those of the secret that is active then."""
    set_days(night, 30)
    sweep_at(night, 30)
    cancel_latest(night)
    night.now = AFTERNOON + 40 * DAY
    rotate(night.stores.transactor, night.project_id)

    assert sweep_at(night, 69)[0] is SecretState.ACTIVE
    assert sweep_at(night, 70)[0] is SecretState.WAITING


def test_project_that_is_never_offline_has_a_time(night: Night) -> None:
    """A week after the secret was made."""
    change_project(night.stores, night.project_id, {"operating_hours": None}, ADMINISTRATOR)
    set_days(night, 30)

    assert sweep_at(night, 30)[0] is SecretState.WAITING
    assert (night.latest.how, night.latest.due_at) == (RotationHow.AT, night.now + GRACE)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_only_some_numbers_of_days(night: Night, days: int) -> None:
    """Others are refused, and the policy stays."""
    with pytest.raises(Invalid, match="every_days"):
        set_days(night, days)
