"""What panoramisk reads from instead of the socket: nothing endless, nothing slow, nothing that ends without a word.

panoramisk 1.4 reads headers in `while b"\\n\\n" not in buffer: buffer += await reader.read(100)`. From a client that
has closed, `read` returns nothing at once and for ever, and the loop of the whole process is gone. Here headers are
read and judged before panoramisk sees them, and after them `read` raises.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class AgiTrouble(Exception):
    """A client said what no Asterisk says, or too slowly, or went away; the message says which."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one server bears. Seconds and bytes; Asterisk 22 sends about 25 headers, of 600 bytes."""

    header_seconds: float = 2.0
    request_seconds: float = 5.0
    close_seconds: float = 1.0
    headers: int = 64
    header_bytes: int = 16384
    line_bytes: int = 4096
    replies: int = 100
    connections: int = 256


class GuardedReader:
    """One client's side of the conversation: a block of headers, then one line for each command."""

    def __init__(self, reader: asyncio.StreamReader, limits: Limits) -> None:
        self._reader = reader
        self._limits = limits
        self._block = b""
        self._replies = 0

    async def take_headers(self) -> dict[str, str]:
        """Read the headers, up to the empty line. Names as sent, values without control characters.

        Raises:
            AgiTrouble: they are not there in time, are too many or too long, come twice, or are none at all.
        """
        limits = self._limits
        headers: dict[str, str] = {}
        size = 0
        try:
            async with asyncio.timeout(limits.header_seconds):
                while (line := await self._line()) != b"\n":
                    size += len(line)
                    if len(headers) >= limits.headers or size > limits.header_bytes:
                        raise AgiTrouble(f"it sent more than {limits.headers} headers or {limits.header_bytes} bytes")
                    name, value = _header(line)
                    if name in headers:
                        # So would a line feed in a caller's name forge one; see docs/decisions/0010-fastagi.md.
                        raise AgiTrouble(f"it sent the header {name} twice")
                    headers[name] = value
        except TimeoutError:
            raise AgiTrouble(f"it did not send its headers in {limits.header_seconds:g} s") from None
        if not headers:
            raise AgiTrouble("it sent no headers")
        lines = "".join(f"{name}: {value}\n" for name, value in headers.items())
        self._block = f"{lines}\n".encode()
        return headers

    async def read(self, size: int) -> bytes:
        """The headers, ``size`` bytes at a time; never empty.

        Raises:
            AgiTrouble: they have all been read. panoramisk would ask again for ever.
        """
        if not self._block:
            raise AgiTrouble("its headers have no end")
        chunk, self._block = self._block[:size], self._block[size:]
        return chunk

    async def readline(self) -> bytes:
        """The reply to a command. The time it may take is that of the whole request.

        Raises:
            AgiTrouble: there are more of them than commands: panoramisk asks again after each "100 Trying", and whoever
                sends those without end would have most of the loop's time.
        """
        self._replies += 1
        if self._replies > self._limits.replies:
            raise AgiTrouble(f"it sent more than {self._limits.replies} replies")
        return await self._line()

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readline()
        except ValueError:  # asyncio's word for a line beyond the stream's limit
            raise AgiTrouble(f"it sent a line of more than {self._limits.line_bytes} bytes") from None
        except ConnectionError as error:
            raise AgiTrouble(f"it went away: {error}") from None
        if not line.endswith(b"\n"):
            raise AgiTrouble("it closed the connection in the midst of what it had to say")
        return line


def _header(line: bytes) -> tuple[str, str]:
    """Name and value. Bytes that are no UTF-8 are replaced, for panoramisk decodes strictly."""
    name, colon, value = line[:-1].decode("utf-8", "replace").partition(":")
    if not colon or not re.fullmatch(r"agi_[a-z0-9_]{1,40}", name):
        raise AgiTrouble("it sent a line that is no header of AGI")
    return name, _CONTROL.sub(" ", value).strip()
