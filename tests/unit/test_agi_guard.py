"""The guard before panoramisk: whatever bytes come, headers within limits or a refusal, and no read without end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.fast_agi import Application  # type: ignore[import-untyped]  # ships no types

from ari_app import virtual_time
from ari_app.agi.guard import AgiTrouble, GuardedReader, Limits

LIMITS = Limits(headers=10, header_bytes=200, line_bytes=64)
T = TypeVar("T")


def reader_of(content: bytes, *, ended: bool) -> GuardedReader:
    """A client that has said this, and has closed or not."""
    stream = asyncio.StreamReader(limit=LIMITS.line_bytes)
    stream.feed_data(content)
    if ended:
        stream.feed_eof()
    return GuardedReader(stream, LIMITS)


def headers_of(content: bytes, *, ended: bool = True) -> dict[str, str]:
    async def take() -> dict[str, str]:
        return await reader_of(content, ended=ended).take_headers()

    return run(take())


def run(story: Coroutine[Any, Any, T]) -> T:
    """In virtual time: a wait of two seconds takes none."""
    return virtual_time.run(story)


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"agi_request: agi://h/x\n\n", {"agi_request": "agi://h/x"}),
        (b"agi_arg_1: \nagi_rdnis:\n\n", {"agi_arg_1": "", "agi_rdnis": ""}),
        (b"agi_callerid: a: b\n\nrest", {"agi_callerid": "a: b"}),
        (b"agi_callerid: \xff\n\n", {"agi_callerid": "\ufffd"}),
        (b"agi_callerid: a\r\x1b[31m\x00\n\n", {"agi_callerid": "a  [31m"}),
        ("agi_x: Олег\u2028\x85\n\n".encode(), {"agi_x": "Олег"}),
    ],
)
def test_headers_are_read_up_to_the_empty_line(content: bytes, headers: dict[str, str]) -> None:
    assert headers_of(content) == headers


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "closed the connection"),
        (b"agi_x: y\n", "closed the connection"),
        (b"agi_x: y\n\r", "closed the connection"),
        (b"\n", "no headers"),
        (b"x\n\n", "no header"),
        (b"agi_X: y\n\n", "no header"),
        (b"agi_x y\n\n", "no header"),
        (b"\r\n\r\n", "no header"),
        (b"agi_x: y\nagi_x: z\n\n", "header agi_x twice"),
        (b"agi_x: " + b"y" * 70 + b"\n\n", "line of more than 64 bytes"),
        (b"y" * 300, "line of more than 64 bytes"),
        (b"".join(b"agi_%d: y\n" % n for n in range(11)) + b"\n", "more than 10 headers"),
        (b"".join(b"agi_%d: %s\n" % (n, b"y" * 50) for n in range(4)) + b"\n", "or 200 bytes"),
    ],
)
def test_what_is_beyond_the_limits_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(AgiTrouble, match=why):
        headers_of(content)


def test_headers_that_do_not_come_are_given_up() -> None:
    with pytest.raises(AgiTrouble, match="in 2 s"):
        headers_of(b"agi_x: y\n", ended=False)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_headers_or_a_refusal(content: bytes, ended: bool) -> None:
    try:
        headers = headers_of(content, ended=ended)
    except AgiTrouble:
        return
    assert all(name.startswith("agi_") and (value.isprintable() or not value) for name, value in headers.items())


@given(st.lists(st.sampled_from([b"agi_a: 1\n", b"agi_b: \xff\n", b"agi_c:\n", b"\n", b"\r\n", b"x"]), max_size=12))
def test_panoramisk_comes_to_an_end_of_whatever_the_guard_lets_through(lines: list[bytes]) -> None:
    """Its own handler reads to the end from the guard; the loop that would not end is the one it has in `read`."""

    async def handle() -> None:
        guarded = reader_of(b"".join(lines), ended=True)
        application = Application(loop=asyncio.get_running_loop())
        try:
            await guarded.take_headers()
        except AgiTrouble:
            with pytest.raises(AgiTrouble, match="no end"):
                await application.handler(guarded, Silent())
            return
        await application.handler(guarded, Silent())

    asyncio.run(asyncio.wait_for(handle(), 5))


class Silent:
    """A writer that panoramisk says nothing to: there is no route."""

    def get_extra_info(self, name: str) -> None: ...

    def close(self) -> None: ...


def test_replies_without_end_are_refused() -> None:
    async def talk() -> None:
        guarded = reader_of(b"100 Trying\n" * 1000, ended=False)
        for _ in range(LIMITS.replies):
            assert await guarded.readline() == b"100 Trying\n"
        with pytest.raises(AgiTrouble, match="more than 100 replies"):
            await guarded.readline()

    run(talk())


def test_replies_are_read_line_by_line() -> None:
    async def talk() -> list[bytes]:
        guarded = reader_of(b"agi_x: y\n\n200 result=1\nHANGUP\n", ended=True)
        await guarded.take_headers()
        said = [await guarded.readline(), await guarded.readline()]
        with pytest.raises(AgiTrouble, match="closed the connection"):
            await guarded.readline()
        return said

    assert run(talk()) == [b"200 result=1\n", b"HANGUP\n"]
