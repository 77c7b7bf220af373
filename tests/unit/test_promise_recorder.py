"""The report of promises: every row with its tests, unknown ids refused, runs added up."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests import promise_recorder, promises
from tests.promise_recorder import Recorder
from tests.promises import PROMISES, Kept, State, kept, read_promises, read_results

DOCUMENT = """
## 1 Hours
| id | promise |
|---|---|
| CAL-01 | hours have a zone |
| CAL-02 | numbers share a scheme |
| CAL-03 | no hours is always |
## 2 Faults
| 7 | two controllers |
"""
TESTS = """
import pytest

@pytest.mark.promise("CAL-01")
@pytest.mark.parametrize("n", [1, 2])
def test_zone(n): pass

@pytest.mark.promise("CAL-02")
@pytest.mark.fault("7")
def test_broken(): assert False

def test_of_no_promise(): pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.path.joinpath("promises.md").write_text(DOCUMENT)
    pytester.makepyfile(test_it=TESTS)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.ExitCode:
    class Plugin:
        pytest_configure = staticmethod(promise_recorder.pytest_configure)

    recorder = Recorder(project.path / "promises.md", project.path / "results.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promise_recorder, "Recorder", lambda *_: recorder)
        return pytest.ExitCode(project.inline_run(*arguments, plugins=[Plugin()]).ret or 0)


def report(project: pytest.Pytester) -> tuple[Kept, ...]:
    return kept(read_promises(DOCUMENT), read_results(project.path / "results.json"))


def states(project: pytest.Pytester) -> dict[str, State]:
    return {row.promise.id: row.state for row in report(project)}


def test_each_promise_shows_its_tests_and_how_they_came_out(project: pytest.Pytester) -> None:
    run(project)
    assert states(project) == {
        "CAL-01": State.PASSED,
        "CAL-02": State.FAILED,
        "CAL-03": State.NO_TEST,
        "7": State.FAILED,
    }
    (zone,) = report(project)[0].tests
    assert (zone.name, zone.cases) == ("test_it.py::test_zone", 2)


def test_a_run_of_some_tests_keeps_what_is_known_of_the_others(project: pytest.Pytester) -> None:
    run(project)
    project.makepyfile(test_it=TESTS.replace("assert False", "assert True"))
    run(project, "-k", "broken")
    assert states(project)["CAL-01"] is State.PASSED
    assert states(project)["CAL-02"] is State.PASSED


def test_a_test_that_never_ran_keeps_no_promise(project: pytest.Pytester) -> None:
    run(project, "-k", "zone")
    assert states(project)["CAL-02"] is State.NOT_RUN


def test_a_test_that_was_taken_away_keeps_no_promise(project: pytest.Pytester) -> None:
    run(project)
    project.makepyfile(test_it=TESTS.replace("def test_zone", "def test_renamed"))
    run(project)
    assert [test.name for test in report(project)[0].tests] == ["test_it.py::test_renamed"]


def test_a_skipped_test_and_a_broken_fixture_keep_no_promise(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import pytest

        @pytest.fixture
        def broken(): raise OSError

        @pytest.mark.promise("CAL-01")
        def test_skipped(): pytest.skip("no")

        @pytest.mark.promise("CAL-02")
        def test_with(broken): pass
        """
    )
    run(project)
    assert states(project)["CAL-01"] is State.SKIPPED
    assert states(project)["CAL-02"] is State.FAILED


def test_an_id_that_is_no_promise_fails_the_run_by_name(project: pytest.Pytester) -> None:
    project.makepyfile(test_it=TESTS.replace("CAL-01", "CAL-99"))
    assert run(project) is pytest.ExitCode.USAGE_ERROR


def test_two_rows_with_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows 7"):
        read_promises(DOCUMENT + "| 7 | again |\n")


def test_the_product_promises_what_it_should() -> None:
    rows = read_promises(PROMISES.read_text(encoding="utf-8"))
    assert {str(number) for number in range(1, 39)} <= {row.id for row in rows}
    assert len(rows) == 132


def test_the_report_is_aligned_and_plain_in_a_file_and_exits_by_what_failed(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)
    monkeypatch.setattr(promises, "PROMISES", project.path / "promises.md")
    results = read_results(project.path / "results.json")
    monkeypatch.setattr(promises, "read_results", lambda: results)
    out = io.StringIO()
    assert promises.main([], out) == 1
    assert out.getvalue().splitlines() == [
        "",
        "1 Hours",
        "  CAL-01  passed       hours have a zone",
        "                       passed test_it.py::test_zone (2 cases)",
        "  CAL-02  failed       numbers share a scheme",
        "                       failed test_it.py::test_broken",
        "  CAL-03  no test yet  no hours is always",
        "",
        "2 Faults",
        "       7  failed       two controllers",
        "                       failed test_it.py::test_broken",
        "",
        "4 promises: 1 passed, 2 failed, 1 no test yet",
    ]


def test_the_report_for_programs_is_json(project: pytest.Pytester) -> None:
    rows = json.loads(promises.as_json(report(project)))
    assert rows[3] == {
        "id": "7",
        "chapter": "2 Faults",
        "promise": "two controllers",
        "state": "no test yet",
        "tests": [],
    }


def test_a_terminal_is_given_colours(project: pytest.Pytester) -> None:
    assert any("\x1b[" in line for line in promises.lines(report(project), paint=True))


def test_no_run_yet_is_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none.json") == {}
