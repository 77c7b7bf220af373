"""The description in the administrator's guide changes the demo as the guide says."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli
from tests.docs.documents import REPOSITORY, blocks, matches

ADMIN = REPOSITORY / "docs" / "admin.md"


def test_the_description_of_the_guide_is_planned_as_the_guide_shows(cli: Cli, tmp_path: Path) -> None:
    (described,) = [one for one in blocks("yaml") if one.document == ADMIN and "yaml-language-server" in one.text]
    (told,) = [one for one in blocks("text") if one.document == ADMIN and one.text.startswith("~ scheme")]
    file = tmp_path / "office.yaml"
    file.write_text(described.text)
    printed = cli("schemes", "plan", str(file)).stdout
    assert matches(told.text, printed), printed
    assert cli("schemes", "apply", str(file), "--yes").stdout.endswith("2 changes: 2 changed\n")
