"""Whatever comes in, nothing breaks and no dial string comes out that was not approved. `make fuzz` tries 100,000."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.agi.variables import harmless
from ari_app.ari.caller import presentable
from ari_app.core.numbering import E164, DialPolicy, masked, normalise, printable
from ari_app.core.scheme import Destination, TargetKind
from ari_app.dialstring import DialTemplates
from ari_app.ports import LegRefused
from tests.fuzzing.targets import APPROVED, EXAMPLES, TARGETS

REGIONS = st.sampled_from(["RU", "UA", "PL", "GB", "US", "ZZ"])
TRICKS = st.sampled_from(
    [
        *"+0123456789&@/;,$()[]{}\\\"'*# \n\r\x00\x1b\u202e\u0661\uff11",
        "Local/",
        "PJSIP/",
        "${SHELL(id)}",
        "@trunk",
        "../",
    ]
)
NUMBERISH = st.lists(st.from_regex(r"\A\+?[0-9]{1,9}\Z") | TRICKS, max_size=6).map("".join) | st.text(max_size=40)
TEMPLATES = DialTemplates()
POLICY = DialPolicy()


@pytest.mark.fault("22")
@given(NUMBERISH, REGIONS)
def test_any_number_is_e164_or_none_at_all(raw: str, region: str) -> None:
    number = normalise(raw, region)
    assert number is None or (E164.fullmatch(number) and normalise(number, "ZZ") == number)


@pytest.mark.fault("22")
@given(NUMBERISH, st.sampled_from(TargetKind))
def test_any_target_is_dialed_as_approved_or_not_at_all(target: str, kind: TargetKind) -> None:
    POLICY.refusal(target)
    with suppress(LegRefused):
        assert APPROVED.fullmatch(TEMPLATES.render(Destination(kind, target, 20)))


@pytest.mark.fault("23")
@given(NUMBERISH | st.text(max_size=3000))
def test_any_caller_id_is_stored_shown_and_logged_harmless(raw: str) -> None:
    stored = printable(raw)
    assert stored.isprintable()
    assert len(stored) <= 64
    masked(stored)
    assert re.fullmatch(r'"(anonymous|\+?[0-9]{1,20})" <\1>', presentable(raw))
    assert not re.search(r'[$\\{}"\x00-\x1f]', harmless(raw))


@pytest.mark.parametrize(("name", "data"), [(name, each) for name in TARGETS for each in EXAMPLES[name]])
def test_what_a_fuzzer_begins_with_is_answered_or_refused(name: str, data: bytes) -> None:
    TARGETS[name](data)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A target, and one of its examples with something cut out and something put in; or anything at all."""
    name = draw(st.sampled_from(sorted(TARGETS)))
    example = draw(st.sampled_from(EXAMPLES[name]))
    start, end = sorted((draw(st.integers(0, len(example))), draw(st.integers(0, len(example)))))
    put_in = draw(st.binary(max_size=20) | TRICKS.map(str.encode))
    return name, draw(st.sampled_from([example[:start] + put_in + example[end:], put_in]))


@given(spoiled())
def test_what_is_spoiled_is_answered_or_refused(case: tuple[str, bytes]) -> None:
    name, data = case
    TARGETS[name](data)
