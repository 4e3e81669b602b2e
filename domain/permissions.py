"""Who may do what: the one table (role × action) for the API, the pages and the command line."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from domain.roles import Role


class Action(StrEnum):
    """Everything that somebody may be allowed to do, and that a refusal is audited under."""

    ACCOUNT_READ = "account.read"
    ACCOUNT_CHANGE = "account.change"
    PROJECTS_OPEN = "projects.open"
    PROJECTS_CREATE = "projects.create"
    PROJECTS_LIST = "projects.list"
    PROJECTS_READ = "projects.read"
    PROJECTS_CHANGE = "projects.change"
    SECRETS_CREATE = "secrets.create"
    SECRETS_LIST = "secrets.list"
    SECRETS_REVEAL = "secrets.reveal"
    ROTATIONS_LIST = "rotations.list"
    ROTATIONS_READ = "rotations.read"
    ROTATIONS_CHANGE = "rotations.change"
    ROTATIONS_CANCEL = "rotations.cancel"
    ROTATIONS_RUN = "rotations.run"
    ROTATION_POLICY_READ = "rotation_policy.read"
    ROTATION_POLICY_CHANGE = "rotation_policy.change"
    OVERVIEW_READ = "overview.read"
    OFF_HOURS_LIST = "off_hours.list"
    IMPACT_READ = "impact.read"
    VISITORS_LIST = "visitors.list"
    VISITORS_READ = "visitors.read"
    VISITORS_SIGN_OUT = "visitors.sign_out"
    MERGES_UNDO = "merges.undo"
    MESSAGES_LIST = "messages.list"
    MESSAGES_SEND = "messages.send"
    CONVERSATIONS_LIST = "conversations.list"
    EVENTS_LIST = "events.list"
    DEVICES_IDENTIFY = "devices.identify"
    SESSIONS_LIST = "sessions.list"
    TOKENS_INSPECT = "tokens.inspect"
    AUDIT_LIST = "audit.list"
    MEMBERS_LIST = "members.list"
    MEMBERS_ADD = "members.add"
    MEMBERS_REMOVE = "members.remove"
    INVITATIONS_LIST = "invitations.list"
    INVITATIONS_WITHDRAW = "invitations.withdraw"
    API_KEYS_LIST = "api_keys.list"
    API_KEYS_CREATE = "api_keys.create"
    API_KEYS_REVOKE = "api_keys.revoke"
    SYSTEM_READ = "system.read"


_ALL = frozenset(Role)
_OWNERS = frozenset({Role.OWNER})
_ADMINISTRATORS = frozenset({Role.OWNER, Role.ADMINISTRATOR})
_OPERATORS = frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.OPERATOR})
_AGENTS = frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.AGENT})

# An operator dates, runs and cancels rotations and reads their receipts, ends sessions and splits
# merges by their ids, but sees neither secrets nor visitors; an agent talks with visitors and sees
# nothing else.
# Device ids are kept from agents: whoever holds one speaks for that device's anonymous visitor.
PERMISSIONS: Mapping[Action, frozenset[Role]] = MappingProxyType(
    {
        Action.ACCOUNT_READ: _ALL,
        Action.ACCOUNT_CHANGE: _ALL,
        Action.PROJECTS_OPEN: _ALL,
        Action.PROJECTS_CREATE: _OWNERS,
        Action.PROJECTS_LIST: _OPERATORS,
        Action.PROJECTS_READ: _OPERATORS,
        Action.PROJECTS_CHANGE: _ADMINISTRATORS,
        Action.SECRETS_CREATE: _ADMINISTRATORS,
        Action.SECRETS_LIST: _ADMINISTRATORS,
        Action.SECRETS_REVEAL: _ADMINISTRATORS,
        Action.ROTATIONS_LIST: _OPERATORS,
        Action.ROTATIONS_READ: _OPERATORS,
        Action.ROTATIONS_CHANGE: _OPERATORS,
        Action.ROTATIONS_CANCEL: _OPERATORS,
        Action.ROTATIONS_RUN: _OPERATORS,
        Action.ROTATION_POLICY_READ: _OPERATORS,
        Action.ROTATION_POLICY_CHANGE: _ADMINISTRATORS,
        Action.OVERVIEW_READ: _OPERATORS,
        Action.OFF_HOURS_LIST: _OPERATORS,
        Action.IMPACT_READ: _OPERATORS,
        Action.VISITORS_LIST: _AGENTS,
        Action.VISITORS_READ: _AGENTS,
        Action.VISITORS_SIGN_OUT: _OPERATORS,
        Action.MERGES_UNDO: _OPERATORS,
        Action.MESSAGES_LIST: _AGENTS,
        Action.MESSAGES_SEND: _AGENTS,
        Action.CONVERSATIONS_LIST: _AGENTS,
        Action.EVENTS_LIST: _OPERATORS,
        Action.DEVICES_IDENTIFY: _ADMINISTRATORS,
        Action.SESSIONS_LIST: _OPERATORS,
        Action.TOKENS_INSPECT: _ADMINISTRATORS,
        Action.AUDIT_LIST: _ADMINISTRATORS,
        Action.MEMBERS_LIST: _ADMINISTRATORS,
        Action.MEMBERS_ADD: _ADMINISTRATORS,
        Action.MEMBERS_REMOVE: _ADMINISTRATORS,
        Action.INVITATIONS_LIST: _ADMINISTRATORS,
        Action.INVITATIONS_WITHDRAW: _ADMINISTRATORS,
        Action.API_KEYS_LIST: _ADMINISTRATORS,
        Action.API_KEYS_CREATE: _ADMINISTRATORS,
        Action.API_KEYS_REVOKE: _ADMINISTRATORS,
        Action.SYSTEM_READ: _OWNERS,
    }
)


def is_allowed(role: Role, action: Action) -> bool:
    """Whether the role may do this: an owner anywhere, the others in their own project."""
    return role in PERMISSIONS[action]


def may_grant(granter: Role, role: Role) -> bool:
    """Whether one of a role may give it to a person or a program: none wider than their own."""
    widest_first = list(Role)
    return widest_first.index(granter) <= widest_first.index(role)
