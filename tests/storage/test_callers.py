"""Rules by caller in SQL: in force with the book, kept on disk, to text and back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from ari_app.core.callers import CallerRuleDraft
from ari_app.core.numbering import DialPolicy
from ari_app.core.scheme import Greeting
from ari_app.storage import seeds
from ari_app.storage.applying import carry_out
from ari_app.storage.book import Reading, load_book
from ari_app.storage.caller_schema import caller_rules
from ari_app.storage.database import snapshot, writing
from ari_app.storage.description import DescriptionError, read_description
from ari_app.storage.description_writing import as_yaml, description_of
from ari_app.storage.planning import Plan, PlanError, plan, read_present
from ari_app.storage.rows import read_configuration
from ari_app.storage.snapshot import Kept, told, understood

pytestmark = pytest.mark.promise("FLD-06")
UNIVERSAL, RULES = Greeting("universal", "ari-app/en/greeting"), DialPolicy()
TEXT = """\
schemes:
  - name: VIP
    time zone: UTC
    branches: [{name: Day, hours: 06:00-23:59, steps: [hang up]}, {name: Night, steps: [voicemail]}]
callers:
  - {caller: +79161112233, answer: busy, reason: rings every night}
  - {caller: +7916*, number: +74950000101, answer: decline}
  - {caller: anonymous, scheme: VIP, branch: Night}
"""
DRAFTS = (
    CallerRuleDraft("+7916*", "+74950000101", "decline"),
    CallerRuleDraft("+79161112233", "", "busy", reason="rings every night"),
    CallerRuleDraft("anonymous", "", "scheme", "VIP", "Night"),
)


def read(engine: sa.Engine, previous: Reading | None = None) -> Reading:
    with snapshot(engine).begin() as connection:
        return load_book(connection, RULES, UNIVERSAL, previous)


def planned(engine: sa.Engine, text: str, *, prune: bool = False) -> Plan:
    with snapshot(engine).begin() as connection:
        present = read_present(connection)
    return plan(read_description(text, RULES)[0], present, RULES, UNIVERSAL, prune=prune)


def test_seeded_rules_come_into_force_and_can_be_taken_back(engine: sa.Engine) -> None:
    before = read(engine)
    with engine.begin() as connection:
        seeds.apply(connection, TEXT)
    reading = read(engine, before)
    assert reading.problems == ()
    assert reading.book.version != before.book.version
    found = reading.book.callers.rule_for(None, None)
    assert found is not None
    assert (found.scheme, found.branch) == (reading.judged[min(reading.judged)].in_force, "Night")
    with engine.begin() as connection:
        assert read_configuration(connection).callers == DRAFTS
        seeds.remove(connection, TEXT)
    assert read(engine).book.callers.rules == {}


def test_a_plain_edit_is_noticed_and_a_rule_that_makes_no_sense_is_told_and_does_not_count(engine: sa.Engine) -> None:
    first = read(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(caller_rules), {"caller": "+7*", "action": "scheme", "scheme": "Gone"})
        connection.execute(sa.insert(caller_rules), {"caller": "+48*"})
    reading = read(engine, first)
    assert reading.token != first.token
    assert [str(problem) for problem in reading.problems] == [
        "rule for caller '+7*': there is no scheme 'Gone' in force; name one that is"
    ]
    assert [rule.caller for rule in reading.book.callers.rules.values()] == ["+48*"]


def test_rules_are_kept_on_disk_with_the_schemes(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        seeds.apply(connection, TEXT)
        configuration = read_configuration(connection)
    kept = understood(told(Kept(datetime.now(UTC), configuration, configuration)))
    assert kept.latest.callers == DRAFTS


@pytest.mark.promise("OUR-06")
def test_text_becomes_rules_and_rules_the_same_text(engine: sa.Engine) -> None:
    first = planned(engine, TEXT)
    assert [str(change) for change in first.changes][1:] == [
        "+ caller +79161112233: busy (rings every night)",
        "+ caller +7916* to +74950000101: decline",
        "+ caller anonymous: scheme 'VIP', branch 'Night'",
    ]
    with writing(engine).begin() as connection:
        carry_out(connection, first, RULES, action="apply", actor="tester", target="test")
        present = read_present(connection)
    text = as_yaml(description_of(present.schemes.values(), {}, (), present.configuration.callers))
    assert planned(engine, text).changes == ()
    changed = planned(engine, text.replace("answer: decline", "answer: busy"))
    assert [str(change) for change in changed.changes] == [
        "~ rule by caller: caller +7916* to +74950000101: decline → caller +7916* to +74950000101: busy"
    ]
    with writing(engine).begin() as connection:
        carry_out(connection, changed, RULES, action="apply", actor="tester", target="test")
        assert read_configuration(connection).callers == changed.target.callers


def test_a_scheme_that_a_caller_goes_by_cannot_be_pruned(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        seeds.apply(connection, TEXT)
    with pytest.raises(PlanError, match="rule for caller 'anonymous': there is no scheme 'VIP' in force"):
        planned(engine, "schemes: []", prune=True)


def test_every_mistake_in_a_rule_is_told_with_its_mend() -> None:
    text = """\
callers:
  - {caller: 8916, answer: silence, number: 12}
  - {caller: +7916*}
  - {caller: +7917*, answer: busy, branch: Night}
  - {caller: +7916*, scheme: VIP}
"""
    with pytest.raises(DescriptionError) as refused:
        read_description(text, RULES)
    lines = str(refused.value).splitlines()
    for expected in (
        "'8916' is not a number, the beginning of one such as +7916*, or anonymous",
        "'12' is not an E.164 number",
        "'silence' is no answer to a caller",
        "a caller's rule has either an answer, busy or decline, or a scheme",
        "a branch is one of a scheme; name that, too",
        "'+7916*' is there twice among the callers",
    ):
        assert any(expected in line for line in lines), (expected, lines)
