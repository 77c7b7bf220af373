"""Where it takes place: a whole installation with every process of the product, and schemes for the stories."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ari_app.lab.asterisk import AsteriskInstance, choose
from ari_app.storage.revisions import SCHEMA_HEAD, upgrade
from tests.chaos.faults import Part
from tests.chaos.parts import Breakable, Postgres, Program, Sqlite, Switch, Way
from tests.chaos.stories import STORIES, TELEPHONES
from tests.e2e.controller import Controller
from tests.e2e.house import House
from tests.e2e.journal import Branch, insert_scheme
from tests.e2e.ports import on_free_ports
from tests.e2e.postgres_journal import PostgresDatabase
from tests.e2e.sipp import free_port
from tests.storage.postgres import PrivatePostgres

RTP_START, RTP_PORTS = 26000, 4000
STAFF = "sales@example.com"
APOLOGY = "Sorry, {caller}"
_TELEPHONE = """
[crowd-{name}](trunk)
transport = trunk-udp
rtp_timeout = 300
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
aors = crowd-{name}
[crowd-{name}]
type = aor
contact = sip:crowd-{name}@{host}:{port}
"""


@dataclass(frozen=True)
class Town:
    """Everything up: what is there, where each telephone and each story's number is, and what can be broken."""

    house: House
    programs: Mapping[Part, Program]
    parts: Mapping[Part, Breakable]
    telephones: Mapping[str, tuple[str, int]]
    numbers: Mapping[str, str]
    inbox: Path

    @property
    def spool(self) -> list[Path]:
        """Files of the journal that are not in the database yet."""
        return sorted((self.house.folder / "state").glob("*.spool"))


@contextmanager
def town(folder: Path, *, sqlite: bool = False, **settings: object) -> Iterator[Town]:
    """A town in a folder of its own; all that runs is ended."""
    with ExitStack() as stack:
        asterisk = AsteriskInstance(
            choose(os.environ.get("ASTERISK") or "local", lambda line: None),
            folder / "asterisk",
            on_free_ports("ari-app", RTP_START, RTP_PORTS),
        )
        telephones = _install_telephones(asterisk)
        server = None if sqlite else _server(stack)
        shared = _settings(folder, asterisk) | settings
        if server is not None:
            shared["database_url"] = server.url
        (folder / "house").mkdir()
        house = House(folder / "house", asterisk, through_proxy=True, **shared)
        stack.callback(house.close)
        assert house.proxy is not None
        if server is not None:
            house.database = PostgresDatabase(server.url)
        programs = _programs(house, shared)
        for program in programs.values():
            stack.callback(program.controller.kill)
            stack.callback(program.leave)
        numbers = _numbers(house)
        for program in programs.values():
            program.start()
        database: Breakable = Sqlite(house.database.path) if server is None else Postgres(server)
        others = {Part.ASTERISK: Switch(asterisk), Part.DATABASE: database, Part.WEBSOCKET: Way(house.proxy)}
        yield Town(house, programs, {**programs, **others}, telephones, numbers, folder / "inbox" / "inbox.jsonl")


def _settings(folder: Path, asterisk: AsteriskInstance) -> dict[str, object]:
    """What all programs are told alike: messages go out at any hour, and no cap stops them."""
    return {
        "sending_hours": "00:00-24:00",
        "sending_rate": 1000,
        "sms_day_cap": 1_000_000,
        "sender_name": "Clinic",
        "inbox_folder": folder / "inbox",
        "agi_port": asterisk.settings.agi_port,
        "monitor_port": _free_tcp_port(),
        "agi_monitor_port": _free_tcp_port(),
        "sender_monitor_port": _free_tcp_port(),
        "language": "en",
        "shutdown_seconds": 5,
    }


def _free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _install_telephones(asterisk: AsteriskInstance) -> dict[str, tuple[str, int]]:
    hosts = {phone.name: f"127.0.0.{80 + number}" for number, phone in enumerate(TELEPHONES)}
    where = {name: (host, free_port(host)) for name, host in hosts.items()}
    text = "".join(_TELEPHONE.format(name=name, host=host, port=port) for name, (host, port) in where.items())
    asterisk.add("pjsip.d/crowd.conf", text)
    return where


def _server(stack: ExitStack) -> PrivatePostgres:
    server = PrivatePostgres()
    stack.callback(server.stop)
    upgrade(server.url, SCHEMA_HEAD)
    return server


def _programs(house: House, shared: Mapping[str, object]) -> dict[Part, Program]:
    same = ("database_url", "ari_url", "ari_application", "ari_password_file", "messages_folder", "number_template")
    settings = {**{name: house.controller.setting(name) for name in same}, **shared}
    settings["ari_url"] = house.asterisk.ari_url  # only the controller's way is cut
    return {
        Part.CONTROLLER: Program(house.controller, r"ARI at .*: connected"),
        Part.FASTAGI: Program(Controller(house.folder / "agi", settings, "agi"), "FastAGI is ready"),
        Part.SENDER: Program(Controller(house.folder / "sender", settings, "sender"), "sender is running"),
    }


def _numbers(house: House) -> dict[str, str]:
    """List each story's number, with a rule that apologises at once and staff that hear of messages."""
    numbers = {story.name: house.new_number() for story in STORIES}
    with house.database.edit() as sql:
        team = sql.execute("INSERT INTO teams (name) VALUES ('crowd') RETURNING id").fetchone()[0]
        contact = "INSERT INTO team_contacts (team_id, channel, address) VALUES (?, 'email', ?)"
        sql.execute(contact, (team, STAFF))
        rule = "INSERT INTO apology_rules (name, text, delay_seconds) VALUES ('crowd', ?, 0) RETURNING id"
        rule_id = sql.execute(rule, (APOLOGY,)).fetchone()[0]
        for story in STORIES:
            if story.listed:
                scheme = insert_scheme(sql, story.name, (Branch(story.steps),), "Europe/Moscow")
                insert = "INSERT INTO numbers (e164, name, scheme_id, team_id) VALUES (?, ?, ?, ?)"
                sql.execute(insert, (numbers[story.name], story.name, scheme, team))
                rules = "INSERT INTO apology_rule_numbers (rule_id, e164) VALUES (?, ?)"
                sql.execute(rules, (rule_id, numbers[story.name]))
    return numbers
