"""What happens to messages in a worker, for whoever listens: Celery's own kind of signals."""

from celery.utils.dispatch import Signal

message_refused = Signal(name="message_refused")
"""No task could make sense of a message, or it failed for want of sense; it is gone.

Sent by the app with `task`, a name that may be anybody's, and `because`, a word of ours.
"""

task_ran = Signal(name="task_ran")
"""A task has run whole. Sent by the app with `queue`, out of which it came."""
