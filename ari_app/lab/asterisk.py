"""Starts, asks and stops one Asterisk of the lab's own, in its own directory and on its own ports."""

import base64
import signal
import subprocess
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Self

from ari_app.lab.errors import LabError
from ari_app.lab.kinds import DockerAsterisk, Kind, LocalAsterisk, SystemAsterisk
from ari_app.lab.ports import Port, require_free
from ari_app.lab.tools import Say

BOOT_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class AsteriskSettings:
    """What `asterisk-docker/provision` renders, under the names of its AST_ variables; its --help says more."""

    app: str = "ari-app"
    ari_user: str = "ari-app"
    http_bind: str = "127.0.0.1"
    http_port: int = 8088
    sip_bind: str = "127.0.0.1"
    sip_port: int = 5060
    lab: bool = True
    lab_bind: str = "127.0.0.2"
    lab_port: int = 5060
    rtp_start: int = 10000
    rtp_end: int = 19999
    rtp_timeout: int = 30
    max_call_seconds: int = 14400
    claim_ms: int = 900
    agi_host: str = "127.0.0.1"
    agi_port: int = 4573
    language: str = "en"

    def environment(self) -> dict[str, str]:
        """The settings as the provisioning script's variables."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"AST_{name.upper()}": _said(value) for name, value in values.items()}

    def ports(self) -> list[Port]:
        """The ports that must be free before a start; RTP ports are passed over one by one when taken."""
        needed = [
            Port("tcp", self.http_bind, self.http_port, "ARI"),
            Port("udp", self.sip_bind, self.sip_port, "SIP"),
        ]
        return [*needed, Port("udp", self.lab_bind, self.lab_port, "SIP of the lab phones")] if self.lab else needed


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def kinds() -> list[Kind]:
    """Every way to have an Asterisk, in the order of preference."""
    return [DockerAsterisk(), SystemAsterisk(), LocalAsterisk()]


def choose(name: str | None, say: Say = print) -> Kind:
    """The kind called `name`, or the first that can be had; it is got ready. Raises LabError naming each one's mend."""
    known = kinds()
    if name:
        for kind in known:
            if kind.name == name:
                kind.get(say)
                return kind
        raise LabError(f"ASTERISK={name} is unknown: use {', '.join(kind.name for kind in known)}, or leave it out")
    refused = []
    for kind in known:
        try:
            if problem := kind.unusable():
                raise LabError(problem)
            kind.get(say)
        except LabError as error:
            refused.append(f"{kind.name}: {error}")
        else:
            return kind
    raise LabError("no Asterisk can be had here:\n  " + "\n  ".join(refused))


class AsteriskInstance:
    """One Asterisk. Several live side by side when their directories and ports differ.

    As a context manager it is started and stopped. Methods raise LabError; its message holds Asterisk's own last words.
    """

    def __init__(
        self, kind: Kind, directory: Path, settings: AsteriskSettings | None = None, say: Say = lambda line: None
    ) -> None:
        self.kind = kind
        self.instance_dir = directory.resolve()
        self.settings = settings or AsteriskSettings()
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def ari_url(self) -> str:
        """Base of every ARI path, without a slash at the end."""
        return f"http://{self.settings.http_bind}:{self.settings.http_port}/ari"

    @property
    def ari_user(self) -> str:
        """Name of the ARI user."""
        return self.settings.ari_user

    @property
    def ari_password(self) -> str:
        """The ARI password, made at the first start and kept in a file of mode 0600."""
        return (self.instance_dir / "ari-password").read_text()

    @property
    def sip_address(self) -> tuple[str, int]:
        """Where trunks call."""
        return self.settings.sip_bind, self.settings.sip_port

    @property
    def lab_address(self) -> tuple[str, int]:
        """Where the lab phones are, and where the lab's caller calls from."""
        return self.settings.lab_bind, self.settings.lab_port

    @property
    def recordings(self) -> Path:
        """Where recordings appear, on this machine."""
        return self.instance_dir / "spool" / "recording"

    @property
    def greetings(self) -> Path:
        """Where greetings of one's own go, on this machine; Asterisk plays them as sound:ari-app/own/<name>."""
        return self.instance_dir / "data" / "sounds" / "ari-app" / "own"

    @property
    def log_path(self) -> Path:
        """What Asterisk said on its console."""
        return self.instance_dir / "log" / "console.log"

    @property
    def pid(self) -> int | None:
        """Process id of what was started (Asterisk itself unless it is in a container); None when not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def get(self) -> None:
        """Build, fetch or check the Asterisk that this instance runs."""
        self.kind.get(self._say)

    def start(self) -> None:
        """Start and return when ARI answers."""
        if self.pid:
            return
        require_free(self.settings.ports())
        self.log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        variables = {**self.settings.environment(), "AST_INSTANCE": str(self.instance_dir)}
        with self.log_path.open("wb") as log:
            self._process = self.kind.start(self.instance_dir, variables, log)
        try:
            self._wait_for_ari(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Let Asterisk end its calls and go; after 10 s it is killed."""
        if not self._process:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End Asterisk at once, as a crash would: no BYE, no events."""
        if self._process:
            self.kind.kill(self.instance_dir, self._process)
            self._process.wait(STOP_SECONDS)
            self._process = None

    def restart(self) -> None:
        """Stop and start again, with the same password and recordings."""
        self.stop()
        self.start()

    def cli(self, command: str) -> str:
        """What Asterisk's console answers to one command."""
        argv = self.kind.command(self.instance_dir, ["-rx", command])
        done = subprocess.run(argv, capture_output=True, text=True, timeout=STOP_SECONDS, check=False)
        if done.returncode:
            raise LabError(f"`{command}`: {done.stderr.strip() or done.stdout.strip()}; is Asterisk running?")
        return done.stdout

    def add(self, relative: str, text: str) -> Path:
        """Write a configuration file of your own, say "pjsip.d/sipp.conf"; effective at the next start or reload."""
        target = self.instance_dir / "etc" / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o644)  # the directories above it are closed to others
        return target

    def _wait_for_ari(self, process: "subprocess.Popen[bytes]") -> None:
        give_up = time.monotonic() + BOOT_SECONDS
        while not self._ari_answers():
            try:
                process.wait(0.02)
            except subprocess.TimeoutExpired:
                if time.monotonic() < give_up:
                    continue
                raise LabError(f"ARI did not answer in {BOOT_SECONDS:g} s.{self._last_words()}") from None
            raise LabError(f"Asterisk ended at once (exit {process.returncode}).{self._last_words()}")

    def _ari_answers(self) -> bool:
        """Whether Asterisk is fully up: while it boots ARI answers 404, then 503."""
        try:
            token = base64.b64encode(f"{self.ari_user}:{self.ari_password}".encode()).decode()
            request = urllib.request.Request(  # noqa: S310 - our own http URL
                f"{self.ari_url}/asterisk/info?only=system", headers={"Authorization": f"Basic {token}"}
            )
            with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - the same
                return bool(answer.status == 200)
        except OSError:  # refused, 404, 503, or the password file is not there yet
            return False

    def _last_words(self) -> str:
        lines: Sequence[str] = self.log_path.read_text(errors="replace").splitlines()
        telling = [line for line in lines if "ERROR" in line] or lines
        return f" Its last words, from {self.log_path}:\n  " + "\n  ".join(telling[-10:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
