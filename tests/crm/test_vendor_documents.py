"""The examples of docs/crm-vendors.md are configurations that are taken, one for each vendor at least."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from ari_app.crm.configuration import AnySettings, load_crms
from ari_app.crm.csv_file import CsvSettings
from ari_app.crm.http import HttpCrm
from tests.crm.drivers import ALL
from tests.crm.vendors.salesforce import keep_key
from tests.docs.documents import REPOSITORY, Block, blocks

DOCUMENT = REPOSITORY / "docs" / "crm-vendors.md"
EXAMPLES = [block for block in blocks("yaml") if block.document == DOCUMENT]
KINDS = {kind.model_fields["kind"].annotation.__args__[0] for kind in get_args(AnySettings) if kind is not CsvSettings}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
@pytest.mark.promise("RNG-15")
def test_the_example_is_taken(example: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = example.text
    for name in re.findall(r"\{env: (\w+)\}", text):
        monkeypatch.setenv(name, "s" * 32)
    keep_key(tmp_path)
    (tmp_path / "crm.yaml").write_text(text)
    [configured] = load_crms(tmp_path / "crm.yaml")
    assert isinstance(configured.crm, HttpCrm)
    assert configured.crm.name == configured.settings.name
    assert set(configured.crm.entities) <= set(configured.settings.known)


def test_each_vendor_has_an_example() -> None:
    text = DOCUMENT.read_text()
    assert set(re.findall(r"^    kind: (\w+)$", text, re.MULTILINE)) == KINDS


def test_each_vendor_is_in_the_conformance_suite() -> None:
    assert {one.settings for one in ALL} == set(get_args(AnySettings)) - {CsvSettings}


def test_each_record_of_each_vendor_is_explained() -> None:
    text = DOCUMENT.read_text()
    for driver in ALL:
        for entity in driver.settings.known:
            assert f"`{entity}`" in text, f"{driver.name}: {entity}"
