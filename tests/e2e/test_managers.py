"""The responsible manager on real Asterisk: by a CRM that is a file, and by one over HTTP that is slow or broken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.house import House, Phone, Stage
from tests.e2e.journal import Destination, Dial, HangUp, JournalledCall, Voicemail
from tests.e2e.test_takeup import dead, recovered, until
from tests.e2e.voice import Key, Silence, Speech

CALLER = "+79161112233"
BUDGET = 1.5
SOON = 0.5
"""Seconds that a phone may take to hear of its call, on a busy machine."""
_HEAD = "phone,entity,open,manager,name\n"
_CONFIGURATION = """\
crms:
  - {{kind: csv, name: file, file: crm.csv, believe: 0, believe_none: 0}}
  - kind: pipedrive
    name: slow
    url: http://127.0.0.1:{slow}
    allow_private: true
    api_token: not a secret
    failures: 100
  - kind: pipedrive
    name: broken
    url: http://127.0.0.1:{broken}
    allow_private: true
    api_token: not a secret
    failures: 2
    pause: 3600
"""


@dataclass
class Offices:
    """Two CRMs of a vendor's kind: one takes questions and says nothing, the other is out of order."""

    asked: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    servers: list[ThreadingHTTPServer] = field(default_factory=list)

    def open(self, name: str, status: int) -> int:
        """Listen; the port."""
        offices = self

        class Office(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                offices.asked.append(name)
                if name == "slow":
                    offices.let_go.wait(60)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Office)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.servers.append(server)
        return int(server.server_address[1])

    def close(self) -> None:
        """Let everybody go."""
        self.let_go.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def offices() -> Iterator[Offices]:
    """The CRMs over HTTP."""
    made = Offices()
    yield made
    made.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, offices: Offices) -> Path:
    """Where the configuration of CRMs is, and the file that is one."""
    made = tmp_path_factory.mktemp("crm")
    (made / "crm.csv").write_text(_HEAD)
    ports = {"slow": offices.open("slow", 200), "broken": offices.open("broken", 500)}
    configuration = made / "crm.yaml"
    configuration.write_text(_CONFIGURATION.format(**ports))
    configuration.chmod(0o600)
    return made


@pytest.fixture(scope="module")
def office(new_house: Callable[..., House], folder: Path) -> House:
    """An installation whose controller asks CRMs."""
    made = new_house(crm_file=folder / "crm.yaml", shutdown_seconds=1)
    made.controller.start()
    return made


@pytest.fixture
def scene(office: House) -> Iterator[Stage]:
    """A story in it."""
    if not office.controller.running:
        office.controller.start()
    with office.story() as stage:
        yield stage
    assert not [line for line in office.controller.lines if "Traceback" in line], "\n".join(office.controller.lines)


def manager(target: str, timeout: int = 5) -> Destination:
    return Destination(target, timeout, kind="manager")


def of(phone: Phone, timeout: int = 5) -> Destination:
    return Destination(phone.name, timeout)


def records(folder: Path, *lines: str) -> None:
    """What the file says, from the next call on."""
    (folder / "crm.csv").write_text(_HEAD + "".join(f"{line}\n" for line in lines))


@contextmanager
def rung_at(stage: Stage, who: str, *phones: Phone, crm: str = "file") -> Iterator[None]:
    """The manager's destinations, in force in the block."""
    rows = [(crm, who, "endpoint", phone.name) for phone in phones]
    mark = stage.house.controller.mark
    with stage.house.database.edit() as connection:
        connection.executemany(
            "INSERT INTO manager_destinations (crm, manager, kind, target) VALUES (?, ?, ?, ?)", rows
        )
    stage.house.controller.said(r"book \w+ in force", since=mark, seconds=2)
    yield
    with stage.house.database.edit() as connection:
        connection.execute("DELETE FROM manager_destinations WHERE crm = ? AND manager = ?", (crm, who))


def why(call: JournalledCall) -> list[object]:
    """Why no manager was rung."""
    return [details["why"] for details in call.details("no_manager")]


@pytest.mark.promise("RNG-11", "RNG-12", "RNG-13")
def test_all_phones_of_the_manager_ring_whom_the_first_open_record_names(scene: Stage, folder: Path) -> None:
    silent, picked_up, other = scene.ringing(), scene.answering(talk_ms=500), scene.ringing()
    records(
        folder, f"{CALLER},lead,no,ivan@example.com,Ivan", f"{CALLER},deal,yes,8,Petr",
        f"{CALLER},contact,yes,olga@example.com,Olga", "+79161112244,lead,yes,9,Vera",
    )  # fmt: skip
    number = scene.plan(Dial((manager("file:lead,contact,deal"), of(other))), HangUp())
    with rung_at(scene, "olga@example.com", silent, picked_up):
        caller = scene.call(number)
        wire = caller.over()
        call = caller.journalled()

    assert call.verdict == ("answered", "talked"), call.told
    assert sorted(call.outcomes) == sorted([(picked_up.name, "answered"), (silent.name, "answered_elsewhere")])
    (found,) = call.details("manager_found")
    assert (found["entity"], found["manager"], found["name"]) == ("contact", "olga@example.com", "Olga")
    assert abs(silent.wire.one("INVITE").at - picked_up.wire.one("INVITE").at) < SOON, "together"
    assert silent.wire.one("INVITE").at - wire.one("INVITE").at < SOON
    assert other.invites == 0


