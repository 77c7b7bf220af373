"""FastAGI over a real socket: clients that no Asterisk would be, while one that might be is served as ever."""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ari_app.agi.client import NoAnswer, ask
from ari_app.agi.guard import Limits
from ari_app.storage.revisions import DEMO_HEAD, SCHEMA_HEAD, upgrade
from tests.e2e.controller import Controller

HOST = "127.0.0.1"
NUMBER = "+74950000101"
PROMPT_SECONDS = 0.1
LIMITS = Limits()
WHOLE = (
    b"agi_network: yes\nagi_network_script: lookup\nagi_uniqueid: 1.1\nagi_callerid: +79161112233\n"
    b"agi_extension: +74950000101\n\n"
)
BARE = """
import asyncio, sys
from panoramisk.fast_agi import Application

async def lookup(request):
    await request.send_command("NOOP")

async def main():
    application = Application(loop=asyncio.get_running_loop())
    application.add_route("lookup", lookup)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
"""panoramisk as its documentation shows it."""


def free_port() -> int:
    """A TCP port that nobody has now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def agi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Controller, int]]:
    """A running `ari-app agi` with the demo's numbers, and its port."""
    folder = tmp_path_factory.mktemp("agi")
    url, port = f"sqlite:///{folder}/ari-app.sqlite3", free_port()
    upgrade(url, SCHEMA_HEAD, DEMO_HEAD)
    process = Controller(folder, {"database_url": url, "agi_port": port}, "agi")
    process.start(until="FastAGI is ready")
    yield process, port
    assert process.stop() == 0
    assert not [line for line in process.lines if "Traceback" in line], "\n".join(process.lines)


@pytest.fixture
def port(agi: tuple[Controller, int]) -> int:
    """Where it listens; it serves a good client at the test's beginning."""
    assert served(agi[1]) < 2
    return agi[1]


def served(port: int) -> float:
    """Seconds that a good client waits for its whole answer. Raises NoAnswer after two."""
    began = time.monotonic()
    assert ask(HOST, port, NUMBER)["ARI_APP_ACTION"] == "dial"
    return time.monotonic() - began


