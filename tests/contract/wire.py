"""A TCP proxy between us and Asterisk, so that a test can cut the wire, or freeze it, and mend it again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

Address = tuple[str, int]


class Wire:
    """Forwards every connection to `target` until cut."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._carried: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sever()
        self._flowing.set()
        await asyncio.gather(*self._carried, return_exceptions=True)
        await self._server.wait_closed() if self._server.is_serving() else None

    def sever(self) -> None:
        """Cut every connection and refuse new ones until `mend`."""
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection; new ones are welcome."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def mend(self) -> None:
        """Take connections again after `sever`."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    def freeze(self) -> None:
        """Carry nothing any more, but let every connection stand, as a peer that is stopped does."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Carry on after `freeze`."""
        self._flowing.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carried.add(task)
        far: asyncio.StreamWriter | None = None
        try:
            far_reader, far = await asyncio.open_connection(*self._target)
            self._writers |= {writer, far}
            await asyncio.gather(self._copy(reader, far), self._copy(far_reader, writer))
        except OSError:
            pass
        finally:
            for end in (writer, far):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()
            self._carried.discard(task)

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        sink.close()
