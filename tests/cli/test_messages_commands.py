"""`messages` and `calls play` as typed, on SQLite and PostgreSQL, and on a real terminal."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.desks import LONG, DeskCli, at_a_terminal

ANNA, BORIS = "+79160000001", "+79160000002"


def send(cli: DeskCli, *options: str, text: str = "Hello {name}", code: int = 0) -> dict[str, object]:
    """Write by hand as a script does."""
    told: dict[str, object] = cli.json("messages", "send", "--text", text, "--yes", *options, code=code)
    return told


@pytest.fixture
def reached(both: DeskCli) -> DeskCli:
    """With a client who is reached by e-mail, too."""
    both("clients", "set", ANNA, "--name", "Anna", "--email", "anna@example.com")
    return both


@pytest.mark.promise("YCL-02", "YCL-03")
def test_it_goes_to_one_or_many_over_one_channel_or_all(reached: DeskCli, tmp_path: Path) -> None:
    clients = tmp_path / "clients.txt"
    clients.write_text(f"{ANNA}  # the first\n\n8 916 000-00-02\n# nobody\n")
    assert send(reached, "--to", "89160000001")["queued"] == 1
    assert send(reached, "--to-file", str(clients), "--channel", "sms", "--channel", "email")["queued"] == 3
    assert send(reached, "--to", ANNA, "--all-channels", "--subject", "News")["queued"] == 2
    told = reached.json("messages", "list")["messages"]
    assert [(one["channel"], one["recipient"], one["text"]) for one in reversed(told)] == [
        ("sms", ANNA, "Hello Anna"),
        ("sms", ANNA, "Hello Anna"),
        ("email", "anna@example.com", "Hello Anna"),
        ("sms", BORIS, "Hello"),
        ("sms", ANNA, "Hello Anna"),
        ("email", "anna@example.com", "Hello Anna"),
    ]
    assert told[0]["subject"] == "News"


def test_who_gets_nothing_is_told_and_nobody_left_is_a_no(reached: DeskCli) -> None:
    reached("clients", "refuse", ANNA, "--channel", "sms")
    done = reached("messages", "send", "--to", ANNA, "--to", BORIS, "--text", "Hi", "--yes")
    assert f"not to {ANNA} by sms: the client has refused SMS\n" in done.stderr
    assert done.stdout.startswith("1 message queued (id 1), due ")
    done = reached("messages", "send", "--to", ANNA, "--text", "Hi", code=1)
    assert done.stdout == "Nothing is queued.\n"
    assert send(reached, "--to", ANNA, code=1)["queued"] == 0


@pytest.mark.promise("YCL-07")
def test_its_time_can_be_set_in_the_zone_of_the_sending_hours(both: DeskCli) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()
    send(both, "--to", ANNA, "--at", f"{tomorrow}T11:30")
    assert both.json("messages", "list")["messages"][0]["due_at"] == f"{tomorrow}T08:30:00Z"
    assert (
        "is past; give a moment that is to come"
        in both(*("messages", "send", "--to", ANNA, "--text", "x", "--at", "2026-01-01T10:00"), code=1).stderr
    )
    assert "is not a moment" in both("messages", "send", "--to", ANNA, "--text", "x", "--at", "soon", code=2).stderr


def test_all_that_is_missing_is_told_at_once(both: DeskCli) -> None:
    told = both("messages", "send", code=1).stderr
    assert told.splitlines() == [
        "Error: nobody is written to: give the number of a client or more",
        "there is no text: write what the client shall read",
    ]
    assert "not both" in both("messages", "send", "--channel", "sms", "--all-channels", code=2).stderr


@pytest.mark.parametrize(("answer", "code", "queued"), [("y", 0, 2), ("", 1, 0)])
def test_a_person_is_asked_before_many_are_written_to(one: DeskCli, answer: str, code: int, queued: int) -> None:
    wanted = ("messages", "send", "--to", ANNA, "--to", BORIS, "--text", LONG)
    done, told = at_a_terminal(*wanted, answer=answer or "n", columns=200)
    assert done == code
    assert "2 messages to 2 clients, 4 SMS in all, 14.00 RUB." in told
    assert len(one.json("messages", "list")["messages"]) == queued


@pytest.mark.promise("YCL-10", "YCL-11", "YCL-12")
def test_the_history_is_listed_shown_and_filtered(reached: DeskCli) -> None:
    send(reached, "--to", ANNA, "--item", "visit-7", "--team", "Demo sales")
    send(reached, "--to", ANNA, "--channel", "email", "--advertising")
    send(reached, "--to", BORIS)

    def found(*options: str) -> list[int]:
        return [one["id"] for one in reached.json("messages", "list", *options)["messages"]]

    for options, ids in (
        ((), [3, 2, 1]),
        (("--client", "8 916 000 00 01"), [2, 1]),
        (("--recipient", "anna@example.com"), [2]),
        (("--kind", "by-hand"), [3, 1]),
        (("--channel", "email"), [2]),
        (("--state", "queued", "--limit", "2"), [3, 2]),
        (("--audience", "staff"), []),
        (("--team", "Demo sales"), [1]),
        (("--item", "visit-7"), [1]),
        (("--since", "1h"), [3, 2, 1]),
        (("--until", "1h"), []),
        (("--number", "+74950000101"), []),
        (("--rule", "Sales"), []),
    ):
        assert found(*options) == ids, options
    assert "is not a telephone number" in reached("messages", "list", "--client", "x", code=2).stderr
    lines = reached("messages", "show", "last").stdout.splitlines()
    assert lines[0] == "message   3, by hand by sms"
    assert lines[1] == f"to        client {BORIS}"
    assert lines[4] == "state     queued"
    assert lines[-1] == "Hello"
    assert reached.json("messages", "show", "1")["message"]["item"] == "visit-7"
    assert "there is no message 9" in reached("messages", "show", "9", code=1).stderr
    assert "is no id of a message" in reached("messages", "show", "x", code=2).stderr
    columns = reached("messages", "list").stdout.splitlines()[0].split()
    assert columns == [
        "id",
        "taken",
        "in",
        "(UTC)",
        "kind",
        "channel",
        "to",
        "parts",
        "rule",
        "or",
        "user",
        "why",
        "state",
    ]


def test_the_history_is_read_page_by_page(both: DeskCli) -> None:
    for _ in range(5):
        send(both, "--to", ANNA)
    ids, cursor = [], None
    while True:
        page = both.json("messages", "list", "--limit", "2", *(("--page", cursor) if cursor else ()))
        ids += [one["id"] for one in page["messages"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert ids == [5, 4, 3, 2, 1]
    done = both("messages", "list", "--limit", "2")
    assert done.stderr.startswith("There are more: --page ")
    assert "no cursor" in both("messages", "list", "--page", "x", code=1).stderr


def test_no_messages_is_an_answer_too(both: DeskCli) -> None:
    assert both("messages", "list").stdout == "No such messages.\n"
    assert both("messages", "stats").stdout == "No messages in that time.\n"
    assert "there are no messages yet" in both("messages", "show", "last", code=1).stderr


@pytest.mark.fault("28")
def test_what_waits_is_cancelled_what_failed_is_sent_again_what_is_unknown_is_not(both: DeskCli) -> None:
    send(both, "--to", ANNA)
    assert both("messages", "cancel", "1").stdout == "message 1 is cancelled\n"
    assert "message 1 is cancelled; only one that is queued" in both("messages", "cancel", "1", code=1).stderr
    assert "write it anew" in both("messages", "retry", "1", code=1).stderr
    both.sql("UPDATE messages SET state = 'failed'")
    assert both("messages", "retry", "1").stdout.startswith("message 1 is queued again, due ")
    both.sql("UPDATE messages SET state = 'unknown'")
    assert "nobody knows whether it arrived" in both("messages", "retry", "1", code=1).stderr
    assert [one["state"] for one in both.json("messages", "show", "1")["events"]] == ["cancelled", "queued"]
    (told,) = both.json("messages", "stats")["counts"]
    assert told == {"kind": "by_hand", "channel": "sms", "state": "unknown", "messages": 1, "parts": 1}
    assert both("messages", "stats").stdout.splitlines()[-1] == "SMS have cost 3.50 RUB"


# --- the message of a call -------------------------------------------------------------------------------------------

NAME = "voicemail-0123456789abcdef0123456789abcdef"


@pytest.fixture
def recorded(both: DeskCli) -> DeskCli:
    """With a call in which a message was left."""
    folder, at = both.database.parent / "messages", "2026-03-02 09:30:00.000000"
    folder.mkdir()
    (folder / f"{NAME}.wav").write_bytes(b"wav of the message")
    (folder / f"{NAME}.mp3").write_bytes(b"mp3 of the message")
    both.sql(
        "INSERT INTO calls (id, arrived_at, caller, caller_raw, dialled_raw, disposition, ended_at) VALUES "
        f"('20260302-1', '{at}', '{ANNA}', '{ANNA}', 'x', 'message_left', '{at}')",
        f"INSERT INTO voicemail_messages (name, call_id, length_ms) VALUES ('{NAME}', '20260302-1', 4200)",
    )
    return both


@pytest.mark.promise("RNG-19")
def test_the_message_of_a_call_is_found_and_copied(recorded: DeskCli, tmp_path: Path) -> None:
    folder = recorded.database.parent / "messages"
    assert recorded("calls", "play", "last").stdout == f"{folder}/{NAME}.mp3  4.2 s\n"
    copy = tmp_path / "copy.wav"
    recorded("calls", "play", "2026", "--output", str(copy))
    assert copy.read_bytes() == b"wav of the message"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    (one,) = recorded.json("calls", "play", "last")["messages"]
    assert one == {
        "name": NAME,
        "seconds": 4.2,
        "files": {ending: f"{folder}/{NAME}.{ending}" for ending in ("mp3", "wav")},
    }
    assert "must end in .mp3 or .wav" in recorded("calls", "play", "last", "--output", "x.ogg", code=1).stderr
    assert "has 1 message, and no 2th" in recorded("calls", "play", "last", "--message", "2", code=1).stderr
    told = recorded.json("users", "log", "--subject", "recordings")["changes"]
    assert {(one["action"], one["target"]) for one in told} == {("hear", "20260302-1")}


@pytest.mark.promise("RNG-19")
def test_a_message_is_played_by_what_the_machine_has(
    recorded: DeskCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    assert "there is no player on this machine" in recorded("calls", "play", "last", "--play", code=1).stderr
    heard = tmp_path / "heard"
    player = programs / "aplay"
    player.write_text(f'#!/bin/sh\necho "$@" > {heard}\n')
    player.chmod(0o755)
    recorded("calls", "play", "last", "--play")
    assert heard.read_text() == f"-q {recorded.database.parent}/messages/{NAME}.wav\n"
    player.write_text("#!/bin/sh\nexit 3\n")
    assert "aplay could not play" in recorded("calls", "play", "last", "--play", code=1).stderr


@pytest.mark.promise("RNG-19")
def test_who_may_not_hear_recordings_hears_none(recorded: DeskCli) -> None:
    recorded("users", "add", "anna")
    told = recorded("calls", "play", "last", "--as", "anna", code=1)
    assert "anna may not view recordings" in told.stderr
    assert NAME not in told.stdout
    recorded("users", "grant", "anna", "recordings", "view")
    assert NAME in recorded("calls", "play", "last", "--as", "anna").stdout


def test_why_nothing_can_be_played_is_said(recorded: DeskCli) -> None:
    for file in (recorded.database.parent / "messages").iterdir():
        os.unlink(file)
    assert "ARI_APP_MESSAGES_FOLDER is not the controller's" in recorded("calls", "play", "last", code=1).stderr
