"""Where the comparison takes place: one Asterisk that knows both ways, the controller with its database, a phone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from ari_app.lab.asterisk import AsteriskInstance, AsteriskSettings, choose
from ari_app.lab.errors import LabError
from ari_app.lab.ports import Port, require_free
from ari_app.storage import revisions
from ari_app.storage.database import open_database
from ari_app.storage.journal import GATHER_SECONDS
from benchmarks.sipp import Calls, Phone, call

Way = Literal["native", "ours"]
WAYS: tuple[Way, Way] = ("native", "ours")

PORTS = {"SIP_PORT": 15560, "HTTP_PORT": 18588, "RTP_START": 24000}
"""Where Asterisk listens unless the environment says otherwise, as for the demo; SIPp's ports follow SIP's."""
SIP, HTTP, RTP = (int(os.environ.get(name, port)) for name, port in PORTS.items())
CALLERS: dict[Way, tuple[str, int]] = {"native": ("127.0.0.10", SIP + 10), "ours": ("127.0.0.12", SIP + 11)}
PHONE = ("127.0.0.11", SIP + 20)
SERVE = (str(Path(sys.executable).with_name("ari-app")), "serve")
NUMBER = "+74950000001"
START_SECONDS, SETTLE_SECONDS = 20.0, 45.0

# Both ways use the product's trunk template; only who answers for the call differs.
TRUNKS = f"""\
[bench-native](trunk)
transport = trunk-udp
context = bench-native
[bench-native]
type = identify
endpoint = bench-native
match = {CALLERS["native"][0]}

[bench-ours](trunk)
transport = trunk-udp
[bench-ours]
type = identify
endpoint = bench-ours
match = {CALLERS["ours"][0]}

[bench-phone](trunk)
transport = trunk-udp
aors = bench-phone
[bench-phone]
type = aor
contact = sip:{PHONE[0]}:{PHONE[1]}
"""
# `r`: the caller hears ringing from the start, as our dialplan's Ringing() has it.
NATIVE = """\
[bench-native]
exten => _+X.,1,Dial(PJSIP/bench-phone,30,r)
 same => n,Hangup()
