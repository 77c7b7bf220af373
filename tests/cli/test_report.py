"""`report unanswered`: shares for people, for programs, and drawn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ari_app.simulation import CallerScript
from tests.cli.conftest import Cli
from tests.cli.journal import ARRIVED, journalled


@pytest.fixture
def journal(cli: Cli) -> Cli:
    """Three calls of a Monday: answered at noon in Moscow, lost an hour later, a message at 13:30 in Kyiv."""
    journalled("a", "+74950000102", "busy,answer@7")
    journalled("b", "+74950000105", "busy,busy", at=ARRIVED + timedelta(hours=1))
    journalled("c", "+74950000107", caller=CallerScript(message=4), at=ARRIVED + timedelta(hours=2))
    return cli


@pytest.mark.promise("CAL-11")
def test_shares_are_reported_for_people(journal: Cli) -> None:
    lines = [" ".join(line.split()) for line in journal("report", "unanswered").stdout.splitlines()]
    assert lines[0] == "2 of 3 calls unanswered: 66.7%"
    assert "number calls unanswered left a message share" in lines
    assert "+74950000105 1 1 0 100.0% ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇" in lines
    assert "+74950000102 1 0 0 0.0%" in lines
    assert "Demo: voicemail at once Always 1 1 1 100.0% ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇" in lines
    assert [line[:5] for line in lines if line[2:3] == ":"] == ["12:00", "13:00"], "in each scheme's own zone"
    assert any(line.startswith("Mon 3 2 1 66.7%") for line in lines)


@pytest.mark.promise("CAL-11")
def test_shares_are_reported_for_programs(journal: Cli) -> None:
    found = journal.json("report", "unanswered", "--by", "branch", "--by", "hour", "--since", "2026-03-02")
    assert found == {
        "since": "2026-03-02T00:00:00Z",
        "until": None,
        "calls": 3,
        "unanswered": 2,
        "messages_left": 1,
        "share": pytest.approx(2 / 3),
        "by_branch": [
            {**figures(1, 1, 0), "scheme": "Demo: all busy", "branch": "Always"},
            {**figures(1, 1, 1), "scheme": "Demo: voicemail at once", "branch": "Always"},
            {**figures(1, 0, 0), "scheme": "Demo: the second answers", "branch": "Always"},
        ],
        "by_hour": [{**figures(1, 0, 0), "hour": 12}, {**figures(2, 2, 1), "hour": 13}],
    }
    assert journal.json("report", "unanswered", "--until", "2026-03-02T10:00")["share"] == 0.0


def figures(calls: int, unanswered: int, messages: int) -> dict[str, object]:
    return {"calls": calls, "unanswered": unanswered, "messages_left": messages, "share": unanswered / calls}


@pytest.mark.promise("CAL-11")
def test_the_week_is_drawn(journal: Cli, tmp_path: Path) -> None:
    file = tmp_path / "week.svg"
    journal("report", "unanswered", "--plot", str(file))
    svg = ElementTree.fromstring(file.read_text())
    named = "{http://www.w3.org/2000/svg}"
    titles = [title.text for title in svg.iter(f"{named}title")]
    assert titles[0] == "2 of 3 calls unanswered: 66.7%"
    assert len(titles) == 1 + 7 * 24
    assert "Mon 12:00: 0 of 1 unanswered" in titles
    assert "Mon 13:00: 2 of 2 unanswered" in titles
    assert "Sun 23:00: no calls" in titles
    fills = {rect.get("fill") for rect in svg.iter(f"{named}rect")}
    assert {"#e8f5e9", "#b71c1c", "#f5f5f5"} <= fills


def test_no_calls_is_an_answer_too(cli: Cli, tmp_path: Path) -> None:
    assert cli("report", "unanswered").stdout == "No calls have ended in that time.\n"
    assert cli.json("report", "unanswered")["by_number"] == []
    cli("report", "unanswered", "--plot", str(tmp_path / "empty.svg"))


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--plot", "week.png"), 2, "name a file that ends with .svg"),
        (("--plot", "/nowhere/week.svg"), 1, "the plot cannot be written: /nowhere/week.svg: No such file"),
        (("--by", "moon"), 2, "'moon' is not one of"),
    ],
)
def test_what_cannot_be_is_said(cli: Cli, options: tuple[str, ...], code: int, said: str) -> None:
    result = cli("report", "unanswered", *options, code=code)
    assert said in result.stderr
    assert result.stdout == ""
