"""The forms of the settings page: what their fields are called, and what each was made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from dashboard.pages.settings_forms import PRESETS, Texts
from domain.project_settings import version_of
from domain.projects import Project
from services.rotation_policies import version_of_policy
from storage.sql.rotation_policies import RotationPolicy


@dataclass(frozen=True, slots=True)
class Part:
    """One form.

    Attributes:
        title: what it is about.
        member: of the project; None for the rotation policy, which is none.
        labels: of its fields, in order.
    """

    title: str
    member: str | None
    labels: Mapping[str, str]


PARTS: Mapping[str, Part] = {
    "tokens": Part(
        "token policy",
        "token_policy",
        {
            "preset": "Preset",
            "require_exp": "A token has to expire",
            "max_lifetime_seconds": "Longest lifetime of a token, in seconds",
            "leeway_seconds": "How far your site's clock may be off, in seconds",
            "proof_seconds": "How long a sign-in counts, in seconds",
            "custom_id_claim": "Claim that holds the visitor's ID",
        },
    ),
    "origins": Part("origins", "allowed_origins", {"allowed_origins": "Origins, one a line"}),
    "limits": Part(
        "limits",
        "limits",
        {
            "connects_per_address": "Connections of one address",
            "sign_ins_per_socket": "Sign-ins of one widget",
            "messages_per_socket": "Messages of one widget",
        },
    ),
    "rotation": Part("rotation policy", None, {"every_days": "Every so many days"}),
}
LABELS = {field: label for part in PARTS.values() for field, label in part.labels.items()}
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Sent:
    """One of the forms as it was sent."""

    part: str
    texts: Texts

    @property
    def version(self) -> str:
        """Of the settings that the page showed when it was made."""
        return self.texts.get("version", "")

    def otherwise_than(self, stored: Texts) -> list[tuple[str, str]]:
        """The fields that say something else than is stored: their labels, and what they say."""
        return [
            (label, _words(field, self.texts.get(field, "")))
            for field, label in PARTS[self.part].labels.items()
            if self.texts.get(field, "").split() != stored[field].split()
        ]


def versions_of(project: Project, policy: RotationPolicy | None) -> dict[str, str]:
    """What each form was made of, by its name."""
    return {
        name: version_of(project, [part.member]) if part.member else version_of_policy(policy)
        for name, part in PARTS.items()
    }


def _words(field: str, text: str) -> str:
    if field == "require_exp":
        return "yes" if text else "no"
    if field == "preset":
        return next((title for name, title in PRESETS.items() if name == text), text)
    return text.strip() or _NOTHING
