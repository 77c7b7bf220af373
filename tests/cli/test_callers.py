"""`ari-app callers`: the block list and who goes another way, and `simulate` that goes by it."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

pytestmark = pytest.mark.promise("FLD-06")
NUMBER = "+74950000101"


def test_a_caller_is_refused_until_the_rule_is_removed(cli: Cli) -> None:
    told = cli("callers", "add", "8 916 111-22-33", "--answer", "busy", "--reason", "night\x1b calls").stdout
    assert told == "caller +79161112233: busy (night calls)\n"
    call = cli.json("simulate", "--to", NUMBER, "--from", "+79161112233")
    assert call["verdict"] == {"disposition": "lost", "reason": "blocked", "answered_by": None}
    assert "night calls" in cli("callers", "list").stdout
    assert "+79161112233" in [rule["caller"] for rule in cli.json("callers", "list")["rules"]]
    assert cli("callers", "remove", "+79161112233").stdout == "The rule is gone.\n"
    assert "there is no rule for +79161112233" in cli("callers", "remove", "+79161112233", code=1).stderr
    call = cli.json("simulate", "--to", NUMBER, "--from", "+79161112233", "--outcome", "answer")
    assert call["verdict"]["disposition"] == "answered"


def test_a_caller_goes_by_another_scheme_to_one_number(cli: Cli) -> None:
    cli("callers", "add", "+7800*", "--scheme", "Demo: all busy", "--branch", "Always", "--number", NUMBER)
    call = cli.json("simulate", "--to", NUMBER, "--from", "+78001112233")
    assert [moment["details"]["scheme"] for moment in call["timeline"] if moment["kind"] == "number_found"] == [
        "Demo: all busy"
    ]
    assert "scheme 'Demo: all busy', branch 'Always'" in " ".join(cli("callers", "list").stdout.split())
    assert "there is no rule for +7800*;" in cli("callers", "remove", "+7800*", code=1).stderr
    cli("callers", "remove", "+7800*", "--number", NUMBER)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("+79161112233",), 2, "say --answer busy or decline, or --scheme"),
        (("+79161112233", "--answer", "busy", "--scheme", "x"), 2, "say --answer busy or decline, or --scheme"),
        (("+79161112233", "--answer", "busy", "--branch", "x"), 2, "--branch is one of a scheme"),
        (("nobody", "--answer", "busy"), 1, "'nobody' is no caller"),
        (("+79161112233", "--answer", "busy", "--number", "x"), 1, "'x' is not a telephone number"),
        (("+79161112233", "--scheme", "Gone"), 1, "there is no scheme 'Gone'"),
        (("+79161112233", "--scheme", "Demo: all busy", "--branch", "x"), 1, "branch 'x' is none of scheme"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, arguments: tuple[str, ...], code: int, expected: str) -> None:
    assert expected in " ".join(cli("callers", "add", *arguments, code=code).stderr.split())
