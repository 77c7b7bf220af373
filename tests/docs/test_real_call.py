"""The README's timeline is what a real call through a real Asterisk prints."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Cli
from tests.docs.documents import REPOSITORY, examples, matches

CALLER = "+79165557840"


def timeless(output: str) -> str:
    """The output without the call's id and its moment."""
    output = re.sub(r"\b\d{8}-\d{6}-[0-9a-f]{10}\b", "ID", output)
    output = re.sub(r"\b\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\b", "MOMENT", output)
    return re.sub(r"it is \w{3} \d{2}:\d{2}", "it is NOW", output)


def test_the_call_that_the_readme_tells_of(running: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    (told,) = [
        one
        for one in examples()
        if one.block.document == REPOSITORY / "README.md" and one.command == "ari-app calls show last"
    ]
    running("call", "--to", "+74950000106", "--from", CALLER, "--expect", "message_left")
    printed = running("calls", "show", "last").stdout
    assert matches(timeless(told.output), timeless(printed)), printed
