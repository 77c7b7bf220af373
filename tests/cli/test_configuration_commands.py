"""`schemes`, `numbers`, `db`, `seed`: what is configured, what is wrong with it, and what the database has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

OFFICE = "Demo: office hours"


def test_numbers_are_listed_with_what_their_schemes_do(cli: Cli) -> None:
    listed = {row["number"]: row for row in cli.json("numbers", "list")["numbers"]}
    assert listed["+74950000102"] == {
        "number": "+74950000102",
        "name": "Busy, then the second answers",
        "enabled": True,
        "team": listed["+74950000102"]["team"],
        "scheme": "Demo: the second answers",
        "does": "ring in turn: lab-busy (8 s), +79160000003 (8 s)",
    }
    assert listed["+74950000108"]["does"].startswith("Mon-Fri 09:00-17:59: ring in turn: lab-declines (8 s)")
    assert "Sat-Sun 00:00-23:59 (out of hours): voicemail" in listed["+74950000108"]["does"]
    assert listed["+74950000112"]["does"] == "the configured default"
    line = next(line for line in cli("numbers", "list").stdout.splitlines() if line.startswith("+74950000112"))
    assert "switched off" in line


def test_a_terminal_of_80_columns_loses_columns_and_not_numbers(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("numbers", "list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split("  ")[0] == "number"
    assert "scheme" not in lines[0]
    assert all(len(line.split()[0]) == 12 for line in lines[1:] if not line.startswith(" "))


def test_schemes_are_listed_with_their_numbers_and_state(cli: Cli) -> None:
    cli.sql(f"UPDATE schemes SET time_zone = 'Mars/Base' WHERE name = '{OFFICE}'")
    rows = {row["name"]: row for row in cli.json("schemes", "list")["schemes"]}
    assert (rows[OFFICE]["refused"], rows[OFFICE]["numbers"], rows[OFFICE]["does"]) == (True, ["+74950000108"], "")
    assert rows["Demo: the first answers"]["numbers"] == ["+74950000101", "+74950000112"]
    line = next(line for line in cli("schemes", "list").stdout.splitlines() if OFFICE in line)
    assert "refused" in line


def test_a_good_book_passes_the_check(cli: Cli) -> None:
    assert re.fullmatch(r"\d\d schemes: 0 errors, 0 warnings\n", cli("schemes", "check").stdout)
    told = cli.json("schemes", "check")
    assert (told["problems"], {scheme["whole"] for scheme in told["schemes"]}) == ([], {True})


@pytest.mark.fault("21")
def test_an_error_is_exit_code_1_and_a_warning_is_not(cli: Cli) -> None:
    cli.sql(
        "INSERT INTO branches (scheme_id, position, name) "
        "SELECT id, 9, 'never' FROM schemes WHERE name = 'Demo: all busy'",
        "INSERT INTO steps (branch_id, kind) SELECT max(id), 'hang_up' FROM branches",
    )
    told = cli("schemes", "check").stdout
    assert "! warning scheme 'Demo: all busy', branch 'never': it is never reached" in told
    assert told.endswith(" schemes: 0 errors, 1 warning\n")
    cli.sql(f"UPDATE schemes SET time_zone = 'Mars/Base' WHERE name = '{OFFICE}'")
    assert f"✘ error   scheme '{OFFICE}': 'Mars/Base' is not an IANA" in cli("schemes", "check", code=1).stdout
    assert [problem["severity"] for problem in cli.json("schemes", "check", OFFICE, code=1)["problems"]] == ["error"]
    assert cli("schemes", "check", "Demo: all at once").stdout.endswith("1 scheme: 0 errors, 0 warnings\n")
    assert "there is no scheme 'Nobody'; ari-app schemes list" in cli("schemes", "check", "Nobody", code=1).stderr


# --- the database ----------------------------------------------------------------------------------------------------


def test_a_missing_database_is_said_and_not_made(bare: Cli) -> None:
    for command in (("calls", "list"), ("db", "current"), ("simulate", "--to", "101"), ("numbers", "list", "--json")):
        result = bare(*command, code=1)
        assert f"there is no database {bare.database}; make it: ari-app db upgrade" in result.stderr
        assert result.stdout == ""
    assert not bare.database.exists()


def test_upgrade_makes_the_tables_once(bare: Cli) -> None:
    assert "added schema_0001" in bare("db", "upgrade").stdout
    assert bare("db", "upgrade").stdout == f"sqlite:///{bare.database}: is up to date\n"
    state = bare.json("db", "current")
    assert (state["up_to_date"], state["lacks"], state["unknown"]) == (True, [], [])
    assert bare.json("numbers", "list") == {"numbers": []}
    assert "added demo_" in bare("db", "upgrade", "--demo").stdout
    assert len(bare.json("numbers", "list")["numbers"]) > 16


def test_a_database_of_another_release_is_refused(bare: Cli) -> None:
    bare("db", "upgrade")
    bare.sql("UPDATE alembic_version SET version_num = 'schema_9999'")
    assert bare.json("db", "current", code=1)["unknown"] == ["schema_9999"]
    assert "schema_9999, which this release does not know" in bare("calls", "list", code=1).stderr
    bare.sql("UPDATE alembic_version SET version_num = 'schema_0001'")
    assert "lacks schema_0002" in bare("calls", "list", code=1).stderr
    bare.sql("DELETE FROM alembic_version")
    assert "no tables yet; make them: ari-app db upgrade" in bare("db", "current", code=1).stdout


def test_what_is_no_database_is_said(bare: Cli) -> None:
    bare.database.write_bytes(b"this is a letter, and no database at all" * 40)
    assert "file is not a database" in bare("calls", "list", code=1).stderr
    assert "file is not a database" in bare("db", "upgrade", code=1).stderr


def test_a_password_is_not_shown(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARI_APP_DATABASE_URL", "postgresql+psycopg://ari:hunter2@127.0.0.1:1/ari")
    for command in (("db", "url"), ("db", "upgrade"), ("calls", "list")):
        result = bare(*command, code=1)
        assert "postgresql+psycopg://ari:***@127.0.0.1:1/ari" in result.stderr
        assert "hunter2" not in result.output


def test_the_url_is_printed(cli: Cli) -> None:
    assert cli("db", "url").stdout == f"sqlite:///{cli.database}\n"


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://x/y", "ARI_APP_DATABASE_URL: must begin with sqlite"),
        ("DATABASE_URL", "sqlite:///:memory:", "ARI_APP_DATABASE_URL: SQLite in memory"),
        ("REGION", "Russia", "ARI_APP_REGION"),
        ("ENV_FILE", "/nowhere/ari-app.env", "ARI_APP_ENV_FILE names /nowhere/ari-app.env"),
    ],
)
def test_wrong_settings_are_exit_code_2(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"ARI_APP_{name}", value)
    for command in (("calls", "list"), ("serve",), ("numbers", "list", "--json")):
        result = cli(*command, code=2)
        assert said in result.stderr
        assert result.stdout == ""


def test_an_env_file_is_read_and_must_be_private(bare: Cli, demo_database: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.env"
    file.write_text("ARI_APP_REGION=UA\n")
    file.chmod(0o644)
    assert f"chmod 600 {file}" in bare("numbers", "list", "--env-file", str(file), code=2).stderr


def test_serve_says_what_it_lacks(bare: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ARI_APP_ARI_PASSWORD is empty; set it as in Asterisk's ari.conf" in bare("serve", code=2).stderr
    monkeypatch.setenv("ARI_APP_ARI_PASSWORD", "secret-enough")
    assert "make it: ari-app db upgrade" in bare("serve", code=1).stderr
    monkeypatch.setenv("ARI_APP_ARI_URL", "localhost:8088")
    assert "the ARI url must be http://HOST:PORT/ari" in bare("serve", code=2).stderr
    monkeypatch.delenv("ARI_APP_ARI_URL")
    bare("db", "upgrade")
    bare.sql("UPDATE alembic_version SET version_num = 'schema_0005'")
    assert "lacks schema_0006, schema_0007, " in bare("serve", code=1).stderr
    assert "bring it up to date: ari-app db upgrade" in bare("serve", code=1).stderr


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_a_seed_is_written_from_its_template(bare: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from ari_app.storage.revisions import migrations_folder

    copied = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), copied)
    monkeypatch.setenv("ARI_APP_MIGRATIONS", str(copied))
    description = tmp_path / "office.yaml"
    description.write_text(bare("seed", "--template").stdout)
    written = bare("seed", "-m", "Moscow office", str(description)).stdout
    assert "moscow_office.py" in written
    assert "ari-app db upgrade --seeds" in written
    bare("db", "upgrade", "--seeds")
    assert [row["scheme"] for row in bare.json("numbers", "list")["numbers"]] == ["Office"]


def test_a_mistaken_seed_is_not_written(bare: Cli, tmp_path: Path) -> None:
    description = tmp_path / "office.yaml"
    description.write_text("schemes:\n  - name: Office\n    time zone: Europe/Moskva\n")
    refused = bare("seed", "-m", "Office", str(description), code=1)
    assert "Europe/Moskva" in refused.stderr
    assert 'ari-app seed -m "Kyiv office" FILE' in bare("seed", "-m", "Office", code=2).stderr
    assert "does not exist" in bare("seed", "-m", "x", "missing.yaml", code=2).stderr
