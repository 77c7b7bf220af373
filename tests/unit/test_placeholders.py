"""Texts with placeholders: what may stand in braces, what becomes of values, and of those that are missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.placeholders import PLACEHOLDERS, PlaceholderError, Template, compose

NAMES = st.sampled_from(sorted(PLACEHOLDERS))
# No space, quote or mark at the ends: those are what a missing value takes along.
LITERALS = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="{}"), min_size=1)
WORDS = st.text("abcАБВ😜1", min_size=1, max_size=15)


def rendered(text: str, **values: str) -> str:
    return Template.parse(text).render(values)


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_each_placeholder_takes_its_value(name: str) -> None:
    assert rendered(f"<{{{name}}}>", **{name: "Anna"}) == "<Anna>"


def test_these_are_the_placeholders_and_each_is_explained() -> None:
    assert " ".join(PLACEHOLDERS) == "caller number number_name company team time date item link name adviser"
    for one in PLACEHOLDERS.values():
        assert one.meaning
        assert one.value({one.name: one.example}) == one.example


@given(
    st.lists(st.one_of(LITERALS, NAMES.map("{{{}}}".format)), max_size=8), st.dictionaries(NAMES, WORDS, min_size=11)
)
def test_what_is_put_in_is_the_values_and_nothing_else_changes(parts: list[str], values: dict[str, str]) -> None:
    said = "".join(values[part[1:-1]] if part[0] == "{" else part for part in parts)
    assert Template.parse("".join(parts)).render(values) == said


def test_doubled_braces_are_braces() -> None:
    assert rendered("{{name}} {{{name}}} }}{{", name="Anna") == "{name} {Anna} }{"


@pytest.mark.parametrize(
    "value", ["{caller}", "{{caller}}", "{caller.__class__}", "%(caller)s", "${caller}", "$(id)", r"\1"]
)
def test_a_value_is_never_expanded_again(value: str) -> None:
    assert rendered("Hello, {name}", name=value, caller="+79160000001") == f"Hello, {value}"


@pytest.mark.parametrize(
    ("value", "put_in"),
    [
        ("  Anna \n Petrova\t", "Anna Petrova"),
        ("Анна\u00a0Петрова", "Анна Петрова"),
        ("An\x00na\x1b[31m\u202e\u200b", "Anna[31m"),
        ("\ud83dAnna", "Anna"),
        ("a" * 100, "a" * 60),
        ("a" * 59 + " bc", "a" * 59),
    ],
)
def test_values_are_cleaned_and_cut(value: str, put_in: str) -> None:
    assert rendered("Hello, {name}!", name=value) == f"Hello, {put_in}!"


@given(NAMES, st.text(max_size=600))
def test_no_value_breaks_a_line_or_floods_the_text(name: str, value: str) -> None:
    placed = rendered(f"<{{{name}}}>", **{name: value})
    assert placed.isprintable()
    assert len(placed) <= 2 + PLACEHOLDERS[name].longest


@pytest.mark.parametrize(
    ("text", "put_in"),
    [
        ("Hello, {name}, we missed your call", "Hello, we missed your call"),
        ("Hello, {name}! Call us", "Hello! Call us"),
        ("Call us: {number}", "Call us"),
        ("Hello {name}! Call us", "Hello! Call us"),
        ("{name}, we missed your call", "we missed your call"),
        ("{name} {adviser}: call us", "call us"),
        ("You called {company} today", "You called today"),
        ("You called «{company}» today", "You called today"),
        ("You called us ({number_name}).", "You called us."),
        ("Call us {number}", "Call us"),
        ("Call {name} {adviser} back", "Call back"),
        ("Ours:\n{name}\nbye", "Ours:\n\nbye"),
        ("a{name}b", "ab"),
        ("a {name}{adviser} b  c", "a b  c"),
        ("{name}", ""),
        ("", ""),
    ],
)
def test_a_missing_value_leaves_no_hole(text: str, put_in: str) -> None:
    assert rendered(text) == put_in
    assert rendered(text, name="", company=" ", number="\x00", adviser="\u200b") == put_in


@given(st.lists(st.one_of(LITERALS, NAMES.map("{{{}}}".format)), max_size=8), st.dictionaries(NAMES, WORDS))
def test_whatever_is_missing_the_text_is_text(parts: list[str], values: dict[str, str]) -> None:
    text = Template.parse("".join(parts)).render(values)
    assert "\0" not in text
    for part in parts:
        assert part[0] != "{" or values.get(part[1:-1], "") in text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "Hi {nmae}",
            "line 1, character 4 has the unknown placeholder {nmae}; did you mean {name}? There are {caller} {num",
        ),
        ("Hi\n\n a{Name}", "line 3, character 3 has the unknown placeholder {Name}; did you mean {name}? There are"),
        ("{имя}", "line 1, character 1 has the unknown placeholder {имя}; There are {caller} {number} {number_name}"),
        ("{}", "line 1, character 1 has the unknown placeholder {}; There are"),
        ("{caller.__class__}", "has the unknown placeholder {caller.__class__}"),
        ("{caller!r}", "has the unknown placeholder {caller!r}; did you mean {caller}?"),
        ("{caller:>99}", "has the unknown placeholder {caller:>99}"),
        ("{ caller }", "has the unknown placeholder { caller }; did you mean {caller}?"),
        ("{0}", "has the unknown placeholder {0}"),
        ("Hi {name", "line 1, character 4 has a lone {; a brace itself is written {{"),
        ("Hi {na\nme}", "line 1, character 4 has a lone {"),
        ("Hi name}", "line 1, character 8 has a lone }; a brace itself is written }}"),
        ("Hi {{name}", "line 1, character 10 has a lone }"),
        ("Hi\x00", r"line 1, character 3 has '\x00', which is no text; remove it"),
        ("Hi \ud83d", r"line 1, character 4 has '\ud83d', which is no text"),
    ],
)
def test_a_text_that_cannot_be_read_says_where_and_what_may_stand_there(text: str, error: str) -> None:
    with pytest.raises(PlaceholderError) as refusal:
        Template.parse(text)
    assert error in str(refusal.value)


def test_an_error_names_every_placeholder() -> None:
    with pytest.raises(PlaceholderError) as refusal:
        Template.parse("{x}")
    assert all(f"{{{name}}}" in str(refusal.value) for name in PLACEHOLDERS)


@given(st.text("{}name \n"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        template = Template.parse(text)
    except PlaceholderError:
        return
    assert Template.parse(template.text) == template


def test_a_text_from_a_web_form_has_its_own_lines() -> None:
    assert rendered("Hello\r\n\t{name}\rbye", name="Anna") == "Hello\n\tAnna\nbye"


def test_a_sample_shows_the_text_with_examples() -> None:
    template = Template.parse("{name}, call {number}")
    assert template.sample() == "Anna, call +74950000101"
    assert {one.name for one in template.placeholders} == {"name", "number"}


@pytest.mark.parametrize(
    ("company", "team", "extra", "composed"),
    [
        (None, None, None, "We missed your call."),
        ("", " ", "\n", "We missed your call."),
        ("Acme", None, None, "Acme: We missed your call."),
        (None, "Sales", None, "Sales: We missed your call."),
        ("Acme", "Sales", None, "Acme, Sales: We missed your call."),
        (None, None, "Mon-Fri 9-18", "We missed your call.\nMon-Fri 9-18"),
        (
            "Acme",
            "Sales",
            " Mon-Fri 9-18\nacme.example ",
            "Acme, Sales: We missed your call.\nMon-Fri 9-18\nacme.example",
        ),
        ("Ac\r\nme {name}", "Sal\x00es", None, "Ac me {name}, Sales: We missed your call."),
    ],
)
def test_company_team_and_extra_text_are_added_in_one_order(
    company: str | None, team: str | None, extra: str | None, composed: str
) -> None:
    assert compose(" We missed your call.\n", company=company, team=team, extra=extra) == composed


def test_parts_alone_are_no_message() -> None:
    assert compose(" ", company="Acme", team="Sales", extra="") == ""
    assert compose("", company="Acme", team=None, extra="We will call") == "Acme: We will call"
