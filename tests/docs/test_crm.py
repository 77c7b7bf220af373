"""The guide to responsible managers: its files are read, its SQL is taken, and its text is what the SQL makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.core.numbering import DialPolicy
from ari_app.crm.base import Manager
from ari_app.crm.configuration import load_crms
from ari_app.storage.description import read_description
from tests.cli.conftest import Cli
from tests.docs.documents import REPOSITORY, blocks

GUIDE = REPOSITORY / "docs" / "crm.md"


def _texts(language: str) -> list[str]:
    return [block.text for block in blocks(language) if block.document == GUIDE]


@pytest.mark.promise("RNG-12")
def test_the_file_of_the_guide_says_who_is_responsible(tmp_path: Path) -> None:
    (tmp_path / "crm.yaml").write_text(_texts("yaml")[0])
    (tmp_path / "managers.csv").write_text(*_texts("csv"))
    (found,) = load_crms(tmp_path / "crm.yaml")

    assert found.crm.entities == ("lead", "contact", "deal")
    assert found.crm.find("lead", "+79161112233", 1) is None, "it is closed"
    assert found.crm.find("deal", "+79161112233", 1) == Manager("olga@example.com", "Olga", "olga@example.com")
    assert found.crm.find("contact", "+79161112244", 1) == Manager("7", "Petr")


@pytest.mark.promise("RNG-11", "RNG-13")
def test_the_sql_and_the_text_of_the_guide_are_the_same(cli: Cli, tmp_path: Path) -> None:
    statements = [one for text in _texts("sql") for one in text.split(";") if one.strip()]
    cli.sql(*statements)
    told = cli.json("simulate", "--to", "+74950000301", "--manager", "olga@example.com", "--outcome", "noanswer,answer")
    assert sorted(leg["destination"] for leg in told["legs"]) == ["+79160000003", "olga"]

    described = tmp_path / "clients.yaml"
    described.write_text(_texts("yaml")[1])
    assert read_description(described.read_text(), DialPolicy())[1] == ()
    assert cli.json("schemes", "plan", str(described))["changes"] == []
