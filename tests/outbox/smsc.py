"""An SMSC of a few words on a real socket, in a process of its own; it counts, and may drop the line when it has.

``SEND ref to`` is answered ``OK id`` (or, in this order of its ``script``, by silence and a closed connection), ``ASK
ref`` with YES or NO, ``COUNT to`` with how many were taken in for that number.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from ari_app.core.delivery import Accepted, Outcome, Report, State, Unavailable, Unclear
from ari_app.core.messages import Channel
from ari_app.message_ports import InboundText, Letter, Push


def say(port: int, words: str) -> str:
    """One line there, one line back; empty when the line was dropped."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock, sock.makefile("rw") as line:
        line.write(f"{words}\n")
        line.flush()
        return line.readline().strip()


@dataclass(frozen=True, slots=True)
class SmscGateway:
    """The gateway to that SMSC. ``drops``: it is told to take messages in and then drop the line."""

    port: int
    name: str = "smsc"
    can_ask: bool = True
    drops: bool = False
    channel: Channel = field(default=Channel.SMS)

    def send(self, letter: Letter) -> Outcome:
        """Once, over a connection of its own."""
        try:
            sock = socket.create_connection(("127.0.0.1", self.port), 10)
        except OSError as error:
            return Unavailable(f"no connection: {error.strerror}")
        with sock, sock.makefile("rw") as line:
            try:
                line.write(f"{'DROP' if self.drops else 'SEND'} {letter.ref} {letter.recipient}\n")
                line.flush()
                answer = line.readline().strip()
            except OSError as error:
                return Unclear(f"the line broke: {error.strerror}")
        return Accepted(answer.removeprefix("OK ")) if answer else Unclear("the line was dropped")

    def ask(self, ref: str, gateway_id: str, recipient: str) -> Report | None:
        """By our ref."""
        if not self.can_ask:
            return None
        return Report(State.SENT if say(self.port, f"ASK {ref}") == "YES" else State.QUEUED, ref=ref)

    def reports(self, push: Push) -> Sequence[Report]:
        """It pushes none."""
        return ()

    def texts(self, push: Push) -> Sequence[InboundText]:
        """Nor texts."""
        return ()


@contextmanager
def smsc() -> Iterator[int]:
    """The port of one that runs as long as the block."""
    process = subprocess.Popen([sys.executable, "-m", "tests.outbox.smsc"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _serve(out: TextIO) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], file=out, flush=True)
        taken: Counter[str] = Counter()
        refs: set[str] = set()
        while True:
            sock, _ = listener.accept()
            with sock, sock.makefile("rw") as line:
                try:
                    match line.readline().split():
                        case ["SEND" | "DROP" as how, ref, to]:
                            refs.add(ref)
                            taken[to] += 1
                            if how == "SEND":
                                line.write(f"OK {ref[:8]}\n")
                        case ["ASK", ref]:
                            line.write("YES\n" if ref in refs else "NO\n")
                        case ["COUNT", to]:
                            line.write(f"{taken[to]}\n")
                    line.flush()
                except (OSError, ValueError):
                    continue  # whoever spoke was killed


if __name__ == "__main__":
    _serve(sys.stdout)
