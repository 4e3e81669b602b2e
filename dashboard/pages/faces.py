"""How visitors look to agents: their avatar and its checkmark, what is signed and what they say."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.pages.overview_figures import name_of
from dashboard.pages.rendering import exact_time
from domain.ids import VisitorId
from domain.marks import Mark, MarkState
from domain.signing_secrets import SigningSecret
from services.read_marks import Marks
from storage.sql.visitors import Visitor

COLOURS = 8
_LONGEST_SAID = 200

_WHY_GREY = {
    MarkState.KEY_REVOKED: "then that key was revoked",
    MarkState.SIGNED_OUT: "then they were signed out everywhere",
    MarkState.LEFT: "then they signed out",
    MarkState.EXPIRED: "then the proof expired",
}


@dataclass(frozen=True, slots=True)
class MarkShown:
    """The checkmark on an avatar.

    Attributes:
        is_grey: whether what was proved holds no longer.
        title: in two or three words.
        sentence: who, since when, by which key, and why it ended.
    """

    is_grey: bool
    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Face:
    """A visitor.

    Attributes:
        name: the best that is known and signed; `is_named` tells whether there is any.
        initials: of it; none of who is not known.
        colour: one of so many, the same wherever this visitor is shown.
        mark: none of an anonymous visitor.
        custom_id: signed, as `email` and `name` are.
        says: what they call themselves, which nobody vouched for.
    """

    id: VisitorId
    name: str
    is_named: bool
    initials: str
    colour: int
    mark: MarkShown | None
    custom_id: str | None
    email: str | None
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Faces:
    """Draws visitors.

    Attributes:
        marks: of the project.
        zone: the project's, in which times are told.
        names_secrets: whether the reader may know how a secret ends.
    """

    marks: Marks
    zone: str
    names_secrets: bool

    def of(self, visitor: Visitor) -> Face:
        """The visitor as agents see them."""
        name = visitor.name or visitor.custom_id
        return Face(
            id=visitor.id,
            name=name or f"Visitor {visitor.id[-4:]}",
            is_named=name is not None,
            initials=initials_of(name or ""),
            colour=int(visitor.id[-4:], 16) % COLOURS,
            mark=self._mark(visitor),
            custom_id=visitor.custom_id,
            email=visitor.email,
            says=says(visitor),
        )

    def key(self, secret: SigningSecret) -> str:
        """A secret as this reader may know it."""
        ending = f"ending in {secret.last_four}, " if self.names_secrets else ""
        return f"{name_of(secret)} ({ending}made {self.time(secret.created_at)})"

    def time(self, moment: datetime) -> str:
        """The moment in the project's zone."""
        return exact_time(moment, self.zone)

    def _mark(self, visitor: Visitor) -> MarkShown | None:
        mark = self.marks.of(visitor)
        if mark.since is None or mark.until is None or mark.key_id is None:
            return None
        key = self.key(self.marks.secrets[mark.key_id])
        return _shown(
            mark, visitor.custom_id or "", self.time(mark.since), self.time(mark.until), key
        )


def _shown(mark: Mark, custom_id: str, since: str, until: str, key: str) -> MarkShown:
    if mark.is_grey:
        sentence = f"Was verified as {custom_id} from {since} until {until} by {key}; "
        return MarkShown(
            is_grey=True, title="No longer verified", sentence=f"{sentence}{_WHY_GREY[mark.state]}."
        )
    return MarkShown(
        is_grey=False, title="Verified", sentence=f"Verified as {custom_id} since {since} by {key}."
    )


def initials_of(name: str) -> str:
    """The first letters of the first word and the last."""
    words = [word for word in name.split() if word[0].isalnum()] or [name[:1]]
    chosen = words if len(words) == 1 else (words[0], words[-1])
    return "".join(word[:1] for word in chosen).upper()


def says(visitor: Visitor) -> tuple[str, ...]:
    """The name and the e-mail address that the visitor gave without a proof."""
    declared = visitor.declared or {}
    told = (declared.get(member) for member in ("name", "email"))
    return tuple(text[:_LONGEST_SAID] for text in told if isinstance(text, str) and text.strip())
