"""What a project's navigation shows: one line for each section, in this order."""

from dataclasses import dataclass

from dashboard.authorisation import Caller
from domain.ids import ProjectId
from domain.permissions import Action


@dataclass(frozen=True, slots=True)
class Section:
    """A page that the navigation leads to.

    Attributes:
        title: as people read it.
        icon: one of templates/icons.html.
        action: the name of the page's route; who may not do it does not see the section.
        path: below `/projects/<id>`.
    """

    title: str
    icon: str
    action: Action
    path: str

    def path_in(self, project_id: ProjectId) -> str:
        """The whole path of the page."""
        return f"/projects/{project_id}/{self.path}"


SECTIONS: tuple[Section, ...] = (
    Section("Overview", "chart", Action.OVERVIEW_READ, "overview"),
    Section("Inbox", "chat", Action.CONVERSATIONS_LIST, "inbox"),
    Section("Visitors", "people", Action.VISITORS_LIST, "visitors"),
    Section("Visitor authentication", "key", Action.SECRETS_LIST, "authentication"),
    Section("Rotations", "rotation", Action.ROTATIONS_LIST, "rotations"),
    Section("Operating hours", "clock", Action.OFF_HOURS_LIST, "hours"),
    Section("Tokens and limits", "settings", Action.PROJECTS_READ, "settings"),
    Section("Token inspector", "search", Action.TOKENS_INSPECT, "inspector"),
    Section("People", "person", Action.MEMBERS_LIST, "members"),
    Section("API keys", "code", Action.API_KEYS_LIST, "api-keys"),
    Section("Audit log", "list", Action.AUDIT_LIST, "audit"),
)


def sections_for(caller: Caller) -> list[Section]:
    """The sections that the caller may see."""
    return [section for section in SECTIONS if caller.may(section.action)]
