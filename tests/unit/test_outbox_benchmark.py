"""The pure parts of the outbox's benchmark: plans that are read, what is compared, what is told."""

from __future__ import annotations

import math

import pytest
from click.testing import CliRunner

from ari_app.lab.errors import LabError
from benchmarks import __main__ as command
from benchmarks import outbox_report
from benchmarks.outbox_calls import Round, in_turn
from benchmarks.outbox_gateway import Taken
from benchmarks.outbox_growth import Size, Times
from benchmarks.outbox_plans import Access, read, told
from benchmarks.outbox_summary import OutboxSummary, Quantiles, grown, together
from benchmarks.outbox_throughput import Throughput, rate_of

SQLITE_PLAN = """\
CO-ROUTINE due
SEARCH messages USING INDEX messages_due_to_clients (channel=? AND due_at<?)
SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)
SEARCH calls USING COVERING INDEX calls_by_caller (caller=?)
SCAN due
SCAN call_events"""
POSTGRESQL_PLAN = """\
Limit  (cost=0.29..8.31 rows=1 width=4)
  ->  Index Scan using messages_due_to_clients on messages  (cost=0.29..8.31 rows=1 width=4)
  ->  Index Only Scan using pk_call_events on call_events  (cost=0.29..8.31 rows=1 width=4)
  ->  Seq Scan on calls  (cost=0.00..22.50 rows=1 width=4)
  ->  Bitmap Heap Scan on messages  (cost=4.3..11.1 rows=1 width=4)
        ->  Bitmap Index Scan on messages_by_recipient  (cost=0.00..4.3 rows=1 width=0)"""


def test_a_plan_of_sqlite_names_indexes_and_what_is_read_whole() -> None:
    assert set(read(SQLITE_PLAN)) == {
        Access("messages", "messages_due_to_clients"),
        Access("messages", "integer primary key"),
        Access("calls", "calls_by_caller"),
        Access("due", ""),
        Access("call_events", ""),
    }


def test_a_plan_of_postgresql_names_indexes_and_what_is_read_whole() -> None:
    assert set(read(POSTGRESQL_PLAN)) == {
        Access("messages", "messages_due_to_clients"),
        Access("call_events", "pk_call_events"),
        Access("calls", ""),
        Access("messages", "messages_by_recipient"),
    }


def test_what_is_read_whole_is_told_loudly() -> None:
    assert told({Access("calls", ""), Access("messages", "pk_messages")}) == "calls WHOLE, pk_messages"


def test_the_rate_is_from_the_first_message_to_the_last() -> None:
    assert rate_of([Taken(f"{n}", 10.0 + n / 4) for n in range(9)], 9) == pytest.approx(4.0)


def test_a_message_that_went_out_twice_ends_the_benchmark() -> None:
    with pytest.raises(LabError, match="1 messages were sent twice, a among them"):
        rate_of([Taken("a", 1.0), Taken("b", 2.0), Taken("a", 3.0)], 3)


def test_a_message_that_did_not_go_out_ends_the_benchmark() -> None:
    with pytest.raises(LabError, match="2 messages were sent of 3"):
        rate_of([Taken("a", 1.0), Taken("b", 2.0)], 3)


def test_rounds_of_calls_take_turns() -> None:
    assert in_turn(3) == ["nothing", "queue", "queue", "nothing", "nothing", "queue"]


def size(rows: int = 1_000_000, factor: float = 1.2, by: str = "messages_due_to_clients") -> Size:
    short, long = (Times([2.0 * f, 3.0 * f, 40.0 * f], [1.0 * f], [4.0 * f]) for f in (1.0, factor))
    return Size("SQLite", rows, 500, long, short, frozenset({Access("messages", by)}))


def calls(beside: str, setup: tuple[float, ...], whole: int = 2) -> Round:
    return Round("SQLite", "queue" if beside == "queue" else "nothing", 2, whole, setup, 10.0, 0.1)


