"""The examples of docs/api.md, run in order against the running interface by a shell with curl."""

from __future__ import annotations

import json
import os
import re
import subprocess
from itertools import pairwise
from typing import Any

from tests.docs.documents import REPOSITORY, Block, blocks
from tests.web.house import TEAM, House


def examples() -> list[tuple[Block, Any]]:
    """Each block of curl with the JSON that follows it."""
    found = [block for block in blocks("sh", "json") if block.document == REPOSITORY / "docs" / "api.md"]
    return [
        (asked, json.loads(told.text))
        for asked, told in pairwise(found)
        if asked.text.startswith("curl") and told.language == "json"
    ]


def differences(told: Any, given: Any, where: str = "") -> list[str]:
    """Where an answer is not as told; `...` stands for anything, and an answer may have more fields."""
    if told == "...":
        return [] if given not in (None, "", []) else [f"{where}: nothing"]
    if isinstance(told, dict) and isinstance(given, dict):
        return [one for name in told for one in differences(told[name], given.get(name, "missing"), f"{where}.{name}")]
    if isinstance(told, list) and isinstance(given, list) and len(told) == len(given):
        return [
            one
            for place, (left, right) in enumerate(zip(told, given, strict=True))
            for one in differences(left, right, f"{where}[{place}]")
        ]
    return [] if told == given else [f"{where}: told {told!r}, in truth {given!r}"]


def test_every_example_answers_as_told(own_house: House) -> None:
    mark = own_house.process.mark
    own_house.sql(f"UPDATE teams SET name = 'Sales' WHERE name = '{TEAM}'")
    own_house.process.said("book .* in force", since=mark)
    shell = {**os.environ, "API": own_house.base, "TOKEN": own_house.tokens["crm"]}
    asked = examples()
    assert len(asked) >= 10
    for block, told in asked:
        done = subprocess.run(
            ["bash", "-c", block.text], env=shell, capture_output=True, text=True, timeout=20, check=True
        )
        given = json.loads(done.stdout)
        assert not differences(told, given), f"{block}: {differences(told, given)}, in truth {done.stdout}"


def test_every_path_that_is_named_is_there(house: House) -> None:
    text = (REPOSITORY / "docs" / "api.md").read_text()
    named = set(re.findall(r"/v1/[a-z]+", text))
    described = {re.match(r"/v1/[a-z]+", path)[0] for path in house.get("/openapi.json")["paths"]}  # type: ignore[index]
    assert named == described
