"""Our own callbacks' failures, told without a word of what a peer sent."""

import traceback

import structlog

logger = structlog.get_logger(__name__)

_PLACES = 5


def log_failure(callback: str, failure: BaseException) -> None:
    """The failure's type and places are logged; its message may hold a frame and is not."""
    frames = traceback.extract_tb(failure.__traceback__)[-_PLACES:]
    logger.error(
        "socket_callback_failed",
        callback=callback,
        error=type(failure).__qualname__,
        places=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