"""
SCHEME = (
    "INSERT INTO schemes (name, time_zone) VALUES ('bench', 'Europe/Moscow')",
    "INSERT INTO branches (scheme_id, position, name) SELECT id, 1, 'always' FROM schemes",
    "INSERT INTO steps (branch_id, position, kind, strategy) SELECT id, 1, 'dial', 'in_turn' FROM branches",
    "INSERT INTO destinations (step_id, position, kind, target, timeout_seconds)"
    " SELECT id, 1, 'endpoint', 'bench-phone', 30 FROM steps",
    f"INSERT INTO numbers (e164, name, scheme_id) SELECT '{NUMBER}', 'bench', id FROM schemes",
)


class Site:
    """Everything up and idle; ``place`` calls one way or the other."""

    def __init__(self, folder: Path, asterisk: AsteriskInstance, engine: sa.Engine, controller: int) -> None:
        self.folder = folder
        self.asterisk = asterisk
        self.controller_pid = controller
        self._engine = engine

    @property
    def asterisk_pid(self) -> int:
        """Asterisk's process id. Raises LabError when it has ended."""
        if (pid := self.asterisk.pid) is None:
            raise LabError(f"Asterisk has ended; see {self.asterisk.log_path}")
        return pid

    def place(self, way: Way, rate: int, count: int) -> Calls:
        """Place calls, and return when every channel is gone and the journal is written.

        Ours are whole if the journal says so too: SIPp cannot tell the dialplan's fallback from the phone's answer.
        """
        answered = self.answered()
        calls = call(self.folder, CALLERS[way], self.asterisk.sip_address, NUMBER, rate=rate, count=count)
        self._wait(lambda: self.channels() == 0, "channels of past calls to end")
        if way == "native":
            return calls
        self._wait(self._journal_is_still, "the journal to be written")
        return replace(calls, whole=min(calls.whole, self.answered() - answered))

    def answered(self) -> int:
        """How many calls the journal says were answered."""
        return self._count("disposition = 'answered'")

    def _journal_is_still(self) -> bool:
        """No call is open, and none was added for twice the time that the journal gathers for."""
        before = self._count("true")
        time.sleep(2 * GATHER_SECONDS)
        return self._count("true") == before and not self._count("ended_at IS NULL")

    def _count(self, condition: str) -> int:
        with self._engine.connect() as connection:
            return int(connection.execute(sa.text(f"SELECT count(*) FROM calls WHERE {condition}")).scalar_one())

    def channels(self) -> int:
        """How many channels Asterisk has."""
        token = base64.b64encode(f"{self.asterisk.ari_user}:{self.asterisk.ari_password}".encode()).decode()
        request = urllib.request.Request(
            f"{self.asterisk.ari_url}/channels", headers={"Authorization": f"Basic {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return len(json.load(answer))

    @staticmethod
    def _wait(condition: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + SETTLE_SECONDS
        while not condition():
            if time.monotonic() > give_up:
                raise LabError(f"waited {SETTLE_SECONDS:g} s in vain for {what}")
            time.sleep(0.1)


@contextmanager
def site(database: str | None, command: Sequence[str] = SERVE) -> Iterator[Site]:
    """A site of its own in a temporary folder; everything started is ended by its process id.

    ``database``: SQLAlchemy's URL of an empty database; None for an SQLite file of the site's own.
    ``command``: what runs the controller.
    """
    _require()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="ari-app-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # an installed Asterisk runs as a user of its own, who must pass
        url = database or f"sqlite:///{folder}/ari-app.sqlite3"
        engine = _prepared(url)
        stack.callback(engine.dispose)
        asterisk = _asterisk(folder)
        stack.enter_context(asterisk)
        phone = Phone(folder, PHONE)
        stack.callback(phone.stop)
        controller = stack.enter_context(_controller(folder, url, asterisk, command))
        yield Site(folder, asterisk, engine, controller)


def _require() -> None:
    if not shutil.which("sipp"):
        raise LabError("sipp is missing: apt-get install sip-tester")
    addresses = [("127.0.0.1", SIP), PHONE, *CALLERS.values()]
    require_free([Port("udp", host, number, "SIP") for host, number in addresses])


def _prepared(url: str) -> sa.Engine:
    revisions.upgrade(url, revisions.SCHEMA_HEAD)
    engine = open_database(url)
    with engine.begin() as connection:
        if connection.execute(sa.text("SELECT count(*) FROM schemes")).scalar_one():
            raise LabError(f"{engine.url} has schemes already: give --database an empty one, it will be written to")
        for statement in SCHEME:
            connection.execute(sa.text(statement))
    return engine


def _asterisk(folder: Path) -> AsteriskInstance:
    kind = choose(os.environ.get("ASTERISK") or ("system" if shutil.which("asterisk") else "local"))
    if kind.name == "docker":
        raise LabError("the CPU time of an Asterisk in a container is not ours to read: use ASTERISK=local or system")
    settings = AsteriskSettings(sip_port=SIP, http_port=HTTP, rtp_start=RTP, rtp_end=RTP + 5999, lab=False)
    instance = AsteriskInstance(kind, folder / "asterisk", settings)
    instance.add("pjsip.d/bench.conf", TRUNKS)
    instance.add("extensions.d/bench.conf", NATIVE)
    return instance


@contextmanager
def _controller(folder: Path, url: str, asterisk: AsteriskInstance, command: Sequence[str]) -> Iterator[int]:
    """The controller as it is run in production; yields its process id once it is connected."""
    log = folder / "controller.log"
    own = {
        "DATABASE_URL": url,
        "ARI_URL": asterisk.ari_url,
        "ARI_USER": asterisk.ari_user,
        "ARI_PASSWORD_FILE": str(asterisk.instance_dir / "ari-password"),
        "ARI_APPLICATION": asterisk.settings.app,
        "MESSAGES_FOLDER": str(folder / "messages"),
        "MOST_CALLS": "0",  # what is asked is where it breaks
        "MOST_CALLS_A_SECOND": "0",
    }
    settings = folder / "ari-app.env"  # found there by the controller, whose working folder it is
    settings.touch(mode=0o600)
    settings.write_text("".join(f"ARI_APP_{name}={value}\n" for name, value in own.items()))
    others = {name: value for name, value in os.environ.items() if not name.startswith("ARI_APP_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=others,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_connected(process, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_connected(process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while " connected" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > give_up:
            raise LabError(f"the controller did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