@pytest.mark.promise("RNG-11")
def test_a_manager_with_one_phone_is_rung_by_dial(scene: Stage, folder: Path) -> None:
    phone = scene.answering(talk_ms=500)
    records(folder, f"{CALLER},lead,yes,7,")
    number = scene.plan(Dial((manager("file:lead"),)), HangUp())
    with rung_at(scene, "7", phone):
        caller = scene.call(number)
        caller.over()
        assert caller.journalled().outcomes == [(phone.name, "answered")]


@pytest.mark.promise("RNG-14")
def test_nobody_is_found_and_the_next_destination_rings(scene: Stage, folder: Path) -> None:
    phone = scene.answering(talk_ms=500)
    records(folder, f"{CALLER},lead,no,7,Ivan")
    caller = scene.call(scene.plan(Dial((manager("file:lead"), of(phone))), HangUp()))
    caller.over()
    call = caller.journalled()
    assert call.outcomes == [(phone.name, "answered")]
    assert why(call) == ["none"]


@pytest.mark.promise("RNG-14")
def test_without_a_next_destination_the_call_ends_or_goes_to_voicemail(scene: Stage, folder: Path) -> None:
    records(folder)
    ended = scene.call(scene.plan(Dial((manager("file:lead"),))), scenario="caller-refused", status=480)
    ended.over()
    assert ended.journalled().verdict == ("lost", "ended_by_scheme")

    left = scene.call(
        scene.plan(Dial((manager("file:lead"),)), Voicemail()), Silence(2), Speech(3), Key("#"), Silence(5)
    )
    left.over()
    call = left.journalled()
    assert call.verdict == ("message_left", "message"), call.told
    assert why(call) == ["none"]


@pytest.mark.promise("RNG-14")
def test_a_slow_crm_costs_its_budget_in_turn_and_the_caller_hears_ringing(scene: Stage) -> None:
    phone = scene.answering(talk_ms=500)
    caller = scene.call(scene.plan(Dial((manager("slow"), of(phone))), HangUp()))
    wire = caller.over()
    call = caller.journalled()
    assert call.outcomes == [(phone.name, "answered")]
    assert why(call) == ["slow"]
    assert phone.wire.one("INVITE").at - wire.one("INVITE").at == pytest.approx(BUDGET, abs=SOON)
    assert wire.all(180)[0].at - wire.one("INVITE").at < SOON


@pytest.mark.promise("RNG-14")
def test_a_slow_crm_delays_nobody_who_rings_beside(scene: Stage) -> None:
    phone = scene.answering(talk_ms=500)
    caller = scene.call(scene.plan(Dial((manager("slow"), of(phone)), "all_at_once"), HangUp()))
    wire = caller.over()
    assert phone.wire.one("INVITE").at - wire.one("INVITE").at < SOON
    assert caller.journalled().outcomes == [(phone.name, "answered")]


@pytest.mark.promise("RNG-14")
def test_a_crm_that_fails_is_passed_over_and_soon_left_alone(scene: Stage, offices: Offices) -> None:
    reasons = []
    for _ in range(3):
        phone = scene.answering(talk_ms=300)
        caller = scene.call(scene.plan(Dial((manager("broken"), of(phone))), HangUp()))
        wire = caller.over()
        call = caller.journalled()
        assert call.outcomes == [(phone.name, "answered")]
        assert phone.wire.one("INVITE").at - wire.one("INVITE").at < BUDGET + SOON
        reasons += why(call)
    assert reasons == ["failed", "failed", "paused"]
    assert offices.asked.count("broken") == 2


@pytest.mark.fault("3")
@pytest.mark.promise("RNG-13", "OUR-08")
def test_a_manager_who_rings_goes_on_ringing_under_the_next_controller(scene: Stage, folder: Path) -> None:
    phones = [scene.ringing(), scene.answering(after_ms=4000, talk_ms=500)]
    records(folder, f"{CALLER},lead,yes,7,Ivan")
    number = scene.plan(Dial((manager("file:lead", 15),)), HangUp())
    with rung_at(scene, "7", *phones):
        caller = scene.call(number)
        until(caller, "leg_rang", count=2)
        with dead(scene):
            pass
        caller.over()
        call = caller.journalled()
    assert dict(call.outcomes)[phones[1].name] == "answered", call.told
    assert recovered(call)
    assert len(call.details("manager_found")) == 1
    assert len(call.legs) == 2
