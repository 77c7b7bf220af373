"""Programs that the lab needs: what is missing is named, with the command that brings it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ari_app.lab import tools
from ari_app.lab.errors import LabError
from ari_app.lab.tools import POSTGRESQL, SIPP, Tool, needed_for, require, telling, why_missing

THERE = Tool("sh", "dash", "is everywhere")
ABSENT = Tool("no-such-program", "no-such-package", "plays the phones")


def program(folder: Path, name: str, script: str) -> None:
    """Put a program of this name into ``folder``."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH save for the shell's own, with an apt-get that writes down what it is asked."""
    program(tmp_path, "apt-get", f'echo "$@" >>{tmp_path}/asked')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_a_program_that_is_there_asks_for_nothing() -> None:
    said: list[str] = []
    require([THERE], said.append)
    assert (why_missing([THERE]), said) == (None, [])


def test_an_ordinary_user_is_told_the_exact_command(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError) as refused:
        require([THERE, ABSENT], lambda line: None)
    assert str(refused.value) == (
        "missing: no-such-program (plays the phones). Install: sudo apt-get install -y no-such-package"
    )
    assert not (apt / "asked").exists()


def test_without_apt_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_missing([ABSENT]) == (
        "missing: no-such-program (plays the phones). Install what Debian calls no-such-package"
    )


def test_root_has_the_packages_installed_and_is_told_each(apt: Path) -> None:
    program(
        apt,
        "apt-get",
        f'echo "$@" >>{apt}/asked; echo "Setting up no-such-package:amd64 (1.0) ..."; cp $0 {apt}/no-such-program',
    )
    said: list[str] = []
    require([ABSENT], said.append)
    assert (apt / "asked").read_text().splitlines() == [
        "update --quiet",
        "install --quiet --yes --no-install-recommends no-such-package",
    ]
    assert said[0] == "Installing no-such-package with apt-get"
    assert said[-1] == "  no-such-package"


def test_postgresql_comes_without_a_server_of_debians_own(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgresql = Tool("initdb-of-nowhere", "postgresql", "is the other database")
    config = apt / "etc" / "createcluster.conf"
    monkeypatch.setattr(tools, "POSTGRESQL", postgresql)
    monkeypatch.setattr(tools, "NO_CLUSTER", config)
    program(apt, "apt-get", f"cp $0 {apt}/initdb-of-nowhere")
    require([postgresql], lambda line: None)
    assert config.read_text() == "create_main_cluster = false\n"


def test_a_failure_of_apt_is_told_in_its_own_words(apt: Path) -> None:
    program(apt, "apt-get", "echo 'E: no network'; exit 100")
    with pytest.raises(LabError, match=r"`apt-get update --quiet` failed:\n  E: no network\nMend it"):
        require([ABSENT], lambda line: None)


def test_a_package_that_does_not_bring_its_program_is_told(apt: Path) -> None:
    with pytest.raises(LabError, match="no-such-package are installed, yet there is no no-such-program in PATH"):
        require([ABSENT], lambda line: None)


def test_a_program_may_be_beside_the_path(tmp_path: Path) -> None:
    (tmp_path / "15").mkdir()
    beside = Tool("initdb-of-nowhere", "postgresql", "is the other database", f"{str(tmp_path)[1:]}/*")
    assert not beside.there
    program(tmp_path / "15", "initdb-of-nowhere", "")
    assert beside.there


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        ((), (SIPP, POSTGRESQL)),
        (("tests/unit",), ()),
        (("tests/unit/test_engine.py::test_a_call", "tests/lab"), ()),
        (("tests/unit", "tests/storage"), (SIPP, POSTGRESQL)),
        (("tests/e2e",), (SIPP, POSTGRESQL)),
    ],
)
def test_only_tests_of_the_outside_need_tools(paths: tuple[str, ...], wanted: tuple[Tool, ...]) -> None:
    assert needed_for(paths) == wanted


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Setting up libgsl27:amd64 (2.7.1) ...\n", "libgsl27"),
        ("Need to get 21.3 MB of archives.\n", "Need to get 21.3 MB of archives."),
        ("E: Unable to locate package x\n", "E: Unable to locate package x"),
        ("Reading package lists...\n", None),
    ],
)
def test_what_a_waiting_person_is_told_of_apt(line: str, told: str | None) -> None:
    assert telling(line) == told
