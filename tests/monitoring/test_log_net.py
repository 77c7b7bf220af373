"""What a log shows: no telephone number that could be dialed, whoever logs it and however, and no control character."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.cli.log_lines import JsonLine, TextLine
from ari_app.cli.number_net import netted
from ari_app.monitoring.context import in_call

SECRET = "79161234567"
NUMBERS = st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True)
AROUND = st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters=".-+*"), max_size=20)

CARELESS = f"""
import asyncio, gc, logging, sys, threading, warnings
import sqlalchemy as sa
from ari_app.cli.log_lines import log_to_stderr
from ari_app.monitoring.context import in_call

log_to_stderr("DEBUG", sys.argv[1])
log = logging.getLogger("somebody.else")
log.info("POST https://sms.example/send?to=%%2B{SECRET}&text=%s", "x")
log.warning("calling %s", "+{SECRET}", extra={{"call": "20261121-200129-471cb7b779"}})
log.error("a slip of the library's: %d", "+{SECRET}")
log.info("people's way: +7 (916) 123-45-67\\x1b[31m\\u202e\\nforged")
log.info("undecodable: %s", b"\\xff{SECRET}".decode(errors="surrogateescape"))
log.info("all of it: %s", {{"recipient": "+{SECRET}", "text": "call {SECRET}!"}})
try:
    raise ValueError("no route to +{SECRET}") from KeyError("{SECRET}")
except ValueError:
    log.exception("it broke")
try:
    with sa.create_engine("sqlite://").connect() as connection:
        connection.execute(sa.text("SELECT * FROM nothing WHERE number = :number"), {{"number": "+{SECRET}"}})
except sa.exc.SQLAlchemyError:
    log.exception("the database refused")
warnings.warn("deprecated for +{SECRET}")
thread = threading.Thread(target=lambda: int("+{SECRET}x"))
thread.start()
thread.join()

async def forgotten():
    asyncio.get_running_loop().create_future().set_exception(RuntimeError("nobody asked about {SECRET}"))
    gc.collect()

with in_call("20261121-200129-471cb7b779"):
    asyncio.run(forgotten())
raise LookupError("the end, of +{SECRET}")
"""
SAID = (
    "POST https",
    "calling",
    "a slip",
    "people's way",
    "undecodable",
    "all of it",
    "it broke",
    "the database refused",
    "deprecated",
    "thread",
    "exception was never retrieved",
    "the program broke",
)


def careless(form: str) -> list[str]:
    """The lines of a program that heeds nothing, from its start to its violent end."""
    program = [sys.executable, "-c", CARELESS, form]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    return done.stderr.splitlines()


def shows(line: str) -> bool:
    """Whether it tells the secret number, or most of it."""
    return "9161234" in re.sub(r"[ ()-]", "", line)


@pytest.mark.promise("FLD-15")
@pytest.mark.fault("23")
def test_whatever_is_logged_of_whatever_library_is_a_line_without_numbers() -> None:
    lines = careless("text")
    for said in SAID:
        assert [line for line in lines if said in line], f"{said!r} was not said: {lines}"
    for line in lines:
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ +[\w.]+: ", line), f"a line that is none: {line!r}"
        assert line.isprintable()
        assert not shows(line), line


@pytest.mark.promise("FLD-15")
def test_as_json_it_has_fields_and_the_call_is_one() -> None:
    lines = careless("json")
    entries = [orjson.loads(line) for line in lines]
    assert len(entries) >= len(SAID)
    for line, entry in zip(lines, entries, strict=True):
        assert line.isprintable()
        assert not shows(line), line
        assert {"time", "level", "logger", "message"} <= entry.keys() <= {*entry, "call", "exception"}
        assert all(text.replace("\n", "").isprintable() for text in entry.values())
    told = {entry["message"]: entry.get("call") for entry in entries}
    assert told["calling +791******67"] == "20261121-200129-471cb7b779"
    [forgotten] = [call for message, call in told.items() if "never retrieved" in message]
    assert forgotten == "20261121-200129-471cb7b779"
    assert told["people's way: +7 (************67 [31m forged"] is None


@pytest.mark.promise("FLD-15")
@given(number=NUMBERS, before=AROUND, after=AROUND)
def test_no_number_gets_through_the_net(number: str, before: str, after: str) -> None:
    digits = number.lstrip("+")
    through = netted(f"{before} {number} {after}")
    assert digits not in through
    assert len(through) == len(f"{before} {number} {after}")
    assert not re.search(r"\d{7}", through)


@pytest.mark.parametrize(
    "harmless",
    [
        "call 20261121-200129-4712345678 of channel 1763755289.1234",
        "refused PJSIP/trunk-00000012: not a call from outside",
        "book 123456789012 in force: 12 numbers",
        "recording voicemail-0123456789abcdef0123456789abcdef could not be kept",
        "ARI at http://127.0.0.1:8088/ari: connected",
        "2026-11-21T20:01:37.841Z +03:00",
        "it took 0.123456789 s",
    ],
)
def test_what_is_no_number_is_left_alone(harmless: str) -> None:
    assert netted(harmless) == harmless


def said(message: str, *arguments: object, **extra: object) -> str:
    """A record as a line of text, its head left out."""
    record = logging.LogRecord("ari_app.x", logging.INFO, __file__, 1, message, arguments, None)
    record.__dict__.update(extra)
    return TextLine().format(record).partition("ari_app.x: ")[2]


def test_ids_and_counts_are_read_whole() -> None:
    assert said("message %d of %s", 12345678, "12345678x") == "message 12345678 of 12345678x"
    assert said("message %s of %s", 12345678, "87654321") == "message 12345678 of 87****21"


def test_a_number_of_our_own_is_shown_where_that_is_meant() -> None:
    ours, theirs = "+74950000101", "+79161112233"
    assert said("%s", f"{theirs} to {ours}", shown=(ours,)) == f"+791******33 to {ours}"
    assert said("%s", f"{theirs} to {ours}") == "+791******33 to +749******01"


def test_a_call_is_a_field_wherever_its_task_logs() -> None:
    record = logging.LogRecord("ari_app.x", logging.INFO, __file__, 1, "it", (), None)
    with in_call("a call"):
        assert orjson.loads(JsonLine().format(record))["call"] == "a call"
    assert "call" not in orjson.loads(JsonLine().format(record))
