"""What became of a batch's sign-ins, counted by project."""

from collections.abc import Iterable, Mapping

from domain.ids import ProjectId, RequestId
from domain.outcomes import Outcome, RefusedRequest, SignedIn
from storage.redis.figures import SignInCounts


def count_sign_ins(
    project_of: Mapping[RequestId, ProjectId], outcomes: Iterable[Outcome]
) -> dict[ProjectId, SignInCounts]:
    """Each project's sign-ins by generation and refusals by code."""
    counts: dict[ProjectId, SignInCounts] = {}
    for outcome in outcomes:
        of_project = counts.setdefault(project_of[outcome.request_id], SignInCounts())
        if isinstance(outcome, SignedIn):
            of_project.signed_in[outcome.generation] += 1
        elif isinstance(outcome, RefusedRequest):
            of_project.refused[outcome.code] += 1
    return counts
