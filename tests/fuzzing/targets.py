"""What is fuzzed: each takes any bytes, and raises only when something of ours is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import aiohttp

from ari_app.agi.guard import AgiTrouble, GuardedReader, Limits
from ari_app.agi.lookup import Lookup
from ari_app.ari.connection import AriConnection
from ari_app.ari.events import Event
from ari_app.ari.settings import AriSettings
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Destination, DialStep, Greeting, RingStrategy, SchemeBook, TargetKind, VoicemailStep
from ari_app.dialstring import DialTemplates
from ari_app.storage.description import DescriptionError, read_description
from tests.fakes.scripted import OneBook, always

APPROVED = re.compile(r"PJSIP/(\+[1-9][0-9]{6,14}@trunk|[a-z][a-z0-9_-]{0,39})")
"""The only dial strings that the default templates may ever give."""
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
VOICEMAIL = VoicemailStep(Greeting("universal", "ari-app/en/greeting"))
BOOK: SchemeBook = always(
    "UTC",
    DialStep(
        RingStrategy.IN_TURN,
        (Destination(TargetKind.NUMBER, "+79160000003", 20), Destination(TargetKind.ENDPOINT, "desk", 20)),
    ),
    VOICEMAIL,
)


class OneMessage:
    """A websocket that brings one message and closes."""

    close_code = 1000

    def __init__(self, data: bytes) -> None:
        self._messages = [
            aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, data, None),
            aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None),
        ]

    async def receive(self) -> aiohttp.WSMessage:
        """The next one."""
        return self._messages.pop(0)

    def exception(self) -> None:
        """None: it was closed in order."""


def ari_event(data: bytes) -> None:
    """A message of the event websocket is passed on as an event, or left alone with a word in the log."""
    passed: list[Event] = []

    async def read() -> None:
        connection = AriConnection(AriSettings("http://127.0.0.1:1/ari", "u", "p", "a"), passed.append)
        await connection._read(OneMessage(data))  # type: ignore[arg-type]  # as much of a socket as is read

    asyncio.run(read())
    assert all(isinstance(event, dict) and isinstance(event["type"], str) for event in passed)


def agi_request(data: bytes) -> None:
    """A request for a lookup is refused, or answered with variables that no dialplan could be led astray by."""

    async def headers() -> Mapping[str, str]:
        reader = asyncio.StreamReader(limit=Limits().line_bytes)
        reader.feed_data(data)
        reader.feed_eof()
        return await GuardedReader(reader, Limits()).take_headers()

    lookup = Lookup(OneBook(BOOK), (VOICEMAIL,), DialTemplates(), "RU", lambda: NOW)
    with suppress(AgiTrouble):
        told = lookup(asyncio.run(headers()))
        dials = told["ARI_APP_DIAL"].split("&") if told["ARI_APP_DIAL"] else []
        assert all(APPROVED.fullmatch(dial) for dial in dials), told
        assert not re.search(r"[$\\{}\"\x00-\x1f]", "".join(told.values())), told


def description(data: bytes) -> None:
    """A seed's description is read, or refused with the line; what is read dials only what may be dialed."""
    with suppress(DescriptionError):
        found, _ = read_description(data.decode("utf-8", "replace"), DialPolicy())
        assert all(re.fullmatch(r"\+[1-9][0-9]{6,14}", number.e164) for number in found.numbers)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "ari_event": ari_event,
    "agi_request": agi_request,
    "description": description,
}
EXAMPLES: dict[str, tuple[bytes, ...]] = {
    "ari_event": (
        b'{"type":"CallBroadcast","application":"a","channel":{"id":"1.1","name":"PJSIP/trunk-00000001","state":"Ring",'
        b'"caller":{"name":"","number":"+79161112233"},"dialplan":{"context":"from-trunk","exten":"100"}}}',
        b'{"type":"Dial","dialstatus":"RINGING","peer":{"id":"x"},"caller":{"id":"1.1"}}',
        b'{"type":"RecordingFinished","recording":{"name":"r"}}',
        b'{"type":"ApplicationReplaced","application":"a"}',
        b"[]",
        b"{}",
        b"\xff\xfe",
    ),
    "agi_request": (
        b"agi_network: yes\nagi_request: lookup\nagi_uniqueid: 1.1\nagi_callerid: +79161112233\n"
        b"agi_extension: 74950000101\nagi_arg_1: \n\n",
        b"agi_extension: +74950000101\nagi_arg_1: 1795424400-0-1-n\nagi_arg_2: NOANSWER\n\n",
        b"agi_extension: 1\nagi_extension: 2\n\n",
        b"",
    ),
    "description": (
        b"schemes:\n  - name: Office\n    branches:\n      - name: Always\n        steps:\n          - dial: in_turn\n"
        b"            to:\n              - number: '+79160000003'\n"
        b"numbers:\n  - e164: '+74950000101'\n    scheme: Office\n",
        b"a: &a [*a]",
        b"[[[[",
        b"\x00",
        b"? !!python/object:os.system",
    ),
}
"""Where a fuzzer begins; each is also a test."""
