"""Log lines: one line each, whatever a caller or an error puts into them."""

from __future__ import annotations

import logging
import sys

import orjson
import pytest

from ari_app.cli.log_lines import JsonLine, TextLine

HOSTILE = "caller \x1b[31mred\x07 and\r\n2026-01-31T08:30:00Z ERROR forged \u2028 entry"


def record(message: str, *arguments: object, trouble: bool = False) -> logging.LogRecord:
    """A record of a fixed moment."""
    trace = None
    if trouble:
        try:
            raise ValueError("no such\nthing")
        except ValueError:
            trace = sys.exc_info()
    made = logging.LogRecord("ari_app.call", logging.WARNING, __file__, 1, message, arguments, trace)
    made.created = 1769848200.123
    return made


@pytest.mark.fault("23")
def test_a_hostile_callers_text_makes_no_line_of_its_own() -> None:
    line = TextLine().format(record("call from %s", HOSTILE))
    head = "2026-01-31T08:30:00.123Z WARNING ari_app.call: "
    assert line == f"{head}call from caller  [31mred  and 2026-01-31T08:30:00Z ERROR forged   entry"


@pytest.mark.fault("23")
def test_json_escapes_it() -> None:
    line = JsonLine().format(record("call from %s", HOSTILE))
    assert line.isprintable()
    assert orjson.loads(line)["message"].startswith("call from caller  [31mred  and 2026")


def test_json_has_stable_keys() -> None:
    entry = orjson.loads(JsonLine().format(record("it %s", "broke", trouble=True)))
    assert {key: entry[key] for key in ("time", "level", "logger", "message")} == {
        "time": "2026-01-31T08:30:00.123Z",
        "level": "WARNING",
        "logger": "ari_app.call",
        "message": "it broke",
    }
    assert "ValueError: no such\nthing" in entry["exception"]


def test_a_traceback_is_on_the_same_line() -> None:
    line = TextLine().format(record("it broke", trouble=True))
    assert "\n" not in line
    assert "it broke | Traceback" in line
    assert line.endswith("ValueError: no such thing")
