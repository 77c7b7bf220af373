"""``make run``: the whole product on this machine, with demo schemes and lab phones, until Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose
from ari_app.lab.controller import ARI_APP, CONNECTED, LISTENS, SENDS, Controller, first_to_end
from ari_app.lab.ending import end_on_signals, end_stragglers
from ari_app.lab.errors import LabError
from ari_app.lab.ports import Port, require_free

RUN = Path(".run")
STEPS = 4
PROCESSES = (("serve", CONNECTED), ("agi", LISTENS), ("sender", SENDS), ("web", LISTENS))
"""What the product consists of, each with what its log says once it works; the first one's log is controller.log."""
NEXT = """\
Try, in another terminal:
  [bold]make call[/]                    a real SIP call to the first number, told as it happens
  [bold]make call to=+74950000105[/]    all are busy: a lost call, and its apology by SMS
  [bold].venv/bin/ari-app calls show last[/]    why it went so; [bold]calls list[/] lists them all
  [bold].venv/bin/ari-app simulate --to +74950000108 --at "sat 11:30"[/]
  [bold].venv/bin/ari-app messages list[/]      what was sent, and what became of it
  [bold]make doctor[/]                  is everything in order?
Nothing is really sent: messages go to the test inbox, [bold]http://127.0.0.1:{web}/inbox[/], and to .run/inbox. In the
demo they go out all day and night; a real system keeps to 09:00-20:00 unless it is told otherwise.
Metrics, health and readiness of the controller: [bold]http://127.0.0.1:{monitor}/metrics[/], /healthz, /readyz.
Schemes and rules are SQL, and an edit is live within 2 s: sqlite3 {database}
"""

console = Console(highlight=False)


def step(number: int, text: str) -> None:
    """Say what comes next, so that a long wait has a name."""
    console.print(f"[cyan]{number}/{STEPS}[/] {text}")


def say(line: str) -> None:
    """Progress within a step."""
    console.print(f"    {line}", markup=False, soft_wrap=True)


NAMES = (
    ("sip", "SIP_PORT"),
    ("http", "HTTP_PORT"),
    ("agi", "AGI_PORT"),
    ("web", "WEB_PORT"),
    ("monitor", "MONITOR_PORT"),
)
"""Ports of ours, and the variables that move them; RTP_START moves those of the calls' media."""


MONITORED = ("the controller", "the sender", "FastAGI")


@dataclass(frozen=True)
class Ports:
    """The ports of the demo: those that the environment names (see `NAMES`), or the usual ones."""

    sip: int = 5060
    http: int = 8088
    agi: int = 4573
    web: int = 8070
    monitor: int = 8071
    """The controller's metrics; the sender's and FastAGI's are at the two numbers above it."""
    rtp: int = 10000

    @classmethod
    def chosen(cls) -> Ports:
        """As the environment says. Raises LabError."""
        ports = cls()
        for field, name in (*NAMES, ("rtp", "RTP_START")):
            text = os.environ.get(name)
            if not text:
                continue
            if not text.isascii() or not text.isdigit() or not 1024 <= int(text) <= 63000:
                raise LabError(f"{name} is {text!r}: give a port between 1024 and 63000")
            ports = replace(ports, **{field: int(text)})
        return ports

    @property
    def settings(self) -> AsteriskSettings:
        """Asterisk on these ports; a call of two legs takes four RTP ports."""
        return AsteriskSettings(
            sip_port=self.sip,
            lab_port=self.sip,
            http_port=self.http,
            agi_port=self.agi,
            rtp_start=self.rtp,
            rtp_end=self.rtp + 1999,
        )

    def require_free(self) -> None:
        """Raise LabError when one is taken, with who holds it and the command that takes free ones."""
        needed = [
            *self.settings.ports(),
            Port("tcp", "127.0.0.1", self.agi, "FastAGI"),
            Port("tcp", "127.0.0.1", self.web, "the HTTP interface"),
            *(Port("tcp", "127.0.0.1", self.monitor + i, f"metrics of {who}") for i, who in enumerate(MONITORED)),
        ]
        try:
            require_free(needed)
        except LabError as error:
            moved = " ".join(
                f"{name}={first_free(there)}"
                for name, there in ((name, self._at(needed, field)) for field, name in NAMES)
                if not are_free(there)
            )
            raise LabError(f"{error}: make run {moved}") from None

    def _at(self, needed: list[Port], field: str) -> list[Port]:
        """Those that one variable moves."""
        first = getattr(self, field)
        return [port for port in needed if first <= port.number < first + (len(MONITORED) if field == "monitor" else 1)]


def are_free(ports: list[Port]) -> bool:
    """Whether all of them can be bound now."""
    try:
        require_free(ports)
    except LabError:
        return False
    return True