def client(port: int) -> socket.socket:
    """A connection."""
    connection = socket.create_connection((HOST, port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def seconds_to_close(connection: socket.socket) -> tuple[float, bytes]:
    """How long the server takes to end the connection, and what it said until then."""
    began, said = time.monotonic(), b""
    try:
        while chunk := connection.recv(65536):
            said += chunk
    except ConnectionError:
        pass
    return time.monotonic() - began, said


def close(connection: socket.socket) -> None:
    connection.close()


def close_half(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answers(port: int) -> bool:
    """Whether a good client hears a command within a second."""
    with client(port) as late:
        late.settimeout(1)
        late.sendall(WHOLE)
        try:
            return late.recv(100) == b"NOOP\n"
        except TimeoutError:
            return False


# --- the hang ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [close, close_half, reset])
@pytest.mark.parametrize("said", [b"", b"agi_network: yes\n", b"agi_network: y", WHOLE[:-1]], ids=len)
def test_a_client_that_ends_before_its_headers_do_holds_up_nobody(
    port: int, said: bytes, end: Callable[[socket.socket], None]
) -> None:
    with client(port) as early:
        early.sendall(said)
        end(early)
        assert served(port) < PROMPT_SECONDS


def test_panoramisk_alone_would_be_hung_by_it() -> None:
    """Why there is a guard. Should this fail one day, panoramisk has mended it."""
    with subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True) as bare:
        try:
            assert bare.stdout is not None
            port = int(bare.stdout.readline())
            assert answers(port)
            with client(port) as early:
                early.sendall(b"agi_network: yes\n")
            assert any(not answers(port) for _ in range(5)), (
                "it may serve some before it learns that the early one left"
            )
        finally:
            bare.kill()


# --- what is no request -----------------------------------------------------------------------------------------------

GARBAGE = {
    "nothing": b"\n",
    "no header": b"hello\n\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\n\n",
    "binary": random.Random(7).randbytes(5000) + b"\n\n",
    "nul": b"\0" * 3000 + b"\n\n",
    "no utf-8": b"agi_network_script: lookup\nagi_callerid: \xff\xfe\n\n",
    "line without end": b"agi_x: " + b"x" * 1_000_000,
    "headers without end": b"".join(b"agi_h%d: x\n" % n for n in range(100_000)),
    "twice": WHOLE[:-1] + b"agi_extension: +74950000102\n\n",
    "no number": b"agi_network_script: lookup\n\n",
    "another script": WHOLE.replace(b"lookup", b"../../bin/sh"),
    "no script": WHOLE.replace(b"lookup", b""),
    "carriage returns": WHOLE.replace(b"\n", b"\r\n"),
    "a forged state": WHOLE[:-1] + b"agi_arg_1: 1-1-1-\n\n",
    "a state of code": WHOLE[:-1] + b"agi_arg_1: ${SHELL(id)}\n\n",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_is_no_request_is_ended_without_a_command(port: int, what: str) -> None:
    with client(port) as hostile:
        with suppress(ConnectionError):  # cut off already
            hostile.sendall(GARBAGE[what])
        assert served(port) < PROMPT_SECONDS
        took, said = seconds_to_close(hostile)
    assert (said, took < LIMITS.header_seconds) == (b"", True)


def test_headers_that_trickle_in_are_ended_in_time(port: int) -> None:
    began = time.monotonic()
    with client(port) as slow:
        slow.sendall(b"agi_network: yes\n")
        slow.settimeout(0.1)
        while True:
            try:
                slow.sendall(b"agi_")
                if not slow.recv(1):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() - began == pytest.approx(LIMITS.header_seconds, abs=0.5)


# --- what is no reply -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        b"\n",
        b"HANGUP\n",
        b"510 Invalid or unknown command\n",
        b"520-Invalid command syntax.\n520 End\n",
        b"511 Command Not Permitted on a dead channel\n",
        b"200 result=0\n",
        b"\xff\xfe\n",
        b"x" * 100_000,
        b"100 Trying\n" * 1000 + b"z\n",
        b"99999999999999999999 result=1\n",
    ],
    ids=lambda reply: repr(reply[:20]),
)
def test_what_is_no_reply_ends_the_conversation(port: int, reply: bytes) -> None:
    with client(port) as odd:
        odd.sendall(WHOLE)
        assert odd.recv(100).startswith(b"SET VARIABLE ARI_APP_SCHEME ")
        odd.sendall(reply)
        assert served(port) < PROMPT_SECONDS
        took, said = seconds_to_close(odd)
    assert took < 1
    assert b"ARI_APP_ACTION" not in said


def test_a_client_that_never_replies_is_ended_in_time(port: int) -> None:
    with client(port) as mute:
        mute.sendall(WHOLE)
        assert served(port) < PROMPT_SECONDS
        took, _ = seconds_to_close(mute)
    assert took == pytest.approx(LIMITS.request_seconds, abs=0.5)


def test_clients_that_keep_saying_wait_hold_up_nobody(port: int) -> None:
    """panoramisk asks again after each `100`, without a limit: one such client took half a second of each second."""
    with ExitStack() as stack:
        busy = [stack.enter_context(client(port)) for _ in range(20)]
        for one in busy:
            one.sendall(WHOLE + b"100 Trying\n" * 500)
        assert served(port) < PROMPT_SECONDS
        assert max(seconds_to_close(one)[0] for one in busy) < 1


# --- many -------------------------------------------------------------------------------------------------------------


def test_connections_beyond_the_limit_are_refused_at_once_and_the_others_served(
    agi: tuple[Controller, int], port: int
) -> None:
    process, _ = agi
    mark = process.mark
    with ExitStack() as stack:
        idle = [stack.enter_context(client(port)) for _ in range(LIMITS.connections)]
        process_says = process.mark
        with pytest.raises(NoAnswer):
            ask(HOST, port, NUMBER)
        process.said("connections: the others are refused", since=mark)
        idle.pop().close()
        idle.pop().close()
        process.said("it closed the connection in the midst", since=process_says)
        assert served(port) < PROMPT_SECONDS
    assert sum("the others are refused" in line for line in process.lines[mark:]) == 1, "told once"


def test_numbers_are_masked_in_the_log(agi: tuple[Controller, int], port: int) -> None:
    process, _ = agi
    mark = process.mark
    with client(port) as asking:
        asking.sendall(WHOLE)
        asking.recv(100)
    line = process.said(f"to {NUMBER.replace('+', '[+]')}: step 1, dial", since=mark)
    assert "call 1.1 from +791******33 to" in line
    assert "79161112233" not in "\n".join(process.lines)


def test_the_database_itself_keeps_it_from_writing(tmp_path: Path) -> None:
    import sqlalchemy as sa

    from ari_app.agi.service import open_read_only

    url = f"sqlite:///{tmp_path}/x.sqlite3"
    upgrade(url, SCHEMA_HEAD, DEMO_HEAD)
    engine = open_read_only(url)
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
        connection.execute(sa.text("DELETE FROM configuration_changes"))
    engine.dispose()


def test_a_taken_port_is_told_with_its_mend(agi: tuple[Controller, int], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite3"
    upgrade(url, SCHEMA_HEAD)
    environment = {**os.environ, "ARI_APP_DATABASE_URL": url, "ARI_APP_AGI_PORT": str(agi[1])}
    program = Path(sys.executable).with_name("ari-app")
    done = subprocess.run([program, "agi"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"FastAGI cannot listen at {HOST}:{agi[1]}" in done.stderr
    assert "ARI_APP_AGI_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told_to(tmp_path: Path, number: signal.Signals) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite3"
    upgrade(url, SCHEMA_HEAD)
    port = free_port()
    process = Controller(tmp_path, {"database_url": url, "agi_port": port}, "agi")
    process.start(until="FastAGI is ready")
    with client(port):
        ask(HOST, port, NUMBER)  # once this one is served, the silent one has been accepted
        began = time.monotonic()
        process.signal(number)
        assert process.ended(5) == 0
        assert time.monotonic() - began < LIMITS.header_seconds, "who says nothing is not waited for"
    assert any(line.endswith("stopping") for line in process.lines)