def summary(*sizes: Size, beside: float = 10.5, rounds: bool = True) -> OutboxSummary:
    both = [calls("nothing", (5.0, 10.0)), calls("queue", (5.0, beside))] if rounds else []
    runs = (Throughput("SQLite", 1, 100, 50.0, 4.0), Throughput("SQLite", 2, 100, 75.0, 4.5))
    return OutboxSummary(runs, tuple(grown(one) for one in sizes), together(both))


def test_growth_is_medians_over_those_of_the_short_history() -> None:
    row = grown(size(factor=1.2))
    assert row.times[0] == Quantiles(3.0 * 1.2, 40.0 * 1.2)
    assert row.ratios == pytest.approx((1.2, 1.2, 1.2))
    assert row.read_whole == []


def test_growth_over_nothing_is_no_number() -> None:
    assert math.isnan(grown(Size("SQLite", 1, 1, Times([1.0]), Times([0.0]), frozenset())).ratios[0])


def test_rounds_beside_the_same_become_one_row_alone_first() -> None:
    rows = together([calls("nothing", (4.0,)), calls("queue", (9.0,)), calls("queue", (7.0,), whole=1)])
    assert [(row.beside, row.calls, row.success) for row in rows] == [("nothing", 2, 1.0), ("queue", 4, 0.75)]
    assert rows[1].setup == Quantiles(7.0, 9.0)


def test_one_round_that_was_disturbed_does_not_decide() -> None:
    row = together([calls("queue", (4.0, 9.0)), calls("queue", (4.0, 90.0)), calls("queue", (4.0, 8.0))])[0]
    assert (row.setup.p95, row.usual_p95) == (90.0, 9.0)


def test_limits_that_are_kept() -> None:
    kept = {one.what: one.kept for one in summary(size(10_000, 9.0), size()).kept()}
    assert kept == {
        "SQLite: claim at 1,000,000 rows, 500 queued, times that at 1,000": True,
        "SQLite: gate at 1,000,000 rows, 500 queued, times that at 1,000": True,
        "SQLite: growing tables read whole at 1,000,000 rows, 500 queued": True,
        "SQLite: usual set-up p95 beside the queue, times that alone": True,
    }


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (summary(size(factor=1.6)), 2),
        (summary(size(by="")), 1),
        (summary(size(), beside=11.1), 1),
        (summary(rounds=False), 0),
    ],
)
def test_limits_that_are_not_kept(found: OutboxSummary, broken: int) -> None:
    assert sum(not one.kept for one in found.kept()) == broken


def test_tables_have_absolute_figures_beside_ratios() -> None:
    found = outbox_report.sections(summary(size()))
    assert list(found) == ["throughput", "growth", "calls", "limits"]
    assert "| SQLite | 2 | 100 | 75 | 1.50 | 4.5 |" in found["throughput"]
    assert "| SQLite | 1,000,000 | 500 | 3.6 | 48.0 | 1.20 | 1.2 | 1.2 | 1.20 |" in found["growth"]
    assert "SQLite at 1,000,000 and 500 reads: messages_due_to_clients." in found["growth"]
    assert "| SQLite | beside the queue | 2 | 100.00 % | 5.0 | 10.5 | 10.5 | 1.05 | 10.0 | 10 % |" in found["calls"]
    assert found["limits"].startswith("| limit | measured | at most | kept |\n| --- | ---: | ---: | --- |")


def test_what_was_not_measured_is_not_told() -> None:
    assert outbox_report.sections(OutboxSummary((), (), ())) == {}


@pytest.mark.parametrize(
    ("arguments", "ran"), [((), ["calls", "outbox"]), (("--quick",), ["calls"]), (("outbox",), ["outbox"])]
)
def test_without_options_the_outbox_is_measured_too(
    arguments: tuple[str, ...], ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(command, "_compare", lambda *_, **__: begun.append("calls"))
    monkeypatch.setattr(command.main.commands["outbox"], "callback", lambda **_: begun.append("outbox"))
    assert CliRunner().invoke(command.main, arguments).exit_code == 0
    assert begun == ran
