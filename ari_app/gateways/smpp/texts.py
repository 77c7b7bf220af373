"""Texts as SMPP carries them: our own cut into parts, others' put together, and receipts read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import smpp34

from ari_app.core.delivery import State
from ari_app.core.segments import Encoding, codes, encoding_of, split, udh
from ari_app.gateways.smpp.pdus import Tag, tlv
from ari_app.http_client.words import said

UDH_INDICATOR = 0x40
RECEIPT = 0x04
_KIND = 0x3C
_ESCAPE = 0x1B
_CONCATENATED = {0x00: 1, 0x08: 2}
"""Information elements of 3GPP TS 23.040, 9.2.3.24, with the octets of their reference."""

Long = Literal["udh", "sar", "payload"]
"""How a long text goes: with a header in each part, with sar_ parameters, or whole in message_payload."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one submit_sm carries of a text."""

    octets: bytes
    data_coding: int
    esm_class: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()


def parts(text: str, reference: int, how: Long) -> list[Part]:
    """The parts of a text; ``reference`` (0 to 255) is the same for all of one.

    Raises:
        TextError: it cannot be sent; the message says why.
    """
    encoding = encoding_of(text)
    coding = 0x00 if encoding is Encoding.GSM7 else 0x08
    pieces = [codes(one) if encoding is Encoding.GSM7 else one.encode("utf-16-be") for one in split(text)]
    total = len(pieces)
    if total == 1:
        return [Part(pieces[0], coding)]
    if how == "payload":
        return [Part(b"", coding, tlvs=((Tag.MESSAGE_PAYLOAD, b"".join(pieces)),))]
    if how == "sar":
        return [
            Part(piece, coding, tlvs=_sar(reference, total, number)) for number, piece in enumerate(pieces, start=1)
        ]
    return [
        Part(udh(reference, total, number) + piece, coding, UDH_INDICATOR)
        for number, piece in enumerate(pieces, start=1)
    ]


def _sar(reference: int, total: int, number: int) -> tuple[tuple[int, bytes], ...]:
    return (
        (Tag.SAR_REFERENCE, reference.to_bytes(2, "big")),
        (Tag.SAR_TOTAL, bytes((total,))),
        (Tag.SAR_NUMBER, bytes((number,))),
    )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a delivery receipt says of a message, by the SMSC's id."""

    message_id: str
    state: State
    reason: str = ""


_STATES = {
    "ENROUTE": State.SENT,
    "ACCEPTD": State.SENT,
    "UNKNOWN": State.SENT,  # nothing new
    "DELIVRD": State.DELIVERED,
    "EXPIRED": State.UNDELIVERED,
    "DELETED": State.UNDELIVERED,
    "UNDELIV": State.UNDELIVERED,
    "REJECTD": State.UNDELIVERED,
}
_NUMBERED = ("", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD")
"""message_state, 5.2.28, in the words of receipts (appendix B)."""
_IN_TEXT = {name: re.compile(rf"(?i)\b{name}:\s*([^\s:]+)") for name in ("id", "stat", "err")}


def is_receipt(message: smpp34.DeliverSm) -> bool:
    """5.2.12: whether it is about a message of ours, not a text."""
    return message.esm_class & _KIND == RECEIPT


def receipt(message: smpp34.DeliverSm) -> Receipt | None:
    """A receipt by its parameters, or else by its text as most SMSCs write it (appendix B); None if it says neither."""
    body = raw(message).decode("latin-1")
    found = {name: (match[1] if (match := pattern.search(body)) else "") for name, pattern in _IN_TEXT.items()}
    by_number = (tlv(message, Tag.MESSAGE_STATE) or b"\0")[-1]
    named = (tlv(message, Tag.RECEIPTED_MESSAGE_ID) or b"").rstrip(b"\0").decode("latin-1")
    word = _NUMBERED[by_number] if 0 < by_number < len(_NUMBERED) else found["stat"].upper()[:7]
    state = _STATES.get(word)
    if not (named or found["id"]) or state is None:
        return None
    error = found["err"].strip("0")
    reason = f"SMSC: {word}" + (f", error {said(found['err'])}" if error else "")
    return Receipt(named or found["id"], state, reason if state is State.UNDELIVERED else "")


def raw(message: smpp34.DeliverSm) -> bytes:
    """The user data, wherever it stands."""
    return tlv(message, Tag.MESSAGE_PAYLOAD) or message.short_message


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text that came in; ``total`` of 1 is a whole text."""

    text: str
    reference: int = 0
    total: int = 1
    number: int = 1


def piece(message: smpp34.DeliverSm) -> Piece:
    """What a deliver_sm carries of a text."""
    octets, reference, total, number = raw(message), 0, 1, 1
    if message.esm_class & UDH_INDICATOR and octets:
        header, octets = octets[1 : 1 + octets[0]], octets[1 + octets[0] :]
        reference, total, number = _concatenation(header)
    elif (sar := tlv(message, Tag.SAR_TOTAL)) and sar[0] > 1:
        reference = int.from_bytes(tlv(message, Tag.SAR_REFERENCE) or b"\0", "big")
        total, number = sar[0], (tlv(message, Tag.SAR_NUMBER) or b"\1")[0]
    if not 1 <= number <= total:
        total = number = 1
    return Piece(_decoded(octets, message.data_coding), reference, total, number)


def _concatenation(header: bytes) -> tuple[int, int, int]:
    while len(header) >= 2:
        kind, length, value = header[0], header[1], header[2 : 2 + header[1]]
        width = _CONCATENATED.get(kind)
        if width is not None and length == width + 2 == len(value):
            return int.from_bytes(value[:width], "big"), value[width], value[width + 1]
        header = header[2 + length :]
    return 0, 1, 1


def _decoded(octets: bytes, data_coding: int) -> str:
    """5.2.19. What a coding does not explain is shown as well as it can be."""
    if data_coding == 0x08:
        return octets.decode("utf-16-be", "replace")
    if data_coding in (0x01, 0x03):
        return octets.decode("latin-1")
    return _from_septets(octets)


def _from_septets(octets: bytes) -> str:
    alphabet, text, rest = _alphabet(), [], octets
    while rest:
        width = 2 if rest[0] == _ESCAPE else 1
        text.append(alphabet.get(rest[:width], "\ufffd"))
        rest = rest[width:]
    return "".join(text)


@cache
def _alphabet() -> dict[bytes, str]:
    return {codes(char): char for char in map(chr, range(0x20AD)) if encoding_of(char) is Encoding.GSM7}


@dataclass
class Assembly:
    """Puts parts together. They are kept in memory, each for ``seconds``; a text whose rest does not come is given out
    as far as it came."""

    seconds: float = 300.0
    _open: dict[tuple[str, str, int, int], tuple[float, dict[int, str]]] = field(default_factory=dict)

    def add(self, sender: str, recipient: str, new: Piece, now: float) -> str | None:
        """The whole text, if ``new`` completes it."""
        if new.total == 1:
            return new.text
        key = (sender, recipient, new.reference, new.total)
        _, got = self._open.setdefault(key, (now, {}))
        got[new.number] = new.text
        if len(got) < new.total:
            return None
        del self._open[key]
        return "".join(got[number] for number in sorted(got))

    def overdue(self, now: float) -> list[tuple[str, str, str]]:
        """Sender, recipient and text of those that have waited too long."""
        late = [key for key, (began, _) in self._open.items() if now - began > self.seconds]
        gone = [(key, self._open.pop(key)[1]) for key in late]
        return [(sender, to, "".join(got[n] for n in sorted(got))) for (sender, to, *_), got in gone]
