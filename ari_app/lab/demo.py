"""``make run``: the whole product on this machine, with demo schemes and lab phones, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from rich.console import Console

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose
from ari_app.lab.errors import LabError

RUN = Path(".run")
ARI_APP = str(Path(sys.executable).with_name("ari-app"))
READY_SECONDS = 20.0
READY_WORD = "connected"
NEXT = """\
Try, in another terminal:
  [bold]make call[/]                          the first number of the table
  [bold]make call to=+74950000106[/]          another one
  [bold].venv/bin/ari-app calls list[/]       what was journalled; [bold]calls show last[/] tells why
  [bold].venv/bin/ari-app simulate --to +74950000108 --at "sat 11:30"[/]
  [bold]make doctor[/]                        is everything in order?
Schemes are SQL: sqlite3 .run/ari-app.sqlite3 (an edit is live within 2 seconds).
"""

console = Console(highlight=False)


def step(number: int, text: str) -> None:
    """Say what comes next, so that a long wait has a name."""
    console.print(f"[cyan]{number}/4[/] {text}")


def say(line: str) -> None:
    """Progress within a step."""
    console.print(f"    {line}", markup=False)


def asterisk_settings() -> AsteriskSettings:
    """The demo's ports; SIP_PORT, HTTP_PORT and RTP_START move them where the usual ones are taken."""
    try:
        sip, http, rtp = (
            int(os.environ.get(name, default))
            for name, default in (("SIP_PORT", 5060), ("HTTP_PORT", 8088), ("RTP_START", 10000))
        )
    except ValueError as error:
        raise LabError(f"SIP_PORT, HTTP_PORT and RTP_START are numbers of ports: {error}") from None
    return AsteriskSettings(sip_port=sip, lab_port=sip, http_port=http, rtp_start=rtp, rtp_end=rtp + 1999)


def write_env(instance: AsteriskInstance) -> None:
    """Settings for the controller and for every `ari-app` command in this folder; readable by the owner alone."""
    lines = {
        "DATABASE_URL": f"sqlite:///{RUN.resolve()}/ari-app.sqlite3",
        "ARI_URL": instance.ari_url,
        "ARI_USER": instance.ari_user,
        "ARI_PASSWORD_FILE": str(instance.instance_dir / "ari-password"),
        "ARI_APPLICATION": instance.settings.app,
        "NUMBER_TEMPLATE": "PJSIP/{number}@lab-trunk",
        "MESSAGES_FOLDER": str(RUN.resolve() / "messages"),
        "GREETINGS_FOLDER": str(instance.greetings),
    }
    text = "".join(f"ARI_APP_{name}={value}\n" for name, value in lines.items())
    with os.fdopen(os.open(RUN / "ari-app.env", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def run_ari_app(*arguments: str) -> None:
    """Run one `ari-app` command to its end; its own words say what went wrong."""
    if subprocess.run([ARI_APP, *arguments], check=False).returncode:
        raise LabError(f"`ari-app {' '.join(arguments)}` failed; its message is above")


class Controller:
    """The controller as a child process; what it says goes to a file and, from WARNING on and for calls, on screen."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self.log = RUN / "controller.log"
        # A session of its own: Ctrl-C reaches this process alone, which then stops its children in order.
        self.process = subprocess.Popen(
            [ARI_APP, "serve"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self.process.stderr
        if stream is None:
            return
        with self.log.open("a") as log:
            for line in stream:
                log.write(line)
                log.flush()
                if READY_WORD in line:
                    self._ready.set()
                if " INFO " not in line or " call " in line:
                    console.print(line.rstrip(), markup=False, style="dim", soft_wrap=True)

    def wait_ready(self) -> None:
        """Return when it is connected to Asterisk. Raises LabError when it ended or took too long."""
        give_up = time.monotonic() + READY_SECONDS
        while not self._ready.wait(0.05):
            if self.process.poll() is not None:
                self._reader.join(1)
                raise LabError(f"the controller ended at once; its words are above and in {self.log}")
            if time.monotonic() > give_up:
                raise LabError(f"the controller did not reach Asterisk in {READY_SECONDS:g} s; see {self.log}")

    def stop(self) -> None:
        """Let it end its calls, briefly."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join(1)


def run() -> None:
    """Start everything, show it, wait for Ctrl-C, stop what was started."""
    began = time.monotonic()
    RUN.mkdir(mode=0o700, exist_ok=True)
    step(1, "Asterisk: looking for one (ASTERISK=docker, system or local chooses)")
    kind = choose(os.environ.get("ASTERISK"), say)
    instance = AsteriskInstance(kind, RUN / "asterisk", asterisk_settings(), say)
    step(2, f"Asterisk: starting ({kind.name})")
    with instance:
        step(3, "Database: migrating .run/ari-app.sqlite3, demo schemes")
        write_env(instance)
        os.environ["ARI_APP_ENV_FILE"] = str(RUN.resolve() / "ari-app.env")
        run_ari_app("db", "upgrade", "--demo")
        step(4, "Controller: starting")
        controller = Controller()
        try:
            controller.wait_ready()
            console.print(
                f"[green]Ready[/] in {time.monotonic() - began:.1f} s. Everything listens on loopback only.\n"
            )
            run_ari_app("numbers", "list")
            console.print(NEXT)
            console.print("Ctrl-C ends it. Calls appear below.")
            controller.process.wait()
            raise LabError(f"the controller ended by itself; see {controller.log}")
        finally:
            controller.stop()


def main() -> None:
    """The command: exit 0 after Ctrl-C, 1 with a message when something could not be had."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        run()
    except KeyboardInterrupt:
        console.print("\nStopped.")
    except LabError as error:
        console.print(f"[red]make run:[/] {error}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
