"""How values look on the wire: ids, times, and the two kinds of bodies."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from domain.errors import NotFound
from domain.ids import KeyId, MergeId, ProjectId, RotationId, VisitorId, is_uuid
from domain.plain_text import find_line_fault
from domain.times import to_wire
from services.change_rotations import SecretNotFound
from storage.sql.api_keys import ApiKeyNotFound
from storage.sql.invitations import InvitationNotFound
from storage.sql.memberships import MemberNotFound
from storage.sql.merges import MergeNotFound
from storage.sql.projects import ProjectNotFound
from storage.sql.rotations import RotationNotFound
from storage.sql.visitors import VisitorNotFound

Id = TypeVar("Id", bound=str)

API_PREFIX = "/api/v1"


class Question(BaseModel):
    """What a caller sends: exactly these members, of exactly these types."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """What a caller gets; more members may come with later versions."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


Object = dict[str, Any]
"""JSON that has a form of its own."""

_UUID = {"format": "uuid"}

WireTime = Annotated[
    datetime,
    PlainSerializer(to_wire, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Uuid = Annotated[str, Field(json_schema_extra=_UUID)]
KeyUuid = Annotated[KeyId, Field(json_schema_extra=_UUID)]


def _truth(text: object) -> object:
    if text in ("true", "false"):
        return text == "true"
    message = "give true or false"
    raise ValueError(message)


Truth = Annotated[bool, BeforeValidator(_truth)]
"""In a query: `true` or `false`, no other spelling."""


def _line(text: str) -> str:
    if fault := find_line_fault(text):
        message = f"it holds {fault}"
        raise ValueError(message)
    return text


Line = Annotated[str, AfterValidator(_line)]
"""One line of text, of a kind that every database takes."""


def uuid_or(missing: type[NotFound]) -> Callable[[Id], Id]:
    """A check of ids in paths: text that is no id is the id of nothing.

    Raises:
        NotFound: of that class.
    """

    def check(text: Id) -> Id:
        if not is_uuid(text):
            raise missing
        return text

    return check


ProjectPath = Annotated[
    ProjectId,
    AfterValidator(uuid_or(ProjectNotFound)),
    Path(description="A project's id.", json_schema_extra=_UUID),
]
KeyPath = Annotated[
    KeyId,
    AfterValidator(uuid_or(SecretNotFound)),
    Path(description="A secret's key id.", json_schema_extra=_UUID),
]
RotationPath = Annotated[
    RotationId,
    AfterValidator(uuid_or(RotationNotFound)),
    Path(description="A rotation's id.", json_schema_extra=_UUID),
]
MergePath = Annotated[
    MergeId,
    AfterValidator(uuid_or(MergeNotFound)),
    Path(description="A merge's id.", json_schema_extra=_UUID),
]
VisitorPath = Annotated[
    VisitorId,
    AfterValidator(uuid_or(VisitorNotFound)),
    Path(description="A visitor's id.", json_schema_extra=_UUID),
]
MemberPath = Annotated[
    str,
    AfterValidator(uuid_or(MemberNotFound)),
    Path(description="A member's id.", json_schema_extra=_UUID),
]
InvitationPath = Annotated[
    str,
    AfterValidator(uuid_or(InvitationNotFound)),
    Path(description="An invitation's id.", json_schema_extra=_UUID),
]
ApiKeyPath = Annotated[
    str,
    AfterValidator(uuid_or(ApiKeyNotFound)),
    Path(description="An API key's id.", json_schema_extra=_UUID),
]
