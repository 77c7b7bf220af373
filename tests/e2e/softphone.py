"""A telephone in this process, for stories in which a datagram's very instant counts."""

from __future__ import annotations

import re
import secrets
import socket

from ari_app.lab.asterisk import AsteriskInstance


class Phone:
    """A SIP telephone just able to place or take one call; its media is one port that listens."""

    def __init__(self, asterisk: AsteriskInstance, host: str = "127.0.0.2", port: int = 0) -> None:
        self.asterisk = asterisk.sip_address
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind((host, port))
        self.media.bind((host, 0))
        for each in (self.sip, self.media):
            each.settimeout(5)
        self.host, self.port = self.sip.getsockname()
        self.call_id, self.tag = secrets.token_hex(8), secrets.token_hex(4)
        self.branch = "z9hG4bK" + secrets.token_hex(8)
        self.to = ""

    def close(self) -> None:
        self.sip.close()
        self.media.close()

    def sdp(self) -> str:
        port = self.media.getsockname()[1]
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
        )

    def request(self, method: str, user: str, cseq: int, extra: str = "", body: str = "") -> None:
        """Send a request of the call that this phone placed."""
        to = self.to or f"<sip:{user}@127.0.0.1>"
        self._send(
            f"{method} sip:{user}@{self.asterisk[0]}:{self.asterisk[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={self.branch}{'b' if method == 'BYE' else ''}\r\n"
            f"From: <sip:+79161112233@{self.host}>;tag={self.tag}\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:{self.host}:{self.port}>\r\nMax-Forwards: 70\r\n{extra}",
            body,
        )

    def invite(self, user: str) -> None:
        self.request("INVITE", user, 1, "Content-Type: application/sdp\r\n", self.sdp())

    def receive(self, pattern: str) -> str:
        """The next message whose first line matches; those before it are let by."""
        while True:
            message = self.sip.recv(65535).decode()
            if self.to == "" and message.startswith("SIP/2.0 2"):
                self.to = header(message, "To")
            if re.match(pattern, message):
                return message

    def final(self) -> int:
        """The final status of the INVITE, acknowledged."""
        message = self.receive(r"SIP/2\.0 [2-6]")
        self.to = header(message, "To")
        self.request("ACK", "ack", 1)
        return int(message.split()[1])

    def answer(self, request: str, status: str, extra: str = "", body: str = "") -> None:
        """Reply to a request that this phone received."""
        kept = "".join(f"{name}: {header(request, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        to = header(request, "To")
        to = to if "tag=" in to else f"{to};tag={self.tag}"
        self._send(f"SIP/2.0 {status}\r\n{kept}To: {to}\r\nContact: <sip:{self.host}:{self.port}>\r\n{extra}", body)

    def ask_the_other_way(self, invite: str, method: str, extra: str) -> None:
        """Send an in-dialog request as the called party."""
        self._send(
            f"{method} sip:{self.asterisk[0]}:{self.asterisk[1]} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={self.branch}\r\nMax-Forwards: 70\r\n"
            f"From: {header(invite, 'To')};tag={self.tag}\r\nTo: {header(invite, 'From')}\r\n"
            f"Call-ID: {header(invite, 'Call-ID')}\r\nCSeq: 7 {method}\r\n"
            f"Contact: <sip:{self.host}:{self.port}>\r\n{extra}",
            "",
        )

    def _send(self, head: str, body: str) -> None:
        self.sip.sendto(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode(), self.asterisk)


def header(message: str, name: str) -> str:
    """The value of the message's first header of that name."""
    found = re.search(rf"^{name}: *(.*?)\r$", message, re.MULTILINE | re.IGNORECASE)
    assert found, f"no {name} in {message}"
    return found[1]
