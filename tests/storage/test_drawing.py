"""The drawing of the schema in the documentation is the schema."""

from __future__ import annotations

import re
from pathlib import Path

from ari_app.core.numbering import DialPolicy
from ari_app.storage.description import read_description
from ari_app.storage.drawing import drawing
from ari_app.storage.tables import metadata
from tests.storage.admin import shell

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_drawing_in_the_documentation_is_the_present_one() -> None:
    remake = "make it anew: python -m ari_app.storage.drawing > docs/schema.md"
    assert (DOCS / "schema.md").read_text(encoding="utf-8") == drawing(), remake


def test_every_table_and_column_is_named_in_the_drawing() -> None:
    text = (DOCS / "schema.md").read_text(encoding="utf-8")
    for table in metadata.sorted_tables:
        section = text.split(f"### {table.name}\n")[1].split("\n### ")[0]
        assert [column.name for column in table.columns if f"| `{column.name}`" not in section] == [], table.name


def test_every_statement_of_the_admins_cookbook_works(url: str) -> None:
    """One after the other, in a plain shell, on both databases."""
    text = (DOCS / "admin.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```sql\n(.*?)```", text, flags=re.DOTALL)
    statements = [one.strip() for recipe in recipes for one in recipe.split(";") if one.strip()]
    assert len(statements) > 15
    with shell(url) as admin:
        for statement in statements:
            admin.execute(statement)


def test_the_description_in_the_admins_cookbook_is_a_good_one() -> None:
    text = (DOCS / "admin.md").read_text(encoding="utf-8")
    *_, described = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    found, warnings = read_description(described, DialPolicy())
    assert [number.e164 for number in found.numbers] == ["+48221112244"]
    assert warnings == ()
