"""The JSON Schema of descriptions takes what the reader takes, and shows an editor the mistakes of form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from ari_app.core.draft import BranchDraft, SchemeDraft, StepDraft
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme_changes import canonical
from ari_app.storage.description import TEMPLATE, DescriptionError, read_description
from ari_app.storage.description_schema import SCHEMA, published
from ari_app.storage.description_writing import as_yaml, description_of
from tests.docs.documents import REPOSITORY, blocks
from tests.storage.described import GOOD_SCHEMES, TRICKY

VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
DEMO = sorted(REPOSITORY.glob("migrations/demo/*.py"))
MISTAKES = (
    "schemas: []",
    "schemes: [{name: S, branches: [{name: B, steps: [voicemail]}]}]",
    "schemes: [{name: S, time zone: UTC, branches: []}]",
    *(
        f"schemes: [{{name: S, time zone: UTC, branches: [{{name: B, {inner}}}]}}]"
        for inner in (
            "steps: []",
            "steps: [voicemial]",
            "steps: [{dial: {ring: all, to: [a]}}]",
            "steps: [{dial: {timeout: soon, to: [a]}}]",
            "steps: [{dial: {timeout: 20}}]",
            "steps: [{dial: {to: [PJSIP/x@y]}}]",
            "steps: [{dial: {to: [{timeout: 20}]}}]",
            "steps: [{greeting: {sound: own/x}}]",
            "steps: [{voicemail: {max seconds: long}}]",
            "steps: [voicemail], hours: 9 to 5",
            "steps: [voicemail], out of hours: perhaps",
        )
    ),
    "greetings: [{name: G}]",
    "numbers: [{number: 8 495 000-01-01}]",
    "numbers: [{name: N}]",
    "teams: [{name: T, makes tickets: sometimes}]",
)


class AsEditorsRead(yaml.SafeLoader):
    """YAML 1.2's core schema, by which editors go: no is a word there, and +7495 a number."""


AsEditorsRead.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_by_an_editor(text: str) -> Any:
    return json.loads(json.dumps(yaml.load(text, Loader=AsEditorsRead)))


def complaints(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(read_by_an_editor(text))]


def test_the_published_schema_is_that_of_the_program() -> None:
    assert (REPOSITORY / "docs" / "description.schema.json").read_text() == published()
    assert jsonschema_rs.meta.is_valid(SCHEMA)


def test_the_template_and_what_the_documents_show_are_valid() -> None:
    texts = [block.text for block in blocks("yaml") if "time zone:" in block.text]
    assert texts
    for text in (TEMPLATE, *texts):
        assert complaints(text) == []
        read_description(text, DialPolicy())


@pytest.mark.parametrize("revision", DEMO, ids=lambda path: path.stem)
def test_the_demo_is_valid(revision: Path) -> None:
    text = revision.read_text().split('"""\\\n')[1].split('"""')[0]
    assert complaints(text) == []


@pytest.mark.promise("OUR-06")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(drafts=GOOD_SCHEMES)
def test_whatever_is_exported_is_valid_and_read_as_what_it_was(drafts: tuple[SchemeDraft, ...]) -> None:
    text = as_yaml(description_of(drafts))
    assert complaints(text) == []
    assert read_description(text, DialPolicy())[0].schemes == tuple(map(canonical, drafts))


@pytest.mark.parametrize("name", TRICKY)
def test_a_name_is_read_as_it_was_written_whatever_yaml_might_take_it_for(name: str) -> None:
    draft = SchemeDraft(name, "UTC", (BranchDraft(name, (), (StepDraft("voicemail"),)),))
    assert read_description(as_yaml(description_of([draft])), DialPolicy())[0].schemes == (draft,)


@pytest.mark.parametrize("text", MISTAKES)
def test_an_editor_shows_a_mistake_that_the_reader_tells_of(text: str) -> None:
    assert complaints(text)
    with pytest.raises(DescriptionError):
        read_description(text, DialPolicy())
