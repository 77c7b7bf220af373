"""`schemes export`, `plan`, `apply`, `copy`, `history`, `diff`, `rollback` as a shell runs them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from ari_app.cli import main
from tests.cli.conftest import Cli
from tests.cli.journal import journalled

OFFICE = "Demo: office hours"


@pytest.fixture
def file(cli: Cli, tmp_path: Path) -> Path:
    """The office as it is, with its numbers."""
    file = tmp_path / "schemes.yaml"
    file.write_text(cli("schemes", "export", OFFICE, "--numbers").stdout)
    return file


def rewrite(file: Path, *replaced: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def version(cli: Cli, name: str = OFFICE) -> str:
    (row,) = [row for row in cli.json("schemes", "list")["schemes"] if row["name"] == name]
    return str(row["version"])


@pytest.mark.promise("OUR-06")
def test_an_export_is_a_description_that_changes_nothing(cli: Cli, file: Path) -> None:
    assert file.read_text().splitlines()[:6] == [
        "# yaml-language-server: $schema=description.schema.json",
        "teams: [Demo support]",
        "",
        "schemes:",
        f"  - name: '{OFFICE}'",
        "    time zone: Europe/Moscow",
    ]
    for exported in (file.read_text(), cli("schemes", "export").stdout, cli("schemes", "export", "--numbers").stdout):
        file.write_text(exported)
        assert cli("schemes", "plan", str(file), "--exit-code").stdout.startswith("Nothing to change")
    assert cli("schemes", "apply", str(file)).stdout == "Nothing to change: the database is as described.\n"


@pytest.mark.promise("OUR-06")
def test_a_change_is_planned_applied_compared_and_rolled_back(cli: Cli, file: Path) -> None:
    first = version(cli)
    rewrite(file, ("09:00-17:59", "09:00-18:59"), ("timeout: 8", "timeout: 12"))
    planned = cli("schemes", "plan", str(file), "--exit-code", code=3).stdout.splitlines()
    told = [
        f"~ scheme '{OFFICE}'",
        "  ~ branch 'Working hours'",
        "    ~ hours: Mon-Fri 09:00-17:59 → Mon-Fri 09:00-18:59",
        "    ~ step 1: dial",
        "      ~ lab-declines: 8 s → 12 s",
        "      ~ lab-answers: 8 s → 12 s",
    ]
    assert planned == [*told, "1 change: 1 to change"]
    assert version(cli) == first, "a plan changes nothing"
    assert cli("schemes", "apply", str(file)).stdout.splitlines() == [*told, "1 change: 1 changed"]
    second = version(cli)
    rows = cli.json("schemes", "history", OFFICE)["versions"]
    assert [(row["version"], row["present"]) for row in rows] == [(second, True), (first, False)]
    assert rows[0]["source"].startswith("apply by operator")
    assert cli("schemes", "diff", OFFICE).stdout.splitlines() == told
    assert cli("schemes", "diff", OFFICE, first, second[:6]).stdout.splitlines() == told
    assert cli("schemes", "diff", OFFICE, second, second).stdout == "No difference that a call would notice.\n"
    assert cli.json("schemes", "diff", OFFICE)["changes"][0]["within"][0]["within"][0] == {
        "change": "changed",
        "what": "hours",
        "was": "Mon-Fri 09:00-17:59",
        "now": "Mon-Fri 09:00-18:59",
        "within": [],
    }
    assert "~ hours: Mon-Fri 09:00-18:59 → Mon-Fri 09:00-17:59" in cli("schemes", "rollback", OFFICE, first[:5]).stdout
    assert version(cli) == first
    assert [row["version"] for row in cli.json("schemes", "history", OFFICE)["versions"]] == [first, second]


@pytest.mark.promise("OUR-06")
def test_a_call_s_version_is_found_in_the_history(cli: Cli, file: Path) -> None:
    journalled("before", "+74950000108")
    rewrite(file, ("timeout: 8", "timeout: 12"))
    cli("schemes", "apply", str(file))
    named = cli.json("calls", "show", "before")["call"]["scheme_version"]
    rows = cli.json("schemes", "history", OFFICE)["versions"]
    assert {row["version"]: row["calls"] for row in rows} == {version(cli): 0, named: 1}
    assert "timeout: 8" in cli("schemes", "export", OFFICE, "--version", named).stdout
    assert "lab-declines: 8 s → 12 s" in cli("schemes", "diff", OFFICE, named).stdout


@pytest.mark.promise("OUR-06")
def test_nothing_is_removed_without_being_asked_about(cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = version(cli)
    rewrite(file, ("[lab-declines, lab-answers]", "[lab-answers]"))
    refused = cli("schemes", "apply", str(file), code=1)
    assert "- lab-declines (8 s)" in refused.stdout
    assert "What is marked with - goes.\nNothing was done, for nobody is here to be asked; --yes" in refused.stderr
    monkeypatch.setattr("ari_app.cli.desks.sys", SimpleNamespace(stdin=Terminal()))
    declined = CliRunner().invoke(main, ["schemes", "apply", str(file)], input="n\n")
    assert (declined.exit_code, version(cli)) == (1, before)
    assert "Apply it? [y/N]" in declined.stdout
    cli("schemes", "apply", str(file), "--yes")
    assert version(cli) != before


class Terminal:
    """Says that somebody is there to be asked."""

    def isatty(self) -> bool:
        return True


@pytest.mark.promise("OUR-06")
def test_what_was_edited_while_somebody_was_asked_is_not_overwritten(
    cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(file, ("[lab-declines, lab-answers]", "[lab-answers]"))

    def edit_then_agree(*_: object, **__: object) -> bool:
        cli.sql("UPDATE schemes SET time_zone = 'UTC'")
        return True

    monkeypatch.setattr("ari_app.cli.desks.sys", SimpleNamespace(stdin=Terminal()))
    monkeypatch.setattr("ari_app.cli.desks.click.confirm", edit_then_agree)
    refused = CliRunner().invoke(main, ["schemes", "apply", str(file)])
    assert refused.exit_code == 1
    assert "edited meanwhile, so nothing was changed" in refused.stderr


def test_a_file_may_be_piped_in_and_pruned(bare: Cli, tmp_path: Path) -> None:
    bare("db", "upgrade")
    text = "schemes: [{name: A, time zone: UTC, branches: [{name: Always, steps: [voicemail]}]}]"
    for name in ("A", "B"):
        applied = CliRunner().invoke(main, ["schemes", "apply", "-", "--yes"], input=text.replace("A,", f"{name},"))
        assert applied.exit_code == 0, applied.output
    file = tmp_path / "all.yaml"
    file.write_text(text)
    assert bare.json("schemes", "plan", str(file), "--prune")["changes"][0]["what"] == "scheme 'B'"
    bare("schemes", "apply", str(file), "--prune", "--yes")
    assert [row["name"] for row in bare.json("schemes", "list")["schemes"]] == ["A"]
    assert "is not in the database any more; rollback brings it back" in bare("schemes", "history", "B").stdout
    bare("schemes", "rollback", "B", bare.json("schemes", "history", "B")["versions"][0]["version"])
    assert {row["name"] for row in bare.json("schemes", "list")["schemes"]} == {"A", "B"}


@pytest.mark.promise("CAL-06")
def test_a_file_with_mistakes_is_refused_and_one_with_warnings_is_not(cli: Cli, file: Path) -> None:
    rewrite(file, ("09:00-17:59", "18:01-08:59"))
    for command in ("plan", "apply"):
        refused = cli("schemes", command, str(file), code=1)
        assert f"{file}, line 9: 18:01-08:59 crosses midnight" in refused.stderr
    rewrite(
        file,
        *(("18:01-08:59", "09:00-17:59"), ("ring: in turn", "ring: all at once")),
        ("lab-declines, lab-answers", "'+79160000003', '+79160000010', lab-declines, lab-answers"),
    )
    applied = cli("schemes", "apply", str(file))
    assert (
        "warning: scheme 'Demo: office hours', branch 'Working hours', step 1: 2 numbers ring at once" in applied.stderr
    )
    assert "1 changed" in applied.stdout


@pytest.mark.promise("RNG-07")
def test_a_copy_lives_its_own_life(cli: Cli, tmp_path: Path) -> None:
    before = cli("schemes", "export", OFFICE).stdout
    assert "+ scheme 'Summer'" in cli("schemes", "copy", OFFICE, "Summer").stdout
    copied = cli("schemes", "export", "Summer").stdout
    assert copied == before.replace(f"'{OFFICE}'", "Summer")
    file = tmp_path / "summer.yaml"
    file.write_text(copied.replace("09:00-17:59", "10:00-15:59"))
    cli("schemes", "apply", str(file))
    assert cli("schemes", "export", OFFICE).stdout == before, "the first is left alone by what is done to the second"
    cli.sql(f"UPDATE schemes SET time_zone = 'UTC' WHERE name = '{OFFICE}'")
    assert "time zone: Europe/Moscow" in cli("schemes", "export", "Summer").stdout
    assert "there is a scheme 'Summer' already" in cli("schemes", "copy", OFFICE, "Summer", code=1).stderr
    assert "there is no scheme 'Winter'" in cli("schemes", "copy", "Winter", "Autumn", code=1).stderr


def test_an_edit_that_no_controller_has_seen_is_told(cli: Cli) -> None:
    cli.sql(f"UPDATE schemes SET time_zone = 'UTC' WHERE name = '{OFFICE}'")
    assert "which no controller has taken into force yet" in cli("schemes", "history", OFFICE).stdout


def test_a_greeting_that_others_play_keeps_its_sound_at_a_rollback(cli: Cli, tmp_path: Path) -> None:
    name, file = "Demo: voicemail at once", tmp_path / "file.yaml"
    cli("schemes", "copy", name, "Other")
    file.write_text(cli("schemes", "export", name).stdout.replace("max seconds: 30", "max seconds: 60"))
    cli("schemes", "apply", str(file))
    first = cli.json("schemes", "history", name)["versions"][1]["version"]
    cli.sql("UPDATE greetings SET sound = 'own/new' WHERE name = 'Demo Ukrainian'")
    kept = cli("schemes", "rollback", name, first)
    assert "greeting 'Demo Ukrainian' keeps its sound own/new (it was uk/greeting)" in kept.stderr
    assert "sound: own/new, team: Demo support" in cli("schemes", "export", name).stdout
    cli("schemes", "apply", str(file), "--yes")
    cli.sql("UPDATE steps SET greeting_id = NULL WHERE branch_id IN "
            "(SELECT b.id FROM branches b JOIN schemes s ON s.id = b.scheme_id WHERE s.name = 'Other')")  # fmt: skip
    cli.sql("UPDATE greetings SET sound = 'own/newer' WHERE name = 'Demo Ukrainian'")
    cli("schemes", "rollback", name, first)
    assert "sound: uk/greeting, team: Demo support" in cli("schemes", "export", name).stdout
    assert version(cli, name) == first


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("export", "Nothing"), 1, "there is no scheme 'Nothing'"),
        (("export", "--version", "abc"), 2, "--version is of one scheme"),
        (("export", OFFICE, "--version", "abc"), 1, "no version of scheme 'Demo: office hours' is known"),
        (("history", "Nothing"), 1, "there is no scheme 'Nothing', and never was"),
        (("diff", OFFICE), 1, "no version of scheme 'Demo: office hours' from before is known"),
        (("rollback", OFFICE, "abc"), 1, "no version of scheme 'Demo: office hours' is known"),
        (("plan", "/nowhere/x.yaml"), 1, "/nowhere/x.yaml cannot be read: No such file"),
    ],
)
def test_what_cannot_be_is_said(cli: Cli, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = cli("schemes", *arguments, code=code)
    assert said in result.stderr
    assert result.stdout == ""


def test_a_scheme_with_mistakes_is_exported_with_a_warning(cli: Cli) -> None:
    cli.sql(f"UPDATE schemes SET time_zone = 'Europe/Nowhere' WHERE name = '{OFFICE}'")
    exported = cli("schemes", "export", OFFICE)
    assert "warning: apply will refuse it as it is: scheme 'Demo: office hours': 'Europe/Nowhere'" in exported.stderr
    assert "time zone: Europe/Nowhere" in exported.stdout


def test_the_schema_is_printed_for_editors(bare: Cli) -> None:
    assert '"$schema": "https://json-schema.org/draft/2020-12/schema"' in bare("schemes", "schema").stdout
