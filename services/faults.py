"""What a log may say of an unexpected error: where and of what kind, never what it holds."""

import traceback

DEEPEST = 8


def told(error: BaseException) -> dict[str, object]:
    """The error's type, its SQLSTATE if it has one, and the last places it passed.

    Its message stays out: a database quotes the values of a row in it.
    """
    cause = getattr(error, "orig", None)
    frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
    return {
        "error": type(error).__name__,
        "sqlstate": getattr(cause, "sqlstate", None),
        "places": [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames],
    }
