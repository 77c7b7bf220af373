"""SIPp processes, each one caller or one telephone, and what they saw on the wire."""

from __future__ import annotations

import itertools
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

SCENARIOS = Path(__file__).parent.parent / "sipp"
_LOGGED = re.compile(
    r"^-{40,} (\S+ \S+)\nUDP message (sent|received)[^\n]*\n\n(.*?)(?=^-{40,} |\Z)", re.MULTILINE | re.DOTALL
)
_PLACE = re.compile(r"@([a-z_]+)@")


@dataclass(frozen=True)
class Message:
    """One SIP message as a party saw it; ``at`` is in seconds of the wall clock."""

    at: float
    sent: bool
    text: str

    @property
    def first_line(self) -> str:
        """The request line or the status line."""
        return self.text.partition("\n")[0].strip()

    @property
    def status(self) -> int:
        """The status of a reply; 0 for a request."""
        return int(self.text[8:11]) if self.text.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """The method of a request, or of the request that is replied to."""
        return self.header("CSeq").split()[1]

    def header(self, name: str) -> str:
        """The value of the first header of that name; empty when there is none."""
        found = re.search(rf"^{name}: *(.*?)\r?$", self.text, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""


class Wire(tuple[Message, ...]):
    """All messages of one party, in order."""

    __slots__ = ()

    @classmethod
    def read(cls, log: Path) -> Wire:
        """What SIPp has logged so far."""
        text = log.read_text(errors="replace") if log.exists() else ""
        return cls(
            Message(datetime.fromisoformat(at).astimezone().timestamp(), way == "sent", body)
            for at, way, body in _LOGGED.findall(text)
        )

    def all(self, what: str | int, *, sent: bool | None = None) -> list[Message]:
        """Requests of a method, or replies to INVITE of a status; one of each, retransmissions left out."""
        found: dict[tuple[str, str], Message] = {}
        for message in self:
            if (sent is None or message.sent is sent) and _is(message, what):
                found.setdefault((message.header("Call-ID"), message.header("CSeq")), message)
        return list(found.values())

    def one(self, what: str | int, *, sent: bool | None = None) -> Message:
        """The only such message."""
        found = self.all(what, sent=sent)
        assert len(found) == 1, f"{len(found)} x {what} among {[message.first_line for message in self]}"
        return found[0]

    @property
    def final(self) -> int:
        """The final status that the party's INVITE got; 0 when none came."""
        return next((m.status for m in self if m.status >= 200 and m.method == "INVITE" and not m.sent), 0)


def _is(message: Message, what: str | int) -> bool:
    if isinstance(what, int):
        return message.status == what and message.method == "INVITE"
    return message.first_line.startswith(f"{what} ")


_media_ports = itertools.count(10000 + 4 * (os.getpid() % 4000), 4)


def free_media_port(host: str) -> int:
    """A port that SIPp can have for audio, and for video the second after it; none that the kernel gives to others."""
    for port in itertools.islice(_media_ports, 1000):
        with ExitStack() as probes, suppress(OSError):
            for each in (port, port + 2):
                probe = probes.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                probe.bind((host, each))
            return port
    raise AssertionError(f"no media port is free at {host}")


def free_port(host: str) -> int:
    """A UDP port nobody has at this address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Sipp:
    """One SIPp process with one scenario, performed ``calls`` times."""

    def __init__(
        self, folder: Path, scenario: str, host: str, port: int, calls: int = 1, *, traced: bool = True
    ) -> None:
        self.host, self.port = host, port
        self._traced = traced
        self._folder = folder
        self._scenario = scenario
        self._calls = calls
        self._process: subprocess.Popen[bytes] | None = None

    @cached_property
    def log(self) -> Path:
        """Where its messages are, if it is traced."""
        return self._folder / "messages.log"

    @property
    def wire(self) -> Wire:
        """What this party has sent and received so far."""
        return Wire.read(self.log)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, places: Mapping[str, object], *arguments: str) -> None:
        """Fill in the scenario's @places@ and perform it."""
        self._folder.mkdir(parents=True)
        text = (SCENARIOS / f"{self._scenario}.xml").read_text()
        scenario = self._folder / "scenario.xml"
        scenario.write_text(_PLACE.sub(lambda place: str(places[place[1]]), text), errors="surrogateescape")
        command = ["sipp", "-sf", str(scenario), "-i", self.host, "-p", str(self.port), "-m", str(self._calls)]
        command += ["-nostdin", "-timer_resol", "1"]
        command += ["-trace_msg", "-message_file", str(self.log)] if self._traced else []
        command += ["-trace_err", "-error_file", str(self._folder / "errors.log"), "-deadcall_wait", "0"]
        # A 180 comes again when somebody is rung, maybe just as the caller gives up.
        patient = self._scenario in ("caller-cancels", "crowd-caller", "crowd-quitter")
        command += ["-default_behaviors", "all,-abortunexp"] if patient else []
        command += ["-mp", str(free_media_port(self.host)), "-mi", self.host, *arguments]
        with (self._folder / "screen.log").open("wb") as screen:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)

    def listen(self) -> None:
        """Return when the process has its port."""
        address = "{3:02X}{2:02X}{1:02X}{0:02X}:{4:04X}".format(*map(int, self.host.split(".")), self.port)
        for _ in ticks(5):
            if self._process is None or self._process.poll() is not None:
                break
            if f" {address} " in Path("/proc/net/udp").read_text():
                return
        raise AssertionError(f"SIPp does not listen: {self.complaint()}")

    def wait(self, seconds: float = 20) -> int:
        """SIPp's exit code once its calls are over: 0 when every one went as the scenario says."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the scenario is not over after {seconds} s: {self.complaint()}") from None

    def stop(self) -> None:
        """End the process if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def until(self, what: str | int, seconds: float = 10, *, sent: bool | None = None) -> Message:
        """The first such message, as soon as it is on the wire."""
        for _ in ticks(seconds):
            if found := self.wire.all(what, sent=sent):
                return found[0]
        raise AssertionError(f"no {what} in {seconds} s: {[message.first_line for message in self.wire]}")

    def complaint(self) -> str:
        """What went wrong, in SIPp's words, and what was seen on the wire."""
        errors = self._folder / "errors.log"
        said = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
        screen = (self._folder / "screen.log").read_text(errors="replace")[-500:] if not said else ""
        lines = [f"{'>' if m.sent else '<'} {m.first_line}" for m in self.wire]
        return "\n".join([said or screen, *lines])


def ticks(seconds: float) -> Iterator[None]:
    """Turns of a look-out for what gives no signal: a file that grows, a port that opens."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        yield
        time.sleep(0.005)
    yield
