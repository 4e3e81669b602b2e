"""One token verified without a session: a worker says whether it is good, over HTTP."""

import asyncio
from collections.abc import Mapping
from typing import Final

from domain.ids import ProjectId, RequestId, is_uuid
from domain.json_values import JsonObject
from domain.outcomes import Outcome, RefusedRequest, SignedIn
from domain.refusals import RefusalCode, TokenRefused
from domain.tokens.audience import read_project
from domain.tokens.parsing import bare_token, parse
from domain.tokens.shape import check_shape
from gateway.context import NodeContext
from gateway.drop_in_answers import Denied
from gateway.drop_in_projects import try_again
from gateway.lanes import LaneRequest

_ANY_LEEWAY_SECONDS: Final = 10**9


class Presented:
    """A token as it was presented, of which nothing is proved yet. Its text is in no `repr`.

    Raises:
        TokenRefused: it is not even well-formed, or names no project.
    """

    __slots__ = ("claims", "project_id", "token")

    def __init__(
        self, node: NodeContext, authorization: str | None, fields: Mapping[str, object]
    ) -> None:
        if authorization is None:
            message = "Send the token in the header Authorization: JWT <token>."
            raise TokenRefused(RefusalCode.TOKEN_MALFORMED, message)
        check_shape(authorization, now=node.utc_now(), leeway_seconds=_ANY_LEEWAY_SECONDS)
        self.token = bare_token(authorization)
        self.claims: JsonObject = parse(self.token).payload
        self.project_id = _project_of(self.claims, fields)

    async def sign_in(self, node: NodeContext, leeway_seconds: int) -> Mapping[str, object]:
        """What a good token is answered: itself, and what it says.

        Raises:
            TokenRefused: it is not good.
            Denied: 503, nobody could say.
        """
        self._require_unexpired(node, leeway_seconds)
        if not node.takes_sign_ins:
            raise try_again()
        outcome = await Verification(node, self.project_id, self.token).outcome()
        if isinstance(outcome, RefusedRequest):
            raise Denied.of(outcome.code, outcome.message, outcome.retry_after_ms)
        if not isinstance(outcome, SignedIn):
            raise try_again()
        room = node.shelf.rooms.get(self.project_id)
        if room is not None and not room.accepts(outcome.generation):
            raise TokenRefused(RefusalCode.KEY_REVOKED)  # meanwhile
        return {"token": f"JWT {self.token}", "user": self.claims}

    def _require_unexpired(self, node: NodeContext, leeway_seconds: int) -> None:
        try:
            check_shape(self.token, now=node.utc_now(), leeway_seconds=leeway_seconds)
        except TokenRefused as refused:
            node.refusal_counts.note(self.project_id, refused.code)  # no worker will
            raise


class Verification:
    """One request's way to a worker and back; the asker of its request in the lane."""

    def __init__(self, node: NodeContext, project_id: ProjectId, token: str) -> None:
        request_id = RequestId(node.new_id())
        wire = node.request_wire(request_id, project_id) | {
            "token": node.token_sealer.seal(token, request_id, project_id)
        }
        self._lane = node.verifications
        self._request = LaneRequest(request_id, project_id, wire, self)
        self._outcome: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()

    async def outcome(self) -> Outcome | None:
        """The worker's answer; None if there is none to be had.

        Whoever stops waiting while the request does leaves nothing behind in the lane.
        """
        if not self._lane.submit(self._request):
            return None
        try:
            return await self._outcome
        finally:
            self._lane.withdraw(self._request)

    def answered(self, request: LaneRequest, outcome: Outcome) -> None:  # noqa: ARG002 - protocol
        """The worker's answer is there."""
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    def unanswered(self, request: LaneRequest) -> None:  # noqa: ARG002 - the asker's protocol
        """There will be none."""
        if not self._outcome.done():
            self._outcome.set_result(None)


def _project_of(claims: JsonObject, fields: Mapping[str, object]) -> ProjectId:
    """The project that the body names, else the one that the token is meant for.

    Either is only a claim: the worker checks the token with that project's secrets and no others.
    """
    if "id_project" not in fields:
        return read_project(claims)
    named = fields["id_project"]
    if not isinstance(named, str) or not is_uuid(named):
        raise TokenRefused(RefusalCode.AUDIENCE_MISMATCH)
    return ProjectId(named)
