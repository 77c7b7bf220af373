"""A telephone for tests: places and takes SIP calls over UDP, and remembers what it was told. No media."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import cast

from tests.fakes.phone_behaviour import behaviour_of

Address = tuple[str, int]


@dataclass
class Message:
    """One SIP message: its first line, its headers (names in lower case, Via and the like joined), its body."""

    first: str
    headers: dict[str, list[str]]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Read a datagram."""
        head, _, body = data.decode("utf-8", "surrogateescape").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return cls(first, headers, body)

    def one(self, name: str) -> str:
        """The first header of that name, or ''."""
        return self.headers.get(name, [""])[0]

    @property
    def method(self) -> str:
        """INVITE, ...; a response's is that of its CSeq."""
        return self.one("cseq").split()[-1] if self.status else self.first.split()[0]

    @property
    def status(self) -> int:
        """A response's status, 0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0


@dataclass
class Leg:
    """One call of this phone, either way."""

    call_id: str
    user: str
    invite: Message | None = None
    status: int = 0
    """Placed calls: the final status. Taken calls: the one we sent."""
    seen: list[str] = field(default_factory=list)
    """Statuses and methods received, in order."""
    cancel_reason: str = ""
    remote_tag: str = ""
    caller: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, what: str) -> None:
        """Wait until this status or method was received."""
        while what not in self.seen:
            self.changed.clear()
            await self.changed.wait()

    async def final(self) -> int:
        """Wait for the final status."""
        while self.status == 0:
            self.changed.clear()
            await self.changed.wait()
        return self.status

    def saw(self, what: str) -> None:
        """Remember a status or method."""
        self.seen.append(what)
        self.changed.set()


class SipPhone(asyncio.DatagramProtocol):
    """Takes calls as `behaviour_of` says of the dialled user, places calls to Asterisk."""

    def __init__(self, asterisk: Address) -> None:
        self._asterisk = asterisk
        self.placed: dict[str, Leg] = {}
        self.taken: dict[str, Leg] = {}
        self.arrived = asyncio.Event()

    @classmethod
    async def open(cls, port: int, asterisk_port: int) -> SipPhone:
        """Listen on a port of loopback."""
        loop = asyncio.get_running_loop()
        _, phone = await loop.create_datagram_endpoint(
            lambda: cls(("127.0.0.1", asterisk_port)), local_addr=("127.0.0.1", port)
        )
        return phone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember our own address."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._port: int = transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Stop listening."""
        self._transport.close()

    async def leg_to(self, user: str) -> Leg:
        """Wait for a call to that user."""
        while not (found := [leg for leg in self.taken.values() if leg.user == user]):
            self.arrived.clear()
            await self.arrived.wait()
        return found[-1]

    def call(self, number: str, caller: str = "420600000001", name: str = "") -> Leg:
        """Place a call."""
        leg = Leg(f"{secrets.token_hex(8)}@phone", number)
        self.placed[leg.call_id] = leg
        leg.caller = f'"{name}" <sip:{caller}@127.0.0.1:{self._port}>;tag={leg.call_id[:8]}'
        self._send(self._request("INVITE", leg, 1, body=_sdp()))
        return leg

    def cancel(self, leg: Leg) -> None:
        """CANCEL a call placed that nobody has answered yet."""
        self._send(self._request("CANCEL", leg, 1))

    def hang_up(self, leg: Leg) -> None:
        """BYE on a placed call."""
        self._send(self._request("BYE", leg, 2))

    def press(self, leg: Leg, digit: str) -> None:
        """Send a key by SIP INFO."""
        self._send(self._request("INFO", leg, 3, f"Signal={digit}\r\nDuration=100\r\n", "application/dtmf-relay"))

    def hang_up_taken(self, leg: Leg) -> None:
        """BYE on a call taken."""
        assert leg.invite is not None
        invite = leg.invite
        contact = re.findall(r"<(sip:[^>]+)>", invite.one("contact"))[0]
        lines = [
            f"BYE {contact} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{secrets.token_hex(6)}",
            f"From: {invite.one('to')};tag=callee",
            f"To: {invite.one('from')}",
            f"Call-ID: {leg.call_id}",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        self._send("\r\n".join(lines) + "\r\n\r\n")

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """One message from Asterisk."""
        message = Message.parse(data)
        if message.status:
            self._response(message)
        else:
            self._request_received(message)

    def _response(self, message: Message) -> None:
        leg = self.placed.get(message.one("call-id"))
        if leg is None:
            return
        if tag := re.findall(r"tag=([^;>\s]+)", message.one("to")):
            leg.remote_tag = tag[0]
        if message.method == "INVITE" and message.status >= 200:
            leg.status = message.status
            self._send(self._request("ACK", leg, 1))
        leg.saw(str(message.status) if message.method == "INVITE" else f"{message.method} {message.status}")

    def _request_received(self, message: Message) -> None:
        if message.method == "OPTIONS":
            self._reply(message, 200)
            return
        call_id = message.one("call-id")
        leg = self.placed.get(call_id) or self.taken.get(call_id)
        if message.method == "INVITE" and leg is None:
            self._take(message)
            return
        if leg is None:
            self._reply(message, 481)
            return
        if message.method == "CANCEL":
            leg.cancel_reason = message.one("reason")
        if message.method != "ACK":
            self._reply(message, 200)
        leg.saw(message.method)
        if message.method == "CANCEL" and leg.invite and leg.status == 0:
            self._final(leg, 487)

    def _take(self, message: Message) -> None:
        user = re.findall(r"sip:([^@]+)@", message.first)[0]
        leg = self.taken[message.one("call-id")] = Leg(message.one("call-id"), user, message)
        behaviour = behaviour_of(user)
        if behaviour.rings:
            self._reply(message, 180)
        if behaviour.status is not None:
            asyncio.get_running_loop().call_later(behaviour.after, self._final_unless, leg, behaviour.status)
        self.arrived.set()

    def _final_unless(self, leg: Leg, status: int) -> None:
        if leg.status == 0:
            self._final(leg, status)

    def _final(self, leg: Leg, status: int) -> None:
        assert leg.invite is not None
        leg.status = status
        self._reply(leg.invite, status, _sdp() if status == 200 else "")

    def _reply(self, message: Message, status: int, body: str = "") -> None:
        to = message.one("to")
        lines = [f"SIP/2.0 {status} Said"]
        lines += [f"Via: {via}" for via in message.headers["via"]]
        lines += [f"Record-Route: {route}" for route in message.headers.get("record-route", [])]
        lines += [
            f"From: {message.one('from')}",
            f"To: {to if 'tag=' in to else to + ';tag=callee'}",
            f"Call-ID: {message.one('call-id')}",
            f"CSeq: {message.one('cseq')}",
            f"Contact: <sip:phone@127.0.0.1:{self._port}>",
        ]
        lines += ["Content-Type: application/sdp"] if body else []
        lines += [f"Content-Length: {len(body)}"]
        self._send("\r\n".join(lines) + "\r\n\r\n" + body)

    def _request(self, method: str, leg: Leg, cseq: int, body: str = "", kind: str = "application/sdp") -> str:
        to = f"<sip:{leg.user}@127.0.0.1:{self._asterisk[1]}>" + (
            f";tag={leg.remote_tag}" if leg.remote_tag and method != "CANCEL" else ""
        )
        branch = leg.call_id[:12] + (
            "" if method in {"INVITE", "CANCEL"} or leg.status >= 300 else secrets.token_hex(4)
        )
        lines = [
            f"{method} sip:{leg.user}@127.0.0.1:{self._asterisk[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{branch}",
            f"From: {leg.caller}",
            f"To: {to}",
            f"Call-ID: {leg.call_id}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            f"Contact: <sip:caller@127.0.0.1:{self._port}>",
        ]
        lines += [f"Content-Type: {kind}"] if body else []
        lines += [f"Content-Length: {len(body)}"]
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def _send(self, text: str) -> None:
        self._transport.sendto(text.encode("utf-8", "surrogateescape"), self._asterisk)


def _sdp() -> str:
    lines = (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        "m=audio 9 RTP/AVP 8",
        "a=rtpmap:8 PCMA/8000",
        "a=sendrecv",
    )
    return "\r\n".join(lines) + "\r\n"
