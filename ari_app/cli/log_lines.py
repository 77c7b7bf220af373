"""Log lines: one line a happening whatever is in it, as text or as JSON."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

import orjson

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
CHATTY = ("apscheduler", "alembic")
"""Libraries that log their own housekeeping."""


class TextLine(logging.Formatter):
    """``2026-01-31T08:30:00.123Z INFO ari_app.service: text``. Control characters become spaces, so that a line is a
    line, and no text of a caller's can drive a terminal or forge an entry."""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line; a traceback too."""
        line = f"{_moment(record)} {record.levelname:<7} {record.name}: {record.getMessage()}"
        if trace := _trace(self, record):
            line = f"{line} | {trace}"
        return _CONTROL.sub(" ", line)


class JsonLine(logging.Formatter):
    """An object a line: time, level, logger, message, and exception where there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, which escapes whatever is not printable."""
        entry = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _CONTROL.sub(" ", record.getMessage()),
        }
        if trace := _trace(self, record):
            entry["exception"] = trace
        return orjson.dumps(entry, default=str).decode()


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def log_to_stderr(level: str, form: str) -> None:
    """Send the program's log to stderr; ``form`` is ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine() if form == "json" else TextLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
