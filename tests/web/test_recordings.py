"""Calls and what callers left, over HTTP: for those who may hear it, and never a file that the journal merely names."""

from __future__ import annotations

import itertools
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.audio import mp3, wav
from ari_app.core.rights import Right, Subject
from tests.web.house import OPEN, House, only

_SECONDS = itertools.count()


def voicemail(house: House, name: str = "") -> tuple[str, bytes]:
    """A call whose caller left a message; its id and the wav."""
    name = name or f"voicemail-{secrets.token_hex(16)}"
    call = f"20261121-200144-{next(_SECONDS):010x}"
    client, zone = house.client(), "" if house.url.startswith("sqlite") else "+00"
    at = f"'{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}{zone}'"
    house.sql(
        "INSERT INTO calls (id, arrived_at, caller, caller_raw, dialled, dialled_raw, disposition, reason, ended_at) "
        f"VALUES ('{call}', {at}, '{client}', '{client}', '{OPEN}', '{OPEN}', 'message_left', 'message', {at})",
        f"INSERT INTO call_events (call_id, seq, at_ms, kind, details) VALUES ('{call}', 1, 2500, 'message_left', "
        """'{"seconds": 1.0}')""",
        "INSERT INTO voicemail_messages (name, call_id, length_ms, written_at) "
        f"VALUES ('{name}', '{call}', 1000, {at})",
    )
    content = wav.write(wav.read(Path("sounds/beep.wav").read_bytes()))
    folder = house.folder / "messages"
    folder.mkdir(exist_ok=True)
    if "/" not in name:
        (folder / f"{name}.wav").write_bytes(content)
        (folder / f"{name}.mp3").write_bytes(mp3.encode(wav.read(content)))
    return call, content


@pytest.mark.promise("RNG-19")
def test_a_message_is_played_from_the_journal(house: House) -> None:
    call, content = voicemail(house)
    shown = house.get(f"/v1/calls/{call}")
    assert shown["disposition"] == "message_left"
    assert [told["sentence"] for told in shown["timeline"]] == ["a message of 1.0 s is kept"]
    (recording,) = shown["recordings"]
    assert recording["seconds"] == 1.0
    whole = house.ask("GET", recording["wav"])
    assert (whole.status_code, whole.headers["Content-Type"], whole.content) == (200, "audio/wav", content)
    assert whole.headers["Content-Disposition"] == f'inline; filename="{call}.wav"'
    as_mp3 = house.ask("GET", recording["mp3"])
    assert as_mp3.headers["Content-Type"] == "audio/mpeg"
    assert as_mp3.content[:2] == b"\xff\xfb" or as_mp3.content[:3] == b"ID3" or as_mp3.content[0] == 0xFF


@pytest.mark.promise("RNG-19")
def test_parts_of_a_message_are_had_by_range(house: House) -> None:
    call, content = voicemail(house)
    part = house.ask("GET", f"/v1/calls/{call}/message.wav", headers={"Range": "bytes=44-1043"})
    assert (part.status_code, part.content) == (206, content[44:1044])
    assert part.headers["Content-Range"] == f"bytes 44-1043/{len(content)}"
    beyond = house.ask("GET", f"/v1/calls/{call}/message.wav", headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


@pytest.mark.promise("RNG-19")
def test_only_who_may_hears_it_and_that_is_written_down(house: House) -> None:
    call, _ = voicemail(house)
    if "listener" not in house.tokens:
        house.add_user("listener", *only(Subject.RECORDINGS, Right.VIEW))
        house.add_user("clerk", *only(Subject.MESSAGES, *Right))
    path = f"/v1/calls/{call}/message.mp3"
    assert house.ask("GET", path, user=None).status_code == 401
    refused = house.ask("GET", path, user="clerk")
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("clerk may not view recordings; an admin grants it with: ")
    assert house.ask("GET", path, user="listener").status_code == 200
    heard = house.rows("SELECT actor FROM audit_log WHERE target = :call AND action = 'hear'", call=call)
    assert [row.actor for row in heard] == ["listener"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "voicemail-0/../../secret", "voicemail-" + "g" * 32, "other"])
def test_a_name_that_is_none_of_ours_is_no_file(house: House, name: str) -> None:
    """Whoever can write to the journal is not to read files by it."""
    secret = house.folder / "secret.wav"
    secret.write_text("what others wrote")
    call, _ = voicemail(house, name.replace("voicemail-0", f"voicemail-{secrets.token_hex(2)}"))
    answer = house.ask("GET", f"/v1/calls/{call}/message.wav")
    assert answer.status_code == 404
    assert "what others wrote" not in answer.text
    assert str(house.folder) not in answer.text
    house.sql(f"DELETE FROM calls WHERE id = '{call}'")


def test_a_link_is_no_message(house: House) -> None:
    call, _ = voicemail(house)
    (row,) = house.rows("SELECT name FROM voicemail_messages WHERE call_id = :call", call=call)
    file = house.folder / "messages" / f"{row.name}.wav"
    file.unlink()
    os.symlink("/etc/hostname", file)
    assert house.ask("GET", f"/v1/calls/{call}/message.wav").status_code == 404


def test_what_is_not_there_is_said(house: House) -> None:
    call, _ = voicemail(house)
    (row,) = house.rows("SELECT name FROM voicemail_messages WHERE call_id = :call", call=call)
    (house.folder / "messages" / f"{row.name}.mp3").unlink()
    assert "ask for the other one" in house.get(f"/v1/calls/{call}/message.mp3", 404)["detail"]
    assert house.get(f"/v1/calls/{call}/message.wav", 404, which=2)["status"] == 404
    assert "no call" in house.get("/v1/calls/20200101-000000-0000000000", 404)["detail"]
    assert house.get("/v1/calls/..%2F..%2Fetc", 404)["status"] == 404
    assert house.get("/v1/calls/2026", 422)["status"] == 422
