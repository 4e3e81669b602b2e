"""Names that senders and workers agree on. Renaming one is a change of the contract."""

VERIFICATION = "verification"
REVOCATION = "revocation"
MAINTENANCE = "maintenance"

VISITORS_VERIFY = "visitors.verify"
VISITORS_SIGN_OUT = "visitors.sign_out"
MESSAGES_STORE = "messages.store"
TOKENS_REVOKE = "tokens.revoke"
SESSIONS_SIGN_OUT = "sessions.sign_out"
ROTATIONS_RUN_DUE = "rotations.run_due"
ROTATIONS_SETTLE = "rotations.settle"
OUTBOX_RELAY = "outbox.relay"
PROJECTS_PUBLISH = "projects.publish"
SESSIONS_REAP = "sessions.reap"
HEALTH_TICK = "health.tick"

QUEUE_OF: dict[str, str] = {
    VISITORS_VERIFY: VERIFICATION,
    VISITORS_SIGN_OUT: VERIFICATION,
    MESSAGES_STORE: VERIFICATION,
    TOKENS_REVOKE: REVOCATION,
    SESSIONS_SIGN_OUT: REVOCATION,
    ROTATIONS_RUN_DUE: MAINTENANCE,
    ROTATIONS_SETTLE: MAINTENANCE,
    OUTBOX_RELAY: MAINTENANCE,
    PROJECTS_PUBLISH: MAINTENANCE,
    SESSIONS_REAP: MAINTENANCE,
    HEALTH_TICK: MAINTENANCE,
}
"""Each task's queue. A flood on one queue delays nothing on another: each has its own workers."""

CLOCKS_APART_SECONDS = 600.0
"""How far apart the clocks of sender and worker may be.

Celery's `expires` is a moment by the sender's clock, which the worker compares with its own: so
much is added to it. What has to be dropped sooner says so by the clock that both share.
"""

QUEUES = (VERIFICATION, REVOCATION, MAINTENANCE)

TASK_OF_EVENT: dict[str, str] = {
    "SecretRevoked": TOKENS_REVOKE,
    "VisitorSignedOut": SESSIONS_SIGN_OUT,
    "MergeUndone": SESSIONS_SIGN_OUT,
}
"""The task that carries out an event of the outbox; other kinds are done by being written."""
