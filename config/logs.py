"""Logs: one form for our own events and those of the libraries, on standard error, no secrets."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

_SECRET_NAMES = frozenset(
    {"token", "secret", "password", "authorization", "api_key", "claims", "email", "name"}
)
_SECRET_ENDINGS = ("_token", "_secret", "_password", "_api_key", "_email")
# What these say of each task at level info, our one line a task says better.
_TALKATIVE = ("celery.worker.strategy", "celery.app.trace", "celery.beat")
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*")


def configure_logs(
    log_format: Literal["json", "console"] = "json", log_level: str = "info"
) -> None:
    """Every logger of this process, the libraries' too, writes lines of that form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _replace_handlers(_formatter(log_format, shared), log_level)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without secrets, tokens or what a person's claims say, at any depth."""
    return {key: _redacted(key, value) for key, value in event.items()}


def _redacted(key: str, value: object) -> object:
    lowered = key.lower()
    if lowered in _SECRET_NAMES or lowered.endswith(_SECRET_ENDINGS):
        return REDACTED
    return _without_tokens(value)


def _without_tokens(value: object) -> object:
    if isinstance(value, str):
        return _JWT.sub(REDACTED, value)
    if isinstance(value, bytes):
        return _JWT.sub(REDACTED, value.decode("utf-8", "backslashreplace"))
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_tokens(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _JWT.sub(REDACTED, str(value))


def _formatter(
    log_format: Literal["json", "console"], shared: list[Processor]
) -> logging.Formatter:
    # A traceback becomes text first, so that a token in it is found; locals are never shown.
    renderer: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
    ]
    if log_format == "json":
        renderer.append(_render_json)
    else:
        colours = sys.stderr.isatty()
        renderer.append(structlog.dev.ConsoleRenderer(colors=colours))
    return structlog.stdlib.ProcessorFormatter(
        processors=renderer, foreign_pre_chain=shared, keep_exc_info=False
    )


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _replace_handlers(formatter: logging.Formatter, log_level: str) -> None:
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for previous in list(root.handlers):
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(log_level.upper())
    for name in _TALKATIVE if log_level == "info" else ():
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
