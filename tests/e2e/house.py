"""A whole installation for stories: an Asterisk with telephones, a migrated database and the controller."""

from __future__ import annotations

import itertools
import secrets
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ari_app.lab.asterisk import AsteriskInstance
from ari_app.storage import revisions
from tests.e2e.controller import Controller
from tests.e2e.journal import (
    Branch,
    Database,
    Destination,
    Dial,
    JournalledCall,
    Step,
    insert_branches,
    insert_scheme,
)
from tests.e2e.proxy import Proxy
from tests.e2e.sipp import Message, Sipp, Wire, free_port, ticks
from tests.e2e.voice import Part, Voice

CALLER = "127.0.0.10"
VANISHING_CALLER = "127.0.0.9"
OUTSIDE = "127.0.0.19"
"""A telephone that a house may have for its way outside: number_template="PJSIP/{number}@outside"."""
PHONES = 40
_ENDPOINTS = f"""
[sipp-caller](trunk)
transport = trunk-udp
rtp_timeout = 300
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
[sipp-caller]
type = identify
endpoint = sipp-caller
match = {CALLER}

[sipp-vanishing](trunk)
transport = trunk-udp
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
rtp_timeout = 1
[sipp-vanishing]
type = identify
endpoint = sipp-vanishing
match = {VANISHING_CALLER}
"""
_ENDPOINT = """
[{name}](trunk)
transport = trunk-udp
rtp_timeout = 300
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
aors = {name}
[{name}]
type = aor
contact = sip:{name}@{host}:{port}
"""


@dataclass(frozen=True)
class Extension:
    """A telephone's place in Asterisk's configuration."""

    name: str
    host: str
    port: int


class House:
    """An installation in a folder of its own. Starting and stopping its parts is the stories' business."""

    def __init__(
        self, folder: Path, asterisk: AsteriskInstance, *, through_proxy: bool = False, **settings: object
    ) -> None:
        self.folder = folder
        self.asterisk = asterisk
        self.database = Database(folder / "ari-app.sqlite3")
        self.messages = folder / "messages"
        self.extensions = itertools.cycle(self._install_phones())
        self._numbers = itertools.count(74950001001)
        self._stories = itertools.count(1)
        revisions.upgrade(self.database_url, revisions.SCHEMA_HEAD)
        if asterisk.pid is None:
            asterisk.start()
        self.proxy = Proxy(("127.0.0.1", asterisk.settings.http_port)) if through_proxy else None
        ours: dict[str, object] = {
            "database_url": self.database_url,
            "ari_url": f"http://127.0.0.1:{self.proxy.port}/ari" if self.proxy else asterisk.ari_url,
            "ari_application": asterisk.settings.app.split()[0],
            "ari_password_file": asterisk.instance_dir / "ari-password",
            "messages_folder": self.messages,
            "number_template": "PJSIP/{number}@lab-trunk",
            "log_level": "INFO",
        }
        self.controller = Controller(folder / "controller", ours | settings)

    @property
    def database_url(self) -> str:
        """The database as the controller's setting names it."""
        return f"sqlite:///{self.database.path}"

    def new_number(self) -> str:
        """A number of ours that no story had before; listed nowhere yet."""
        return f"+{next(self._numbers)}"

    def ari(self, path: str) -> Any:
        """What Asterisk answers to GET."""
        who = (self.asterisk.ari_user, self.asterisk.ari_password)
        return requests.get(f"{self.asterisk.ari_url}/{path}", auth=who, timeout=5).json()

    def left_in_asterisk(self) -> dict[str, list[str]]:
        """Channels, bridges and recordings that are there now; empty when there are none."""
        found = {
            "channels": [f"{one['id']} {one['name']} {one['state']}" for one in self.ari("channels")],
            "bridges": [one["id"] for one in self.ari("bridges")],
            "recordings": [path.name for path in self.asterisk.recordings.glob("*")],
        }
        return {what: there for what, there in found.items() if there}

    def tidy(self, seconds: float = 4, *, journal: bool = True) -> None:
        """Return once nothing is left of any call: not in Asterisk, and no open row in the journal."""
        left: object = None
        for _ in ticks(seconds):
            left = self.left_in_asterisk() or (journal and self.database.open_calls())
            if not left:
                return
        raise AssertionError(f"left behind after {seconds} s: {left}\n" + "\n".join(self.controller.lines[-20:]))

    def clear(self) -> None:
        """End what a story that failed has left, so that the next one is judged by its own doings."""
        if self.asterisk.pid is not None:
            self.asterisk.cli("channel request hangup all")
            with suppress(AssertionError):
                self.tidy(2)
            for path in self.asterisk.recordings.glob("*"):
                path.unlink()

    @contextmanager
    def story(self, *, journal: bool = True) -> Iterator[Stage]:
        """What one story has: phones, numbers and callers of its own. At its end nothing may be left of it."""
        stage = Stage(self, self.folder / f"story-{next(self._stories)}")
        try:
            yield stage
            stage.settle()
        except BaseException:
            stage.close()
            self.clear()
            raise
        stage.close()
        if self.asterisk.pid is not None:
            self.tidy(journal=journal)

    def close(self) -> None:
        """Stop all that runs."""
        self.controller.kill()
        self.asterisk.stop()
        if self.proxy is not None:
            self.proxy.close()

    def _install_phones(self) -> list[Extension]:
        hosts = [f"127.0.0.{20 + number}" for number in range(PHONES)]
        extensions = [Extension(f"phone-{n}", host, free_port(host)) for n, host in enumerate(hosts)]
        self.outside = Extension("outside", OUTSIDE, free_port(OUTSIDE))
        text = "".join(_ENDPOINT.format(**vars(one)) for one in (*extensions, self.outside))
        self.asterisk.add("pjsip.d/stories.conf", _ENDPOINTS + text)
        return extensions


