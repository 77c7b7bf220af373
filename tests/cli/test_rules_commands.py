"""`rules` and `types` as typed, on SQLite and PostgreSQL, and on a real terminal."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli
from tests.cli.desks import LONG, DeskCli, at_a_terminal

SALES, SUPPORT = "+74950000101", "+74950000102"


def add(cli: Cli, name: str = "Sales", number: str = SALES, text: str = "Sorry! {company}", *more: str) -> str:
    """Add a rule as a script does."""
    return cli("rules", "add", "--name", name, "--number", number, "--text", text, "--yes", *more).stdout


def names(cli: Cli, *search: str) -> list[str]:
    """Which rules a list has."""
    return [rule["name"] for rule in cli.json("rules", "list", *search)["rules"]]


@pytest.mark.promise("UIS-04")
def test_adding_names_every_missing_field_at_once(both: DeskCli) -> None:
    told = both("rules", "add", code=1).stderr
    assert told.splitlines() == [
        "Error: the rule has no name: give one that people will know it by",
        "the rule has no dialled number: give one or more of the company's own",
        "the rule has no text: write what the caller is to be sent",
    ]
    assert add(both) == f"rule 'Sales' is added: {SALES}; it is on\n"
    assert both.json("rules", "show", "Sales")["rule"] == {
        "id": both.json("rules", "list")["rules"][0]["id"],
        "name": "Sales",
        "numbers": [SALES],
        "text": "Sorry! {company}",
        "delay_seconds": 60,
        "once_in_hours": 24,
        "team": None,
        "enabled": True,
    }


def test_a_number_that_is_not_ours_is_told_with_those_that_are_like_it(both: DeskCli) -> None:
    told = both("rules", "add", "--name", "x", "--number", "+74950000191", "--text", "x", code=1).stderr
    assert "+74950000191 is not one of the company's numbers; did you mean +749500001" in told


@pytest.mark.promise("UIS-05")
def test_a_script_must_say_yes_to_several_parts(both: DeskCli) -> None:
    wanted = ("rules", "add", "--name", "Sales", "--number", SALES, "--text", LONG)
    told = both(*wanted, code=1).stderr
    assert "ждите: Acme." in told
    assert ["The text takes 2 SMS (UCS-2", " И з в и н т е ,"][0] in told
    assert "7.00 RUB each time" in told
    assert "Nothing was done, for nobody is here to be asked; --yes does it without asking." in told
    assert names(both) == []
    both(*wanted, "--yes")
    assert names(both) == ["Sales"]


@pytest.mark.promise("UIS-05")
@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, ["Sales"]), ("n", 1, [])])
def test_a_person_is_shown_parts_and_cost_and_asked(one: DeskCli, answer: str, code: int, left: list[str]) -> None:
    done, told = at_a_terminal(
        *("rules", "add", "--name", "Sales", "--number", SALES, "--text", LONG), answer=answer, columns=200
    )
    assert done == code
    assert "takes 2 SMS" in told
    assert "7.00 RUB each time" in told
    assert told.index("takes 2 SMS") < told.index("Save it, at 2 SMS a message? [y/N]")
    assert names(one) == left


@pytest.mark.promise("UIS-08")
@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, []), ("n", 1, ["Sales"])])
def test_deleting_warns_and_asks_cancel_keeps_confirm_removes(
    one: DeskCli, answer: str, code: int, left: list[str]
) -> None:
    add(one)
    done, told = at_a_terminal("rules", "delete", "Sales", answer=answer, columns=200)
    assert done == code
    assert f"The rule 'Sales' for {SALES} will be deleted for good. No message of it waits to be sent." in told
    assert ("Nothing was changed." in told) == (answer == "n")
    assert names(one) == left


@pytest.mark.promise("UIS-08")
def test_a_script_deletes_with_yes_alone(both: DeskCli) -> None:
    add(both)
    assert "Nothing was done" in both("rules", "delete", "Sales", code=1).stderr
    assert names(both) == ["Sales"]
    assert both("rules", "delete", "Sales", "--yes").stdout == "rule 'Sales' is deleted; 0 queued messages cancelled\n"
    assert "No rules yet" in both("rules", "list").stdout


@pytest.mark.promise("UIS-06", "UIS-07", "UIS-09")
def test_rules_are_switched_edited_and_found(both: DeskCli) -> None:
    add(both)
    add(both, "Support", SUPPORT, "Sorry!", "--off", "--team", "Demo support", "--delay", "5", "--once", "0")
    assert both("rules", "off", "Sales").stdout == "rule 'Sales' is off\n"
    both("rules", "on", "Support")
    both("rules", "edit", "Sales", "--text", "We call back.", "--rename", "Sales, Moscow", "--number", "84950000103")
    assert (names(both, "moscow"), names(both, "0103"), names(both, "0102")) == (
        ["Sales, Moscow"],
        ["Sales, Moscow"],
        ["Support"],
    )
    lines = both("rules", "list").stdout.splitlines()
    assert lines[1].split() == ["Sales,", "Moscow", "off", "+74950000103", "60", "s", "24", "h", "We", "call", "back."]
    assert lines[2].split() == ["Support", "on", SUPPORT, "Demo", "support", "5", "s", "-", "Sorry!"]
    assert "say what shall change" in both("rules", "edit", "Support", code=2).stderr
    assert both("rules", "list", "nothing").stdout == "No such rules.\n"


@pytest.mark.promise("UIS-13")
def test_the_first_rule_is_added_as_the_hundredth_is(both: DeskCli) -> None:
    first = add(both, "Rule 000")
    both.sql(
        *(
            f"INSERT INTO apology_rules (name, text) VALUES ('Rule {place:03}', 'Sorry!')"  # a hundred, by plain SQL
            for place in range(1, 100)
        )
    )
    assert add(both, "Rule 100", SUPPORT) == first.replace("Rule 000", "Rule 100").replace(SALES, SUPPORT)
    assert len(names(both)) == 101


@pytest.mark.promise("UIS-11")
def test_the_acting_user_does_what_they_may_and_no_more(both: DeskCli, monkeypatch: pytest.MonkeyPatch) -> None:
    both("users", "add", "anna")
    both("users", "grant", "anna", "rules", "view", "create")
    wanted = ("rules", "add", "--name", "Hers", "--number", SALES, "--text", "Sorry!", "--as", "anna")
    both(*wanted)
    for forbidden, right in (("off", "edit"), ("delete", "delete")):
        told = both("rules", forbidden, "Hers", "--as", "anna", code=1).stderr
        assert f"anna may not {right} rules; an admin grants it with: ari-app users grant anna rules {right}" in told
    monkeypatch.setenv("ARI_APP_USER", "anna")
    assert names(both) == ["Hers"]
    assert "anna may not view messages" in both("messages", "list", code=1).stderr
    assert "anna may not create users" in both("users", "add", "boris", code=1).stderr
    assert both("users", "list", "--as", "").stdout.startswith("user"), "an empty name is the operator"
    assert "there is no user 'nobody'" in both("rules", "list", "--as", "nobody", code=1).stderr


@pytest.mark.promise("UIS-12")
def test_a_team_without_sales_tools_gets_no_rule(both: DeskCli) -> None:
    both.sql("UPDATE teams SET sales_tools = (1 = 0) WHERE name = 'Demo sales'")
    told = both("rules", "add", "--name", "x", "--number", SALES, "--text", "x", "--team", "Demo sales", code=1).stderr
    assert told.count("has not got sales tools") == 2  # the team's own, and that of the number


@pytest.mark.promise("UIS-05")
def test_a_preview_tells_parts_encoding_cost_and_odd_characters(both: DeskCli) -> None:
    assert both("rules", "preview", "Sorry № 1").stdout.splitlines() == [
        "Sorry № 1",
        "",
        "The text takes one SMS (UCS-2 for №; room for 61 more), 3.50 RUB each time.",
    ]
    told = both.json("rules", "preview", "“" + "a" * 100 + "”")
    assert (told["parts"], told["encoding"], told["cost"], told["ucs2"]) == (2, "UCS-2", "7.00", ["“", "”"])
    assert told["plainer"] == '"' + "a" * 100 + '"'
    assert "did you mean {caller}" in both("rules", "preview", "{caler}", code=1).stderr


def test_a_rule_that_plain_sql_broke_is_shown_and_can_be_mended(both: DeskCli) -> None:
    add(both)
    both.sql("UPDATE apology_rules SET text = 'Hello {caler}'")
    assert "unknown placeholder {caler}" in both("rules", "show", "Sales").stdout
    assert both.json("rules", "show", "Sales")["preview"] is None
    both("rules", "edit", "Sales", "--text", "Hello {caller}")
    assert "one SMS (GSM-7" in both("rules", "show", "Sales").stdout


# --- message types ---------------------------------------------------------------------------------------------------


@pytest.mark.promise("POL-01", "POL-11", "POL-12")
def test_a_team_s_messages_are_set_and_switched(both: DeskCli) -> None:
    which = ("Demo sales", "missed")
    told = both("types", "set", *which, "--text", "Sorry!", "--with-company", "--extra", "Bye").stdout
    assert told.splitlines() == [
        "missed to client by sms, team 'Demo sales': saved, it is on. It reads:",
        "Acme: Sorry!",
        "Bye",
    ]
    both("types", "set", *which, "--channel", "email", "--text", "Sorry by mail!")
    both("types", "off", *which)
    (mail, text) = both.json("types", "list", "--team", "Demo sales")["types"]
    assert (mail["channel"], mail["enabled"], text["channel"], text["enabled"]) == ("email", True, "sms", False)
    lines = both("types", "list", "--kind", "missed").stdout.splitlines()
    assert lines[2].split() == [
        *("Demo", "sales", "missed", "client", "sms", "off"),
        *["at", "once", "-", "1", "Acme:", "Sorry!", "Bye"],
    ]
    both("types", "on", *which)
    both("types", "remove", *which, "--channel", "email", "--yes")
    assert [one["enabled"] for one in both.json("types", "list")["types"]] == [True]


def test_hyphens_do_as_well_as_underscores(both: DeskCli) -> None:
    both("types", "set", "Demo sales", "item-reminder", "--offset", "-120", "--text", "{item}")
    assert both.json("types", "list")["types"][0]["offset_minutes"] == -120
    assert "is not one of" in both("types", "set", "Demo sales", "apology", "--text", "x", code=2).stderr


@pytest.mark.parametrize("columns", [80, 120])
def test_lists_fit_their_terminal(one: DeskCli, columns: int) -> None:
    add(one, "A rule with a long name for the Moscow office", SALES, "Sorry! " * 20)
    one("types", "set", "Demo sales", "item-repeat-reminder", "--text", "Sorry! " * 20)
    one("messages", "send", "--to", "+79160000001", "--text", "Hello")
    one("users", "add", "anna")
    one("users", "grant", "anna", "all", "all")
    for command in (("rules", "list"), ("types", "list"), ("messages", "list"), ("users", "list"), ("users", "log")):
        code, told = at_a_terminal(*command, columns=columns)
        assert code == 0
        assert max(map(len, told.splitlines())) <= columns, told
