"""The log: one structured line an event, JSON for machines, coloured columns for a person at a terminal.

Lines of libraries (uvicorn, aio-pika, pymongo) go through the same form. Ours go straight to the stream: by way of the
standard library's records a line takes four times as long, and every request has one. Whatever is logged under the name
of a secret is masked, and so are passwords inside URLs: the last guard, not the first.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from adapters.http.correlation_id import with_correlation_id

SECRET_NAMES = frozenset({"authorization", "cookie", "cookies", "password", "secret", "token", "access_token"})
"""Names under which a secret could come into a line by mistake; their values are never shown."""

MASK = "***"

_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]*)@")
QUIET_LOGGERS = ("aio_pika", "aiormq", "pymongo", "asyncio", "httpx2", "httpcore2", "uvicorn")
"""Libraries whose infos are of no use to an operator; their warnings are."""


def configure_log(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Set the whole process's log. ``form`` is json, console, or auto: console on a terminal, json elsewhere."""
    is_console = form == "console" or (form == "auto" and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the default one shows local variables, secrets too
        )
        if is_console
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    shared: list[Processor] = [
        with_correlation_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True) if is_console else _stamped,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,  # before the mask: what a traceback quotes is masked as well
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=lambda *_: _Lines(stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Lines:
    """Writes lines, each at once and as a whole."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def info(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except OSError:
            pass  # Decision: whoever read the log has gone, or its disk is full: the work goes on, as logging does

    debug = warning = error = critical = info


def _stamped(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the time; ``_json`` writes it faster than anything here."""
    event["timestamp"] = datetime.now(UTC)
    return event


def _json(event: EventDict, default: Callable[[object], object]) -> str:
    try:
        return orjson.dumps(event, default=default, option=orjson.OPT_UTC_Z).decode()
    except orjson.JSONEncodeError:  # an integer over 64 bits, half a surrogate pair: rare, and of use to an operator
        return json.dumps(event, default=str)


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask values under the names of secrets, and passwords in URLs, in every line."""
    for name, value in event.items():
        if name.lower() in SECRET_NAMES:
            event[name] = MASK
        elif isinstance(value, str) and "://" in value:
            event[name] = _URL_PASSWORD.sub(rf"\1:{MASK}@", value)
    return event