@dataclass
class Phone:
    """A telephone performed by SIPp."""

    extension: Extension
    sipp: Sipp
    may_stumble: bool = False
    """Whether SIPp may be caught between two steps: it takes a CANCEL in the millisecond of its answer for an error."""

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.extension.name

    @property
    def wire(self) -> Wire:
        """What it saw."""
        return self.sipp.wire

    @property
    def invites(self) -> int:
        """How many calls it was offered."""
        return len(self.wire.all("INVITE", sent=False))


class DeadPhone:
    """A telephone that takes what it is sent and never says a word."""

    def __init__(self, extension: Extension) -> None:
        self.extension = extension
        self.name = extension.name
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((extension.host, extension.port))
        self._heard: list[Message] = []

    @property
    def wire(self) -> Wire:
        """What it was sent; the time is when it is asked."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                self._heard.append(Message(0.0, False, self._socket.recv(65535).decode(errors="replace")))
        return Wire(self._heard)

    @property
    def invites(self) -> int:
        """How many calls it was offered."""
        return len(self.wire.all("INVITE"))

    def close(self) -> None:
        """Free its port."""
        self._socket.close()


@dataclass
class Caller:
    """A caller performed by SIPp, with its voice."""

    dialled: str
    sipp: Sipp
    voice: Voice
    house: House
    errors: list[str] = field(default_factory=list)

    @property
    def wire(self) -> Wire:
        """What it saw."""
        return self.sipp.wire

    def over(self, seconds: float = 20) -> Wire:
        """Its whole wire, once the call has gone as its scenario says."""
        code = self.sipp.wait(seconds)
        assert code == 0, f"SIPp says {code}: {self.sipp.complaint()}"
        return self.wire

    def journalled(self, seconds: float = 5) -> JournalledCall:
        """The only call to the number dialled, once it is closed."""
        calls = self.house.database.closed(self.dialled, 1, seconds)
        assert len(calls) == 1
        return calls[0]

    def connected(self, seconds: float = 10) -> None:
        """Return once the journal has it that the caller talks with somebody."""
        for _ in ticks(seconds):
            if any(call.details("connected") for call in self.house.database.calls(self.dialled)):
                return
        raise AssertionError(f"nobody was connected in {seconds} s: {self.sipp.complaint()}")

    def begin_to_speak(self) -> None:
        """Speak as soon as the call is answered."""

        def when_answered() -> None:
            with suppress(AssertionError):  # never answered: the story itself says what it makes of that
                self.voice.speak_to(self.sipp.until(200, 30, sent=False).text)

        self.voice.start()
        threading.Thread(target=when_answered, daemon=True).start()


class Stage:
    """One story's phones, numbers and callers."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.phones: list[Phone | DeadPhone] = []
        self.callers: list[Caller] = []
        self.counts_invites = True
        self._folder = folder
        self._keys = itertools.count(1)

    # --- the called ---------------------------------------------------------------------------------------------------

    def phone(self, scenario: str = "phone", *, calls: int = 1, at: Extension | None = None, **places: object) -> Phone:
        """A telephone that performs a scenario of tests/sipp/phone*.xml, listening when this returns."""
        extension = at or next(self.house.extensions)
        sipp = Sipp(self._folder / extension.name, scenario, extension.host, extension.port, calls)
        # A key makes the branches of requests: one that was there within 32 s is a retransmission (RFC 3261, 17.2.2).
        key = f"{extension.name}-{secrets.token_hex(4)}" if at else extension.name
        defaults: dict[str, object] = {"key": key, "answer_ms": 300, "talk_ms": 30000}
        sipp.start({**defaults, **places})
        phone = Phone(extension, sipp)
        self.phones.append(phone)
        sipp.listen()
        return phone

    def answering(self, after_ms: int = 200, talk_ms: int = 30000) -> Phone:
        """A telephone that is picked up, and hung up after ``talk_ms``."""
        return self.phone(answer_ms=after_ms, talk_ms=talk_ms)

    def ringing(self) -> Phone:
        """A telephone that nobody picks up."""
        return self.phone(answer_ms=30000)

    def refusing(self, status: str, extra: str = "") -> Phone:
        """A telephone that refuses."""
        return self.phone("phone-refuses", status=status, extra=extra)

    def dead(self) -> DeadPhone:
        """A telephone that gives no sign."""
        phone = DeadPhone(next(self.house.extensions))
        self.phones.append(phone)
        return phone

    # --- the plan -----------------------------------------------------------------------------------------------------

    def plan(self, *steps: Step, branches: tuple[Branch, ...] = (), zone: str = "Europe/Moscow") -> str:
        """A number whose scheme has these steps, always; or these branches. In force when this returns."""
        number = self.house.new_number()
        mark = self.house.controller.mark
        with self.house.database.edit() as connection:
            scheme = insert_scheme(connection, f"scheme of {number}", branches or (Branch(steps),), zone)
            connection.execute("INSERT INTO numbers (e164, name, scheme_id) VALUES (?, ?, ?)", (number, "ours", scheme))
        if self.house.controller.running:
            self.house.controller.said(r"book \w+ in force", since=mark, seconds=2)
        return number

    def plan_again(self, number: str, *steps: Step) -> None:
        """Other steps for that number; in force when a controller is started."""
        with self.house.database.edit() as connection:
            scheme = connection.execute("SELECT scheme_id FROM numbers WHERE e164 = ?", (number,)).fetchone()[0]
            connection.execute("DELETE FROM branches WHERE scheme_id = ?", (scheme,))
            insert_branches(connection, scheme, (Branch(steps),))

    # --- the callers --------------------------------------------------------------------------------------------------

    def call(self, number: str, *says: Part, scenario: str = "caller", host: str = CALLER, **places: object) -> Caller:
        """A call that performs a scenario of tests/sipp/caller*.xml; returns at once."""
        key = f"caller-{next(self._keys)}"
        sipp = Sipp(self._folder / key, scenario, host, free_port(host))
        voice = Voice(host, says)
        caller = Caller(number, sipp, voice, self.house)
        self.callers.append(caller)
        defaults: dict[str, object] = {
            "key": f"{key}-{sipp.port}",
            "audio_port": voice.port,
            "talk_ms": 20000,
            "from": f"<sip:+79161112233@{host}>",
        }
        target = "{}:{}".format(*self.house.asterisk.sip_address)
        sipp.start({**defaults, **places}, "-s", number, target)
        if says:
            caller.begin_to_speak()
        return caller

    # --- the end ------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Every scenario went as written, and every leg of the journal is an INVITE that was sent."""
        for caller in self.callers:
            caller.over()
        for phone in self.phones:
            if isinstance(phone, Phone) and phone.invites:
                code = phone.sipp.wait()
                assert code == 0 or phone.may_stumble, f"{phone.name}: SIPp says {code}: {phone.sipp.complaint()}"
        if self.counts_invites:
            legs = self._legs()
            sent = {phone.name: phone.invites for phone in self.phones}
            named = {name: [leg["destination"] for leg in legs].count(name) for name in sent}
            assert named == sent, "legs of the journal are not the INVITEs of the wire"

    def _legs(self) -> list[dict[str, Any]]:
        placed = Counter(caller.dialled for caller in self.callers)
        closed = (self.house.database.closed(number, count) for number, count in placed.items())
        return [leg for calls in closed for call in calls for leg in call.legs]

    def close(self) -> None:
        """End every process that still runs."""
        for caller in self.callers:
            caller.sipp.stop()
            caller.voice.close()
        for phone in self.phones:
            phone.sipp.stop() if isinstance(phone, Phone) else phone.close()


def ring(
    *phones: Phone | DeadPhone | str, strategy: str = "in_turn", timeout: int = 5, delays: tuple[int, ...] = ()
) -> Dial:
    """A dial step for these phones, each with its delay."""
    waits = delays or (0,) * len(phones)
    names = [phone if isinstance(phone, str) else phone.name for phone in phones]
    return Dial(tuple(Destination(name, timeout, delay) for name, delay in zip(names, waits, strict=True)), strategy)
