"""Log lines: one line a happening whatever is in it, as text or as JSON, with telephone numbers masked."""

from __future__ import annotations

import logging
import re
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType

import orjson

from ari_app.cli.number_net import netted
from ari_app.monitoring.context import present_call

# C0 and C1, line and paragraph separators; and what turns a line round, joins or hides its letters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
CHATTY = ("apscheduler", "alembic")
"""Libraries that log their own housekeeping."""

log = logging.getLogger("ari_app")


class TextLine(logging.Formatter):
    """``2026-01-31T08:30:00.123Z INFO ari_app.service: text``. Control characters become spaces, so that a line is a
    line, and no text of a caller's can drive a terminal or forge an entry."""

    def format(self, record: logging.LogRecord) -> str:
        """The record on one line; a traceback too."""
        line = f"{_moment(record)} {record.levelname:<7} {record.name}: {_message(record)}"
        if trace := _trace(self, record):
            line = f"{line} | {_CONTROL.sub(' ', trace)}"
        return line


class JsonLine(logging.Formatter):
    """An object a line: time, level, logger, message; call and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, which escapes whatever is not printable."""
        entry = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if call := getattr(record, "call", "") or present_call():
            entry["call"] = _CONTROL.sub(" ", str(call))
        if trace := _trace(self, record):
            entry["exception"] = "\n".join(_CONTROL.sub(" ", line) for line in trace.splitlines())
        return orjson.dumps({name: _encodable(text) for name, text in entry.items()}).decode()


def _moment(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _message(record: logging.LogRecord) -> str:
    """What the record says. An ``int`` among its arguments is an id or a count: numbers are text. ``extra={"shown":
    (number,)}`` lets a number of our own be read."""
    try:
        text = record.getMessage()
    except Exception as error:  # noqa: BLE001 - a library's slip must not cost its message
        text = f"{record.msg} {record.args!r} (not to be put together: {error})"
    arguments = record.args if isinstance(record.args, tuple) else ()
    ids = [str(argument) for argument in arguments if isinstance(argument, int)]
    return netted(_CONTROL.sub(" ", text), (*ids, *getattr(record, "shown", ())))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    trace = formatter.formatException(record.exc_info) if record.exc_info else ""
    return netted("\n".join(filter(None, (trace, record.stack_info))))


def _encodable(text: str) -> str:
    """JSON knows no lone surrogates, such as undecodable bytes in a file's name become."""
    return text.encode("utf-8", "backslashreplace").decode()


def log_to_stderr(level: str, form: str) -> None:
    """Send the program's log to stderr, and with it whatever else Python would write there in its own way: warnings,
    and exceptions that end the program or a thread. ``form`` is ``text`` or ``json``."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine() if form == "json" else TextLine())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # No line tells its place in the source, thread or process: looking is dear (the logging HOWTO, "Optimization").
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.captureWarnings(True)
    sys.excepthook = _program_broke
    threading.excepthook = _thread_broke
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _program_broke(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the program broke", exc_info=(kind, error, trace))


def _thread_broke(broken: threading.ExceptHookArgs) -> None:
    if broken.exc_value is not None and broken.exc_type is not SystemExit:
        name = broken.thread.name if broken.thread else "?"
        log.critical("thread %s broke", name, exc_info=(broken.exc_type, broken.exc_value, broken.exc_traceback))
