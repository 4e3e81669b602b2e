"""The Lua scripts in `scripts/`, each with its header: signature, keys, types, TTLs, units.

redis-py may send a command a second time after a broken connection, so every script leaves the
same state when it runs twice.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Script:
    """A script's text and the SHA-1 that EVALSHA knows it by."""

    text: str
    sha: str


def _load(name: str) -> Script:
    text = (files("storage.redis") / "scripts" / f"{name}.lua").read_text("utf-8")
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


BEGIN_PUBLICATION = _load("begin_publication")
PUBLISH_CARD = _load("publish_card")
PUBLISH_UNKNOWN = _load("publish_unknown")
RAISE_EPOCH = _load("raise_epoch")
RAISE_PERSONS = _load("raise_persons")
REGISTER = _load("register")
BIND = _load("bind")
UNREGISTER = _load("unregister")
DROP_BUCKETS = _load("drop_buckets")
ANSWER_RECEIPT = _load("answer_receipt")
RENEW_LEASE = _load("renew_lease")
FORGET_PROJECT = _load("forget_project")
