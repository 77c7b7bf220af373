"""SIP's view of every call: the message logs of the callers and of the telephones, read dialog by dialog."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

_RULE = re.compile(r"^-{40,} ", re.MULTILINE)
_HEADERS = re.compile(r"^(Call-ID|CSeq|From): *(.*?)\r?$", re.MULTILINE | re.IGNORECASE)
_USER = re.compile(r"sip:([^@>]*)@")


@dataclass(frozen=True, slots=True)
class Heard:
    """One message: seconds of the wall clock, whether the party sent it, its first line and the method it is about."""

    at: float
    sent: bool
    line: str
    method: str

    def __str__(self) -> str:
        return f"{'>' if self.sent else '<'} {self.line}"


@dataclass(slots=True)
class _Dialog:
    number: str
    messages: list[Heard] = field(default_factory=list)


@dataclass(frozen=True)
class Dialog:
    """One dialog as a party of it saw it. ``party``: who; ``number``: the caller's, from From."""

    party: str
    call_id: str
    number: str
    messages: tuple[Heard, ...]

    @cached_property
    def invited_at(self) -> float:
        """When INVITE was first on the wire."""
        return self._first(lambda one: one.line.startswith("INVITE ")) or self.messages[0].at

    @cached_property
    def taken_at(self) -> float | None:
        """When the other side first said a word about INVITE."""
        return self._first(lambda one: one.line.startswith("SIP/2.0 ") and one.method == "INVITE")

    @cached_property
    def begun_at(self) -> float | None:
        """When the other side began to deal with INVITE: it said more than that it had come."""
        return self._first(
            lambda one: one.line.startswith("SIP/2.0 ") and "SIP/2.0 100" not in one.line and one.method == "INVITE"
        )

    @cached_property
    def rang_at(self) -> float | None:
        """When it rang, or there was early media."""
        return self._first(lambda one: one.line.startswith(("SIP/2.0 180", "SIP/2.0 183")))

    @cached_property
    def answered_at(self) -> float | None:
        """When INVITE had its 200."""
        return self._first(lambda one: one.line.startswith("SIP/2.0 200") and one.method == "INVITE")

    @cached_property
    def confirmed_at(self) -> float | None:
        """When its 200 had its ACK."""
        if self.answered_at is None:
            return None
        since = self.answered_at
        return self._first(lambda one: one.line.startswith("ACK ") and one.at >= since)

    @cached_property
    def refused(self) -> int:
        """The status by which INVITE was refused; 0: it was not."""
        lines = (one.line for one in self.messages if one.method == "INVITE" and one.line.startswith("SIP/2.0 "))
        return next((int(line[8:11]) for line in lines if line[8] in "3456"), 0)

    @cached_property
    def ended_at(self) -> float | None:
        """When it was over by a word of SIP: BYE, or a refusal, 487 included."""
        return self._first(
            lambda one: (
                one.line.startswith("BYE ")
                or (one.method == "INVITE" and one.line.startswith("SIP/2.0 ") and one.line[8] in "3456")
            )
        )

    @cached_property
    def cancelled_at(self) -> float | None:
        """When INVITE was cancelled."""
        return self._first(lambda one: one.line.startswith("CANCEL "))

    @property
    def last_at(self) -> float:
        """When anything was last heard."""
        return self.messages[-1].at

    def _first(self, wanted: Callable[[Heard], bool]) -> float | None:
        return next((one.at for one in self.messages if wanted(one)), None)

    def __str__(self) -> str:
        began = self.invited_at
        lines = [f"{one.at - began:7.2f} s {one}" for one in self.messages]
        return "\n".join([f"{self.party}, {self.number}, Call-ID {self.call_id}", *lines])


def read(party: str, log: Path) -> tuple[Dialog, ...]:
    """Every dialog of a party's log, in the order in which they began."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return dialogs(party, text)


def dialogs(party: str, text: str) -> tuple[Dialog, ...]:
    """Every dialog of a log's text; a message that was cut off by the end of the log is left out."""
    found: dict[str, _Dialog] = {}
    for heard, call_id, number in _messages(_RULE.split(text)[1:]):
        found.setdefault(call_id, _Dialog(number)).messages.append(heard)
    return tuple(Dialog(party, call_id, one.number, tuple(one.messages)) for call_id, one in found.items())


def _messages(blocks: Iterable[str]) -> Iterator[tuple[Heard, str, str]]:
    for block in blocks:
        head, _, body = block.partition("\n\n")
        moment, _, way = head.partition("\n")
        headers = {name.lower(): value for name, value in _HEADERS.findall(body)}
        if not {"call-id", "cseq", "from"} <= headers.keys():
            continue
        user = _USER.search(headers["from"])
        at = datetime.fromisoformat(moment).astimezone().timestamp()
        line = body.partition("\n")[0].strip()
        heard = Heard(at, " sent" in way, line, headers["cseq"].split()[-1])
        yield heard, headers["call-id"], user[1] if user else ""
