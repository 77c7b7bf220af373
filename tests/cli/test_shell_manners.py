"""What a shell user expects of any command: examples in help, colours on a terminal alone, quiet pipes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ari_app.cli import main
from tests.cli.conftest import Cli
from tests.cli.journal import journalled

ARI_APP = str(Path(sys.executable).with_name("ari-app"))
ESCAPE = "\x1b["


def commands(group: click.Command = main, *names: str) -> Iterator[tuple[str, ...]]:
    """Every command and group, by the words that call it."""
    yield names
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from commands(command, *names, name)


@pytest.mark.parametrize("names", list(commands()), ids=" ".join)
def test_help_has_examples(bare: Cli, names: tuple[str, ...]) -> None:
    told = bare(*names, "--help").stdout
    assert "Example" in told
    assert f"  ari-app {' '.join(names)}".rstrip() in told
    assert max(map(len, told.splitlines())) <= 90


def on_a_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
    """What a command prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **environment}
    with subprocess.Popen([ARI_APP, *arguments], stdout=theirs, stderr=theirs, env=variables) as process:
        os.close(theirs)
        told = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: the other side has closed it
                break
            if not piece:
                break
            told += piece
    os.close(ours)
    assert process.returncode == 0, told
    return told.decode()


def test_colours_are_for_a_terminal_that_wants_them(cli: Cli) -> None:
    journalled("20260302-093000-aaaa", "+74950000105", "busy,busy")
    for command in (("calls", "list"), ("calls", "show", "last")):
        assert ESCAPE in on_a_terminal(*command)
        assert ESCAPE not in on_a_terminal(*command, NO_COLOR="1")
        assert ESCAPE not in cli(*command).stdout
    assert ESCAPE not in on_a_terminal("calls", "list", "--json")


@pytest.mark.parametrize("columns", [80, 120])
def test_a_timeline_stays_aligned_on_any_terminal(cli: Cli, columns: int) -> None:
    journalled("20260302-093000-aaaa", "+74950000108", "declined,answer")
    lines = on_a_terminal("calls", "show", "last", columns=columns, NO_COLOR="1").splitlines()
    assert max(map(len, lines)) <= columns
    timeline = [line for line in lines if line[3:4] == "." and line[7:8] == "s"]
    assert len(timeline) > 10
    assert {line[8:9] + line[10:11] for line in timeline} == {"  "}


def test_a_closed_pipe_is_no_traceback(cli: Cli) -> None:
    for number in range(60):
        journalled(f"20260302-093000-{number:04d}", "+74950000105", "busy,busy")
    for command in (["calls", "list"], ["calls", "list", "--json"], ["numbers", "list"]):
        with subprocess.Popen([ARI_APP, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode in (0, 1)


def test_names_that_the_encoding_lacks_do_not_end_a_command(cli: Cli) -> None:
    cli.sql("UPDATE numbers SET name = 'Отдел продаж'")
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([ARI_APP, "numbers", "list"], env=variables, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"????? ??????" in done.stdout


def test_an_unknown_command_is_exit_code_2(bare: Cli) -> None:
    assert "No such command 'cals'" in bare("cals", code=2).stderr
