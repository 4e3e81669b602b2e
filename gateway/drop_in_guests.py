"""Guests: a token for somebody of whom nothing is known, which signs nobody in."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from domain.ids import ProjectId, is_uuid
from domain.json_values import JsonObject
from domain.own_tokens import OwnTokens
from gateway.context import NodeContext
from gateway.drop_in_answers import Denied
from gateway.drop_in_projects import ProjectUnknown

GUEST_LIFETIME: Final = timedelta(days=1)
_NAME_BYTES = 4


def project_of_guest(fields: Mapping[str, object]) -> ProjectId:
    """The project that the body names.

    Raises:
        Denied: 422, it names none.
        ProjectUnknown: nothing is called so.
    """
    named = fields.get("id_project")
    if not isinstance(named, str) or not named:
        message = "Name the project: id_project."
        raise Denied(HTTPStatus.UNPROCESSABLE_ENTITY, "id_project_missing", message)
    if not is_uuid(named):
        raise ProjectUnknown
    return ProjectId(named)


def make_guest(
    node: NodeContext, guest_tokens: OwnTokens, project_id: ProjectId
) -> Mapping[str, object]:
    """A new guest's token and what it says.

    Names, e-mail addresses and whatever else the request holds are left out: nobody has proved
    them, and a token that we sign must not say them.
    """
    name, guest_id = f"guest#{secrets.token_hex(_NAME_BYTES)}", node.new_id()
    user: JsonObject = {"_id": guest_id, "id": guest_id, "firstname": name, "fullName": name}
    claims: JsonObject = {**user, "sub": "guest", "aud": project_id}
    return {
        "token": f"JWT {guest_tokens.sign(claims, node.utc_now(), GUEST_LIFETIME)}",
        "user": user,
    }
