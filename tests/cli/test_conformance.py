"""`call --check` and `conformance`: real calls held against their simulations, on a real Asterisk."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_call import SAME, caller


@pytest.mark.promise("OUR-09")
@pytest.mark.parametrize("story", list(SAME))
def test_a_real_call_goes_as_its_simulation(running: Cli, story: str) -> None:
    number, as_caller, _ = SAME[story]
    told = running.json("call", "--to", number, "--from", caller(), *as_caller, "--check")
    assert len(told["compared"]) > 4
    assert not [one for one in told["compared"] if one["differs"]]


@pytest.mark.promise("OUR-09")
def test_what_differs_is_named_and_is_exit_code_1(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes it that calls without a scheme are hung up, the controller greets them."""
    monkeypatch.setenv("ARI_APP_DEFAULT_ACTION", "hang_up")
    result = running("call", "--to", "+74950000999", "--message", "1", "--check", code=1)
    assert "only in the real call" in result.stdout
    assert "only in the simulation" in result.stdout
    assert "went otherwise than its simulation" in result.stderr


@pytest.mark.promise("OUR-09")
def test_every_number_is_called_and_told_in_a_line(running: Cli) -> None:
    numbers = ("+74950000105", "+74950000106", "+74950000109")
    lines = running("conformance", *numbers).stdout.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["✔", number] for number in numbers]
    assert lines[-1] == "All 3 calls went as their simulations."
    told = running.json("conformance", numbers[0])["calls"]
    assert [(one["number"], one["conforms"], one["trouble"]) for one in told] == [(numbers[0], True, None)]
    assert "+74950000998 is not listed" in running("conformance", "+74950000998", code=2).stderr
