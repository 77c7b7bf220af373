"""`replay` on a journal written as the controller writes it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ari_app.simulation import CallerScript
from tests.cli.conftest import Cli
from tests.cli.journal import ARRIVED, journalled

SINCE = ("--since", "2026-03-01")
TALKED, GONE, MESSAGE = "20260302-093000-aaaa", "20260302-103000-bbbb", "20260302-113000-cccc"
NAME = "Demo: the second answers"


@pytest.fixture
def three_calls(cli: Cli) -> Cli:
    """One answered by the second, one given up, one that left a message on another number."""
    journalled(TALKED, "+74950000102", "busy,answer@7")
    journalled(GONE, "+74950000102", "busy,noanswer", CallerScript(leaves_at=5), at=ARRIVED + timedelta(hours=1))
    journalled(MESSAGE, "+74950000107", caller=CallerScript(message=4), at=ARRIVED + timedelta(hours=2))
    return cli


def draft(cli: Cli, file: Path, *replaced: tuple[str, str]) -> Path:
    text = cli("schemes", "export", NAME).stdout
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return file


@pytest.mark.promise("OUR-07")
def test_a_draft_that_changes_nothing_changes_no_call(three_calls: Cli, tmp_path: Path) -> None:
    file = draft(three_calls, tmp_path / "draft.yaml")
    printed = three_calls("replay", "--draft", str(file), *SINCE).stdout
    assert printed == (
        "3 calls: 0 would ring elsewhere, 0 would be newly lost, 0 newly answered, 0 newly left a message.\n"
    )
    assert three_calls.json("replay", "--draft", str(file), *SINCE, "--until", "2026-03-02T10:00")["calls"] == 1


@pytest.mark.promise("OUR-07")
def test_calls_that_would_be_newly_lost_are_counted_and_named(three_calls: Cli, tmp_path: Path) -> None:
    file = draft(three_calls, tmp_path / "draft.yaml", ("timeout: 8", "timeout: 5"))
    lines = three_calls("replay", "--draft", str(file), *SINCE).stdout.splitlines()
    assert lines == [
        "3 calls: 0 would ring elsewhere, 1 would be newly lost, 0 newly answered, 0 newly left a message.",
        "",
        "call                  dialled       was       would be  elsewhere  not known",
        f"{TALKED}  +74950000102  answered  lost      no",
    ]


@pytest.mark.promise("OUR-07")
def test_what_cannot_be_known_is_said_to_be_unknown(three_calls: Cli, tmp_path: Path) -> None:
    file = draft(three_calls, tmp_path / "draft.yaml", ("[lab-busy, '+79160000003']", "[lab-never, '+79160000003']"))
    found = three_calls.json("replay", "--draft", str(file), *SINCE)
    rows = {row["id"]: row for row in found.pop("changed")}
    assert found == {
        "since": "2026-03-01T00:00:00Z",
        "until": None,
        "calls": 3,
        "elsewhere": 2,
        "elsewhere_unknown": 0,
        "newly_answered": 0,
        "newly_message_left": 0,
        "newly_lost": 0,
        "outcome_unknown": 2,
    }
    assert rows.keys() == {TALKED, GONE}
    assert rows[TALKED]["may_be"] == ["answered", "lost"], "who waited for 7 s need not have waited for 15"
    assert rows[TALKED]["unknown"] == [
        "what lab-never would have done, which was not rung",
        "whether the caller would have waited for more than 7 s",
    ]
    assert (rows[GONE]["was"], rows[GONE]["would_be"], rows[GONE]["elsewhere"]) == ("lost", None, True)
    told = three_calls("replay", "--draft", str(file), *SINCE).stdout
    assert "Not to be known: of 2 how they would end, of 0 whether they would ring elsewhere." in told
    assert "answered or lost" in told
    assert three_calls("replay", "--draft", str(file), *SINCE, "--limit", "1").stdout.endswith(
        "and 1 call more; --limit lists them, --json has all\n"
    )


@pytest.mark.promise("OUR-07")
def test_a_replay_changes_nothing_and_refuses_what_apply_refuses(three_calls: Cli, tmp_path: Path) -> None:
    before = three_calls.database.read_bytes()
    file = draft(three_calls, tmp_path / "draft.yaml", ("timeout: 8", "timeout: 5"))
    three_calls("replay", "--draft", str(file), *SINCE)
    assert three_calls.database.read_bytes() == before
    file.write_text("numbers: [{number: +74950000101, scheme: Nothing}]")
    assert "names the scheme 'Nothing'" in three_calls("replay", "--draft", str(file), *SINCE, code=1).stderr
    assert "Missing option '--since'" in three_calls("replay", "--draft", str(file), code=2).stderr
