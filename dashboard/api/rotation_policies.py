"""After how many days a project has a new secret made."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from dashboard.authorisation import CallerOf, GuardedRoute
from dashboard.openapi import refusals
from dashboard.runtime import RuntimeOf
from dashboard.wire import API_PREFIX, Answer, ProjectPath, Question, WireTime
from domain.permissions import Action
from services.rotation_policies import MOST_DAYS, read_policy, set_policy
from storage.sql.rotation_policies import RotationPolicy

router = APIRouter(prefix=API_PREFIX, route_class=GuardedRoute, tags=["rotations"])

PATH = "/projects/{project_id}/rotation_policy"

Days = Annotated[int, Field(ge=1, le=MOST_DAYS, examples=[90])]


class PolicyWish(Question):
    """A policy, or none."""

    every_days: Days | None = Field(description="Null: secrets are made only when asked for.")


class Policy(Answer):
    """Once the active secret is so old, a new one is made, which waits to be revealed.

    Both members are null where secrets are made only when asked for.
    """

    every_days: int | None
    due_at: WireTime | None = Field(description="When the age of the secret is looked at next.")

    @classmethod
    def of(cls, policy: RotationPolicy | None) -> "Policy":
        """The policy as it is shown."""
        if policy is None:
            return cls(every_days=None, due_at=None)
        return cls.model_validate(policy, from_attributes=True)


@router.get(PATH, name=Action.ROTATION_POLICY_READ, responses=refusals(404))
def show_policy(project_id: ProjectPath, runtime: RuntimeOf) -> Policy:
    """The project's policy."""
    with runtime.stores.database.reading() as db:
        return Policy.of(read_policy(db, project_id))


@router.put(PATH, name=Action.ROTATION_POLICY_CHANGE, responses=refusals(400, 404, 413, 422))
def replace_policy(
    project_id: ProjectPath, body: PolicyWish, runtime: RuntimeOf, caller: CallerOf
) -> Policy:
    """Sets the policy, or with null takes it away; a secret that waits already goes on waiting."""
    policy = runtime.stores.transactor.run(
        lambda transaction: set_policy(transaction, project_id, body.every_days, caller.actor),
        urgent=True,
    )
    return Policy.of(policy)
