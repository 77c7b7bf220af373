"""Who is responsible, the pure part: what a target asks, what is believed for how long, how often a CRM is asked."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.responsible import (
    AskedError,
    Circuit,
    Memory,
    Patience,
    Question,
    Why,
    asked,
)

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,39}", fullmatch=True)
PATIENCE = Patience(failures=3, pause=30.0)


@given(crm=NAMES, entities=st.lists(NAMES, max_size=10, unique=True))
def test_a_target_names_a_crm_and_the_order_of_its_records(crm: str, entities: list[str]) -> None:
    target = f"{crm}:{','.join(entities)}" if entities else crm

    assert asked(target, "+79161112233") == Question(crm, tuple(entities), "+79161112233")


@pytest.mark.parametrize("target", ["", "CRM", "crm:", "crm:lead,", "crm:lead;deal", "crm: lead", "crm\n", "7crm"])
def test_what_names_none_is_refused(target: str) -> None:
    with pytest.raises(AskedError, match="crm:lead,contact,deal"):
        asked(target)


@pytest.mark.parametrize("target", ["crm:lead,deal,lead", "crm:" + ",".join(f"e{number}" for number in range(11))])
def test_a_question_is_bounded(target: str) -> None:
    with pytest.raises(AskedError, match="twice, or more than 10"):
        asked(target)


def test_what_the_crm_has_said_is_told_from_what_it_failed_to_say() -> None:
    assert {why for why in Why if why.is_known} == {Why.NONE, Why.NO_DESTINATIONS}


@given(
    most=st.integers(1, 5),
    deeds=st.lists(st.tuples(st.integers(0, 9), st.floats(0, 10), st.floats(0, 10), st.booleans()), max_size=60),
)
def test_memory_is_bounded_and_never_believes_for_longer_than_told(
    most: int, deeds: list[tuple[int, float, float, bool]]
) -> None:
    memory: Memory[int, tuple[int, float]] = Memory(most)
    now = 0.0
    for key, passes, keeps, is_kept in deeds:
        now += passes
        if is_kept:
            memory.keep(key, (key, now + keeps), now + keeps)
            assert memory.get(key, now) == ((key, now + keeps) if keeps > 0 and now + keeps > now else None)
        found = memory.get(key, now)
        assert found is None or (found[0] == key and found[1] > now)
        assert len(memory) <= most


def test_what_was_asked_for_last_stays() -> None:
    memory: Memory[str, int] = Memory(2)
    memory.keep("a", 1, 100)
    memory.keep("b", 2, 100)
    assert memory.get("a", 0) == 1

    memory.keep("c", 3, 100)

    assert [memory.get(key, 0) for key in "abc"] == [1, None, 3]


@given(deeds=st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["fails", "limits"])), max_size=80))
def test_a_crm_that_does_nothing_but_fail_is_asked_once_in_a_pause(deeds: list[tuple[float, str]]) -> None:
    circuit, now = Circuit(), 0.0
    tried: list[float] = []
    for passes, what in deeds:
        now += passes
        if circuit.is_open(now):
            continue
        circuit = circuit.trying(now, PATIENCE)
        tried.append(now)
        circuit = circuit.failed(now, PATIENCE, 12.0 if what == "limits" else 0.0)
        assert what == "fails" or circuit.is_open(now + 11.9)
    later = tried[PATIENCE.failures - 1 :]
    # Sums of floats differ in their last digits.
    assert all(second - first >= PATIENCE.pause - 1e-6 for first, second in pairwise(later))


def test_one_question_is_let_through_after_the_pause_and_its_answer_decides() -> None:
    circuit = Circuit()
    for now in (0.0, 1.0):
        circuit = circuit.trying(now, PATIENCE).failed(now, PATIENCE)
        assert not circuit.is_open(now)
    circuit = circuit.failed(2.0, PATIENCE)

    assert circuit.is_open(31.9)
    assert not circuit.is_open(32.0)
    assert circuit.trying(32.0, PATIENCE).is_open(33.0), "others wait for that one"
    assert not circuit.trying(32.0, PATIENCE).answered().is_open(32.1)
    assert circuit.trying(32.0, PATIENCE).failed(33.0, PATIENCE).is_open(62.9)
