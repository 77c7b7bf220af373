"""PDUs of SMPP 3.4 (SMPP Developers Forum, Issue 1.2): messages by smpp34, and the few that are little but a header.

Section numbers are the specification's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import smpp34

_HEADER = struct.Struct(">IIII")
LONGEST = 70_000
"""Octets of a PDU that we read: a message_payload of 64 KiB and its header."""


class Command(IntEnum):
    """5.1.2.1. Responses have the highest bit set."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_TRANSMITTER = 0x00000002
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    ALERT_NOTIFICATION = 0x00000102


class Status(IntEnum):
    """5.1.3, those that we tell apart."""

    OK = 0x00
    INVALID_COMMAND = 0x03
    BIND_STATUS = 0x04
    INVALID_DESTINATION = 0x0B
    BIND_FAILED = 0x0D
    INVALID_PASSWORD = 0x0E
    INVALID_SYSTEM_ID = 0x0F
    QUEUE_FULL = 0x14
    THROTTLED = 0x58
    TEMPORARY = 0x64
    PERMANENT = 0x65


class Tag(IntEnum):
    """5.3.2, those that we write or read."""

    RECEIPTED_MESSAGE_ID = 0x001E
    SAR_REFERENCE = 0x020C
    SAR_TOTAL = 0x020E
    SAR_NUMBER = 0x020F
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


@dataclass(frozen=True, slots=True)
class Pdu:
    """A PDU with its body still in octets. ``status`` may be a vendor's own."""

    command: int
    status: int
    sequence: int
    octets: bytes

    @property
    def body(self) -> bytes:
        """What follows the header."""
        return self.octets[_HEADER.size :]


def take(buffer: bytearray) -> Pdu | None:
    """The first whole PDU, taken out of the buffer; None if there is none yet.

    Raises:
        ValueError: the length is none that a PDU can have; the stream cannot be read any further.
    """
    if len(buffer) < _HEADER.size:
        return None
    length, command, status, sequence = _HEADER.unpack_from(buffer)
    if not _HEADER.size <= length <= LONGEST:
        raise ValueError(f"a PDU of {length} octets")
    if len(buffer) < length:
        return None
    octets = bytes(buffer[:length])
    del buffer[:length]
    return Pdu(command, status, sequence, octets)


def pdu(command: Command, sequence: int, status: int = 0, body: bytes = b"") -> bytes:
    """A PDU made of a header and these octets."""
    return _HEADER.pack(_HEADER.size + len(body), command, status, sequence) + body


def bind(sequence: int, system_id: str, password: str, system_type: str) -> bytes:
    """4.1.5: bind_transceiver of version 3.4."""
    strings = (value.encode("ascii") + b"\0" for value in (system_id, password, system_type))
    return pdu(Command.BIND_TRANSCEIVER, sequence, body=b"".join(strings) + b"\x34\x00\x00\x00")


def delivered(sequence: int, status: int) -> bytes:
    """4.6.2: deliver_sm_resp, whose message_id is unused."""
    return pdu(Command.DELIVER_SM_RESP, sequence, status, b"\0")


def message_id(response: Pdu) -> str:
    """4.4.2: the id in a submit_sm_resp; empty if there is none."""
    return response.body.partition(b"\0")[0].decode("latin-1")


def deliver_sm(received: Pdu) -> smpp34.DeliverSm | None:
    """4.6.1: the message, or None if it cannot be read."""
    try:
        found = smpp34.decode(received.octets)
    except (smpp34.SmppError, ValueError):
        return None
    return found if isinstance(found, smpp34.DeliverSm) else None


def tlv(message: smpp34.DeliverSm, tag: int) -> bytes | None:
    """An optional parameter's octets (5.3.2)."""
    return next((one.value for one in message.tlvs if one.tag == tag), None)
