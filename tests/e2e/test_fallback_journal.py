"""What the dialplan did without a controller is in the journal once one is back: once, with the messages it brings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_app.audio import wav
from tests.e2e.controller import Controller
from tests.e2e.house import House, Stage, ring
from tests.e2e.journal import JournalledCall, Step, Voicemail
from tests.e2e.sipp import ticks
from tests.e2e.test_fallback import SPEAKS, SPEAKS_LONG
from tests.e2e.voice import Silence, Speech

pytestmark = [pytest.mark.fault("4"), pytest.mark.promise("OUR-08")]


@pytest.fixture(scope="module")
def deserted(new_house: Callable[..., House]) -> House:
    """An installation whose controllers do not run, unless a story starts them."""
    return new_house()


@pytest.fixture(scope="module")
def fastagi(deserted: House) -> Iterator[Controller]:
    """Its FastAGI, a process of its own."""
    settings = {"database_url": deserted.database_url, "agi_port": deserted.asterisk.settings.agi_port}
    agi = Controller(deserted.folder / "agi", settings, "agi")
    yield agi
    agi.kill()


def plan(house: House, stage: Stage, *steps: Step) -> str:
    """A number of a team of its own, with an apology rule and somebody to tell of messages."""
    number = stage.plan(*steps)
    with house.database.edit() as sql:
        team = sql.execute("INSERT INTO teams (name) VALUES (?) RETURNING id", (f"team {number}",)).fetchone()[0]
        sql.execute("UPDATE numbers SET team_id = ? WHERE e164 = ?", (team, number))
        insert = "INSERT INTO apology_rules (name, text) VALUES (?, 'Sorry') RETURNING id"
        its_id = sql.execute(insert, (f"rule {number}",)).fetchone()[0]
        sql.execute("INSERT INTO apology_rule_numbers (rule_id, e164) VALUES (?, ?)", (its_id, number))
        insert = "INSERT INTO team_contacts (team_id, channel, address) VALUES (?, 'email', 'sales@example.com')"
        sql.execute(insert, (team,))
    return number


def outbox(house: House, call: JournalledCall) -> list[tuple[str, str]]:
    """Kind and channel of the messages that a call brings."""
    rows = house.database.rows("SELECT kind, channel FROM messages WHERE call_id = ? ORDER BY id", call.call["id"])
    return [(row["kind"], row["channel"]) for row in rows]


def notes(house: House) -> list[str]:
    """What the dialplan has written down and nobody taken in."""
    return [line for line in house.asterisk.cli("database show ari-app").splitlines() if line.startswith("/")]


def no_channels(house: House, seconds: float = 5) -> None:
    """Return once no call is live: Asterisk gives a signal to nobody but a controller, so it is asked."""
    for _ in ticks(seconds):
        if not house.ari("channels"):
            return
    raise AssertionError("a call lives on")


@dataclass(frozen=True)
class Outage:
    """What is on record of calls that came while no controller ran, after two at once have come back."""

    house: House
    calls: dict[str, JournalledCall]
    controllers: tuple[Controller, Controller]


@pytest.fixture(scope="module")
def outage(deserted: House, fastagi: Controller) -> Outage:
    """All of its calls: with FastAGI, then without."""
    house = deserted
    ours = {name: house.controller.setting(name) for name in _SETTINGS}
    other = Controller(
        house.folder / "other", {**ours, "ari_application": "ari-app-2", "messages_folder": _OTHER}, "serve"
    )
    with house.story(journal=False) as stage:
        stage.counts_invites = False
        numbers = _place(house, fastagi, stage)
        assert len(notes(house)) > 20
        try:
            for controller in (house.controller, other):
                controller.start()
            found = {name: house.database.closed(number, 1, 25) for name, number in numbers.items()}
            for _ in ticks(10):
                if not notes(house):
                    break
        finally:
            house.controller.kill()
            other.kill()
    assert {len(calls) for calls in found.values()} == {1}, "each is entered once"
    return Outage(house, {name: calls[0] for name, calls in found.items()}, (house.controller, other))


_OTHER = "other-messages"
_SETTINGS = ("database_url", "ari_url", "ari_password_file", "number_template")


def _place(house: House, fastagi: Controller, stage: Stage) -> dict[str, str]:
    busy, answering, never = stage.refusing("486 Busy Here"), stage.answering(), stage.ringing()
    numbers = {
        "message": plan(house, stage, ring(busy), Voicemail()),
        "talk": plan(house, stage, ring(answering)),
        "lost": plan(house, stage, ring(never)),
        "alone": plan(house, stage, ring(busy)),
        "hasty": plan(house, stage, ring(never)),
    }
    fastagi.start(until="FastAGI is ready")
    stage.call(numbers["message"], *SPEAKS)
    stage.call(numbers["talk"], talk_ms=500)
    stage.call(numbers["lost"], scenario="caller-cancels", ring_ms=1500)
    stage.call(numbers["hasty"], scenario="caller-cancels", ring_ms=300)
    stage.call("h", scenario="caller-refused", status=603)
    for caller in stage.callers:
        caller.over()
    assert fastagi.stop() == 0
    stage.call(numbers["alone"], *SPEAKS_LONG).over()
    no_channels(house)
    return numbers


def test_a_message_that_fastagi_let_be_taken_is_on_record_and_announced(outage: Outage) -> None:
    call = outage.calls["message"]
    assert call.verdict == ("message_left", "message")
    assert [outcome for _, outcome in call.outcomes] == ["busy"]
    assert (call.legs[0]["cause"], call.legs[0]["cause_text"]) == (17, "SIP 486")
    assert [entry["kind"] for entry in call.details("step_began")] == ["dial", "voicemail"]
    assert outbox(outage.house, call) == [("voicemail_notice", "email")]
    assert message(outage.house, call).voiced_seconds > 0.7, "half of speech is pauses"


def test_a_message_that_the_dialplan_took_alone_is_on_record_and_announced(outage: Outage) -> None:
    call = outage.calls["alone"]
    assert call.verdict == ("message_left", "message")
    assert len(call.details("fallback_alone")) == 1
    assert outbox(outage.house, call) == [("voicemail_notice", "email")]
    assert message(outage.house, call).voiced_seconds > 0.7, "half of speech is pauses"


def test_a_talk_is_on_record(outage: Outage) -> None:
    call = outage.calls["talk"]
    assert call.verdict == ("answered", "talked")
    assert [outcome for _, outcome in call.outcomes] == ["answered"]
    assert call.legs[0]["ended_ms"] - call.legs[0]["answered_ms"] == pytest.approx(500, abs=150)
    assert outbox(outage.house, call) == []


def test_a_lost_call_is_apologised_for(outage: Outage) -> None:
    call = outage.calls["lost"]
    assert call.verdict == ("lost", "hung_up_while_ringing")
    assert [outcome for _, outcome in call.outcomes] == ["caller_left"]
    assert ("apology", "sms") in outbox(outage.house, call)


def test_a_caller_who_leaves_while_he_is_offered_to_controllers_has_called(outage: Outage) -> None:
    call = outage.calls["hasty"]
    assert call.verdict == ("lost", "hung_up_while_ringing")
    assert call.call["caller"] == "+79161112233"
    assert ("apology", "sms") in outbox(outage.house, call)


@pytest.mark.fault("16")
def test_who_dials_what_the_dialplan_calls_a_hang_up_has_called_nobody(outage: Outage) -> None:
    assert outage.house.database.rows("SELECT id FROM calls WHERE dialled_raw IN ('', 'h')") == []


def test_nothing_is_left_for_anybody_to_enter_again(outage: Outage) -> None:
    assert notes(outage.house) == []
    assert list(outage.house.asterisk.recordings.iterdir()) == []
    stored = [path.suffix for folder in folders(outage.house) for path in folder.glob("voicemail-*")]
    assert sorted(stored) == [".mp3", ".mp3", ".wav", ".wav"]
    assert not [line for each in outage.controllers for line in each.lines if "Traceback" in line]


def folders(house: House) -> tuple[Path, Path]:
    """Where the two controllers keep messages."""
    return house.messages, house.folder / "other" / _OTHER


def message(house: House, call: JournalledCall) -> wav.Audio:
    """The message of a call, from the folder of whichever controller entered it."""
    (row,) = call.messages
    (path,) = [path for folder in folders(house) if (path := folder / f"{row['name']}.wav").exists()]
    return wav.read(path.read_bytes())


@pytest.mark.fault("8")
def test_a_message_that_asterisk_was_killed_under_is_kept(deserted: House, outage: Outage) -> None:
    """After the others: their calls must not be under way when Asterisk goes."""
    house = deserted
    with house.story(journal=False) as stage:
        stage.counts_invites = False
        number = plan(house, stage, Voicemail())
        caller = stage.call(number, Silence(7), Speech(15), scenario="caller-vanishes")
        for _ in ticks(20):
            if any(path.stat().st_size > 60_000 for path in house.asterisk.recordings.glob("fallback-*.wav")):
                break
        house.asterisk.kill()
        caller.sipp.stop()
        stage.callers.remove(caller)
        house.asterisk.start()
        house.controller.start()
        (call,) = house.database.closed(number, 1, 25)
        for _ in ticks(5):
            if not notes(house):
                break
        assert house.controller.stop() == 0
    assert call.verdict == ("message_left", "message")
    assert call.details("caller_left") == [{"how": "line_lost"}]
    assert message(house, call).voiced_seconds > 0.7, "half of speech is pauses"
    assert notes(house) == []
