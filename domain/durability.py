"""Whether the stores keep what they have said they keep."""

from collections.abc import Mapping

from domain.health import Check, Level

DATABASE = "database_durability"
REDIS = "redis_settings"

LEAST_REDIS = (7, 0)

_SQLITE_FULL = frozenset({"2", "3"})  # FULL, EXTRA
_ON_A_STANDBY = frozenset({"on", "remote_apply"})


def check_sqlite(settings: Mapping[str, str]) -> Check:
    """What SQLite's pragmas say of a commit."""
    is_kept = settings.get("journal_mode") == "wal" and settings.get("synchronous") in _SQLITE_FULL
    if is_kept:
        return Check(DATABASE, Level.FINE, "SQLite writes ahead and synchronises every commit.")
    message = f"SQLite may lose commits with a power cut ({_told(settings)}). Use WAL and FULL."
    return Check(DATABASE, Level.FAILURE, message)


def check_postgresql(settings: Mapping[str, str]) -> Check:
    """What PostgreSQL's settings say of a commit: here, and after a failover."""
    at_risk = [
        name
        for name, bad in (("fsync", "off"), ("full_page_writes", "off"))
        if settings.get(name) == bad
    ]
    if settings.get("synchronous_commit") == "off":
        at_risk.append("synchronous_commit")
    if at_risk:
        message = f"A crash may lose commits, revocations among them: {', '.join(at_risk)} is off."
        return Check(DATABASE, Level.FAILURE, f"{message} Switch it on in postgresql.conf.")
    if not settings.get("synchronous_standby_names"):
        message = (
            "No synchronous standby is named: a failover may lose commits, and then projects are"
            " halted. Set synchronous_standby_names, unless this one machine is all there is."
        )
        return Check(DATABASE, Level.WARNING, message)
    if settings.get("synchronous_commit") not in _ON_A_STANDBY:
        message = (
            f"synchronous_commit is {settings.get('synchronous_commit')}: a commit does not wait"
            " until the standby has it on disk. Set it to on."
        )
        return Check(DATABASE, Level.FAILURE, message)
    return Check(DATABASE, Level.FINE, "A commit is on disk here and on a synchronous standby.")


def check_redis(version: str, policy: str) -> Check:
    """Whether this Redis has every command that is used, and never throws keys away."""
    if _numbers(version) < LEAST_REDIS:
        message = f"Redis is {version}; commands of 7.0 are used. Install a newer one."
        return Check(REDIS, Level.FAILURE, message)
    if policy != "noeviction":
        message = (
            f"maxmemory-policy is {policy}: Redis would throw live sessions and epochs away."
            " Set it to noeviction."
        )
        return Check(REDIS, Level.FAILURE, message)
    return Check(REDIS, Level.FINE, f"Redis {version} evicts nothing.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _told(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {setting}" for name, setting in sorted(settings.items()))