def first_free(ports: list[Port]) -> int:
    """The next number for the first, in steps of ten, at which every one of ``ports`` could be."""
    steps = range(10, 65536 - max(port.number for port in ports), 10)
    free = (step for step in steps if are_free([replace(port, number=port.number + step) for port in ports]))
    return ports[0].number + next(free)


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the folder of the demo's data; raises LabError when another `make run` does."""
    RUN.mkdir(mode=0o700, exist_ok=True)
    with (RUN / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LabError(f"it runs already, as process {lock.read().strip()}: end that one with Ctrl-C") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def write_env(instance: AsteriskInstance, web_port: int, monitor_port: int) -> None:
    """Settings for the controller and for every `ari-app` command in this folder; readable by the owner alone."""
    lines = {
        "DATABASE_URL": f"sqlite:///{RUN.resolve()}/ari-app.sqlite3",
        "ARI_URL": instance.ari_url,
        "ARI_USER": instance.ari_user,
        "ARI_PASSWORD_FILE": str(instance.instance_dir / "ari-password"),
        "ARI_APPLICATION": instance.settings.app,
        "AGI_PORT": str(instance.settings.agi_port),
        "NUMBER_TEMPLATE": "PJSIP/{number}@lab-trunk",
        "CRM_FILE": str(write_crm(RUN.resolve())),
        "MESSAGES_FOLDER": str(RUN.resolve() / "messages"),
        "GREETINGS_FOLDER": str(instance.greetings),
        "INBOX_FOLDER": str(RUN.resolve() / "inbox"),
        "WEB_PORT": str(web_port),
        "MONITOR_PORT": str(monitor_port),
        "SENDER_MONITOR_PORT": str(monitor_port + 1),
        "AGI_MONITOR_PORT": str(monitor_port + 2),
        "COMPANY": "Demo Ltd",
        "SENDING_HOURS": "00:00-24:00",
        "SMS_PRICE": "3.50",
        "SMS_CURRENCY": "RUB",
    }
    write_private(RUN / "ari-app.env", "".join(f"ARI_APP_{name}={value}\n" for name, value in lines.items()))


def write_crm(folder: Path) -> Path:
    """The demo's CRM, a file: every caller of `ari-app call` has a deal of Anna's; the configuration that names it."""
    callers = (f"+7916555{number:04d},deal,yes,anna@example.com,Anna\n" for number in range(10_000))
    write_private(folder / "crm.csv", "phone,entity,open,manager,name\n" + "".join(callers))
    write_private(folder / "crm.yaml", "crms:\n  - {kind: csv, name: crm, file: crm.csv}\n")
    return folder / "crm.yaml"


def write_private(path: Path, text: str) -> None:
    """For the owner's eyes alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def run_ari_app(*arguments: str) -> None:
    """Run one `ari-app` command to its end; its own words say what went wrong."""
    # A process group of its own: Ctrl-C reaches this process alone, which ends the command without its complaints.
    if subprocess.run([ARI_APP, *arguments], check=False, process_group=0).returncode:
        raise LabError(f"`ari-app {' '.join(arguments)}` failed; its message is above")


def run() -> None:
    """Start everything, show it, wait for Ctrl-C, stop what was started."""
    began = time.monotonic()
    ports = Ports.chosen()
    ports.require_free()
    step(1, "Asterisk: looking for one (ASTERISK=docker, system or local chooses)")
    kind = choose(os.environ.get("ASTERISK"), say)
    instance = AsteriskInstance(kind, RUN / "asterisk", ports.settings, say)
    step(2, f"Asterisk: starting ({kind.name})")
    with instance:
        step(3, "Database: tables and demo schemes")
        write_env(instance, ports.web, ports.monitor)
        os.environ["ARI_APP_ENV_FILE"] = str(RUN.resolve() / "ari-app.env")
        run_ari_app("db", "upgrade", "--demo")
        step(4, "Controller, FastAGI, sender, HTTP interface: starting")
        with ExitStack() as started:
            processes = [start(command, ready, started) for command, ready in PROCESSES]
            for process in processes:
                process.wait_ready()
            show_what_there_is(time.monotonic() - began, ports)
            gone = first_to_end(processes)
            raise LabError(f"`ari-app {gone.command}` ended by itself (exit {gone.wait()}); see {gone.log}")


def start(command: str, ready: re.Pattern[str], started: ExitStack) -> Controller:
    """Start one of the processes, and see that it is stopped with the others, the last to start first."""
    log = RUN / f"{'controller' if command == 'serve' else command}.log"
    process = Controller(log, show_log_line, command, ready)
    started.callback(process.stop)
    return process


def show_log_line(line: str) -> None:
    """A line of the controller's log."""
    console.print(line, markup=False, style="dim", soft_wrap=True)


def show_what_there_is(seconds: float, ports: Ports) -> None:
    """The demo's numbers, and what to do with them."""
    console.print(f"[green]Ready[/] in {seconds:.1f} s. Everything listens on loopback only.\n")
    run_ari_app("numbers", "list")
    console.print()
    console.print(NEXT.format(database=RUN / "ari-app.sqlite3", web=ports.web, monitor=ports.monitor), soft_wrap=True)
    console.print("Ctrl-C ends it. Calls and messages appear below.")


def main() -> None:
    """The command: exit 0 after Ctrl-C, 1 with a message when something could not be had."""
    end_on_signals()
    try:
        with only_one():
            try:
                run()
            finally:
                end_stragglers()
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be closed
            console.print("\nStopped.")
    except LabError as error:
        console.print(f"[red]make run:[/] {error}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
