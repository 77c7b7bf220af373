"""The FastAGI server: panoramisk's application behind a guard, each connection bounded in time, size and number."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from panoramisk.fast_agi import Application, Request  # type: ignore[import-untyped]  # ships no types

from ari_app.agi.guard import AgiTrouble, GuardedReader, Limits
from ari_app.core.numbering import printable

log = logging.getLogger(__name__)
# It logs headers, and with them numbers that are not masked; and what it has to say of errors is said here.
logging.getLogger("panoramisk").setLevel(logging.CRITICAL)

Script = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Headers in, channel variables out. At once; raises AgiTrouble for a request that it will not answer."""


class AgiServer:
    """Answers ``agi://HOST:PORT/<script>`` by setting the channel variables that the script says."""

    def __init__(self, scripts: Mapping[str, Script], limits: Limits | None = None) -> None:
        self._scripts = scripts
        self._limits = limits or Limits()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._silent: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self._stopping = False

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError where that cannot be."""
        self._application = Application(loop=asyncio.get_running_loop())
        for name, script in self._scripts.items():
            self._application.add_route(name, self._route(script))
        limits = self._limits
        # A full backlog would drop a SYN, and its call wait a second for the next; beyond the limit it is refused.
        self._server = await asyncio.start_server(
            self._on_connection, host, port, limit=limits.line_bytes, backlog=2 * limits.connections
        )

    @property
    def port(self) -> int:
        """Where it listens, also when it was told 0."""
        assert self._server is not None  # noqa: S101 - asked for once it is started
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more; who has not yet asked is cut off, answers under way are over within their own limits."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for writer in self._silent:
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open)

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        if self._stopping:  # it was accepted in the moment of the stop
            writer.transport.abort()
            return
        if len(self._open) >= self._limits.connections:
            self._refuse(writer)
            return
        self._refusing = False
        self._open.add(task)
        try:
            await self._serve(reader, writer)
        finally:
            self._open.discard(task)

    def _refuse(self, writer: asyncio.StreamWriter) -> None:
        """At once: Asterisk then goes on in its dialplan, and does so without us."""
        if not self._refusing:
            log.error("more than %d FastAGI connections: the others are refused", self._limits.connections)
            self._refusing = True
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        guarded = GuardedReader(reader, self._limits)
        peer = _peer(writer)  # now: a transport that has been reset cannot tell
        try:
            self._silent.add(writer)
            try:
                headers = await guarded.take_headers()
            finally:
                self._silent.discard(writer)
            script = headers.get("agi_network_script", "")
            if script not in self._scripts:
                raise AgiTrouble(f"it asked for {printable(script)!r}; there are {', '.join(self._scripts)}")
            await self._application.handler(guarded, writer)
        except AgiTrouble as trouble:
            log.warning("FastAGI client %s was not answered: %s", peer, trouble)
        except Exception:
            log.exception("FastAGI client %s was not answered", peer)
        await _close(writer, self._limits.close_seconds)

    def _route(self, script: Script) -> Callable[[Request], Awaitable[None]]:
        """A script as panoramisk takes one: a coroutine. Nothing may leave it: panoramisk swallows cancellations and
        logs all else with a traceback."""

        async def answer(request: Request) -> None:
            try:
                async with asyncio.timeout(self._limits.request_seconds):
                    for name, value in script(request.headers).items():
                        await _set_variable(request, name, value)
            except TimeoutError:
                log.warning("a FastAGI client was not done in %g s", self._limits.request_seconds)
            except (AgiTrouble, ConnectionError) as trouble:
                log.warning("a FastAGI client was not answered: %s", trouble)
            except Exception:
                log.exception("a FastAGI request broke")

        return answer


async def _set_variable(request: Request, name: str, value: str) -> None:
    """Raises AgiTrouble unless Asterisk says that it is set."""
    if '"' in value or "\\" in value or not value.isprintable():
        raise AgiTrouble(f"{name} would have the value {printable(value)!r}, which AGI cannot be told")
    try:
        reply: dict[str, Any] = await request.send_command(f'SET VARIABLE {name} "{value}"')
    except (ValueError, KeyError, TypeError):  # panoramisk's way of saying that it could make nothing of the reply
        raise AgiTrouble(f"its reply to SET VARIABLE {name} is none of AGI's") from None
    if reply.get("error") == "AGIResultHangup":
        raise AgiTrouble("the caller hung up meanwhile")
    if reply.get("status_code") != 200 or reply.get("result", ("",))[0] != "1":
        raise AgiTrouble(f"it refused to set {name}: {printable(str(reply.get('msg')))}")


async def _close(writer: asyncio.StreamWriter, seconds: float) -> None:
    """Close; a client that does not read what it was sent is cut off."""
    try:
        async with asyncio.timeout(seconds):
            writer.close()
            await writer.wait_closed()
    except (TimeoutError, OSError):
        writer.transport.abort()


def _peer(writer: asyncio.StreamWriter) -> str:
    """Who asks, for the log."""
    try:
        peer = writer.get_extra_info("peername")
    except AttributeError:  # uvloop's, where the client has reset the connection before it was accepted
        peer = None
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "that has gone"
