"""Every command in the documents exists, and what needs no Asterisk prints what the documents show."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from ari_app import virtual_time
from ari_app.call import Exchange, FixedRules, conduct
from ari_app.cli import main
from ari_app.cli.site import read_book, settings_of
from ari_app.core.outcomes import Recorded
from ari_app.core.scheme import SchemeBook
from ari_app.ports import CallOpened
from ari_app.simulation import CallerScript, ScriptedLine
from ari_app.storage.database import open_database
from ari_app.storage.journal import SqlJournal
from ari_app.storage.revisions import DEMO_HEAD, SCHEMA_HEAD, upgrade
from tests.docs.documents import REPOSITORY, Block, Example, blocks, commands, examples, matches

NEED_A_RUNNING_SYSTEM = ("call", "serve", "agi", "doctor")
ARI_APP = re.compile(
    r"^(?:[A-Z_]+=\S+ |sudo |docker-compose -f \S+ run --rm controller |\.venv/bin/|/opt\S*/)*ari-app\b"
)


@dataclass(frozen=True)
class OneBook:
    """The book of one moment."""

    current: SchemeBook


class Keeper:
    """Takes the scripted message: what the caller of the README's call left."""

    def new_name(self) -> str:
        return f"voicemail-{0:032x}"

    async def take(self, name: str) -> Recorded:
        return Recorded(name, 6.1, 6.1)

    def keep(self, name: str) -> None: ...

    def discard(self, name: str) -> None: ...


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """The environment of a demo deployment whose journal has the README's call, gone through in virtual time."""
    folder = tmp_path_factory.mktemp("documents")
    url = f"sqlite:///{folder}/ari-app.sqlite3"
    upgrade(url, SCHEMA_HEAD, DEMO_HEAD)
    env_file = folder / "ari-app.env"
    env_file.write_text(f"ARI_APP_DATABASE_URL={url}\n")
    env_file.chmod(0o600)
    _journal_the_call(env_file, url)
    return {"ARI_APP_ENV_FILE": str(env_file), "COLUMNS": "100", "NO_COLOR": "1", "ARI_APP_DATABASE_URL": None}


def _journal_the_call(env_file: Path, url: str) -> None:
    settings = settings_of(env_file)
    at = datetime(2026, 11, 21, 20, 1, 44, tzinfo=UTC)
    caller, dialled = "+79165557840", "+74950000106"
    opened = CallOpened("20261121-200144-005ae888cf", at, caller, caller, dialled, dialled)
    engine = open_database(url)
    journal = SqlJournal(engine)

    async def go() -> None:
        line = ScriptedLine((), CallerScript())
        rules = FixedRules(read.messages)
        exchange = Exchange(OneBook(read.book), journal, Keeper(), settings.default_steps, rules=rules)
        await conduct(opened, line, exchange)

    read = read_book(settings)
    virtual_time.run(go())
    assert journal.close()
    engine.dispose()


@pytest.mark.parametrize(("block", "line"), commands(), ids=str)
def test_a_command_in_a_document_can_be_typed(block: Block, line: str) -> None:
    if not (written := ARI_APP.match(line)):
        return
    words = shlex.split(re.split(r" [|>&]+ ?", line[written.end() :])[0], comments=True)
    _parse(main, words, f"{block}: {line}")


def _parse(command: click.Command, words: list[str], where: str) -> None:
    """Read the words as click does, without running anything."""
    if words and words[-1] in ("--help", "--version"):
        return
    try:
        with command.make_context(command.name or "ari-app", list(words)) as context:
            if isinstance(command, click.Group):
                rest = [*context._protected_args, *context.args]
                _, sub, left = command.resolve_command(context, rest)
                assert sub is not None
                _parse(sub, left, where)
    except click.ClickException as error:
        pytest.fail(f"{where}: {error.format_message()}")


@pytest.mark.parametrize("example", [one for one in examples() if one.command.startswith("ari-app ")], ids=str)
def test_an_example_prints_what_the_document_shows(example: Example, demo: dict[str, str | None]) -> None:
    words = shlex.split(example.command)[1:]
    if words[0] in NEED_A_RUNNING_SYSTEM:
        pytest.fail(f"{example}: it needs Asterisk, so its output cannot be checked here: show it in a text block")
    result = CliRunner().invoke(main, words, env=demo)
    printed = result.output
    assert matches(example.output, printed), f"{example}, exit {result.exit_code}, in truth prints:\n\n{printed}"


@pytest.mark.parametrize("block", [one for one in blocks("sql") if one.document.name == "qa.md"], ids=str)
def test_sql_of_the_tester_s_guide_is_taken_by_the_database(block: Block, demo: dict[str, str | None]) -> None:
    url = settings_of(Path(str(demo["ARI_APP_ENV_FILE"]))).database_url
    engine = open_database(url)
    with engine.connect() as connection:
        changed = [connection.execute(sa.text(one)).rowcount for one in block.text.split(";") if one.strip()]
        connection.rollback()
    engine.dispose()
    assert changed
    assert all(changed), f"{block} changes nothing"


def test_the_readme_shows_a_call_that_was_real() -> None:
    """The journalled call stands for a real one: had the README another, this test's fixture must have it too."""
    assert "20261121-200144-005ae888cf" in (REPOSITORY / "README.md").read_text()
