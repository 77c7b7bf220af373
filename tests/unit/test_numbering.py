"""Numbers: one normal form, and a last door that lets nothing but digits through."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ari_app.core.numbering import ENDPOINT_NAME, DialPolicy, masked, normalise, printable
from ari_app.core.scheme import Destination, TargetKind
from ari_app.dialstring import DialTemplates
from ari_app.ports import LegRefused

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
REGIONS = st.sampled_from(["RU", "UA", "PL", "DE", "US", "GB", "IT", "NU", "TK", "SH", "AT", "CN", "ZZ"])
DIGITS = st.text("0123456789", max_size=22)
HOSTILE = st.sampled_from(
    [
        "Local/100@from-trunk",
        "+74950000101,,,1234",
        "+74950000101;ext=5",
        "+7495*0000101#",
        "PJSIP/trunk&Local/1@default",
        "+7495 000-01-01",
        "sip:+74950000101@evil.example",
        "+74950000101\n",
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
        "+" + "9" * 300,
        "$(id)",
        "'; DROP TABLE calls; --",
        "{number.__class__}",
    ]
)
ANY_TEXT = st.one_of(
    st.text(),
    DIGITS,
    DIGITS.map("+{}".format),
    DIGITS.map("+49{}".format),
    HOSTILE,
    st.builds(str.__add__, DIGITS.map("+{}".format), st.text()),
)


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("+74950000101", "ZZ", "+74950000101"),
        ("84950000101", "RU", "+74950000101"),
        ("4950000101", "RU", "+74950000101"),
        ("0441234567", "UA", "+380441234567"),
        ("00493012345678", "PL", "+493012345678"),
        ("+390612345678", "ZZ", "+390612345678"),
        ("+6834002", "ZZ", "+6834002"),
    ],
)
def test_a_number_as_dialled_in_its_region_has_one_normal_form(raw: str, region: str, e164: str) -> None:
    assert normalise(raw, region) == e164


@pytest.mark.fault("22")
@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("", "RU"),
        ("112", "DE"),  # possible within a town, yet no number of the world
        ("2530000", "US"),
        ("+49" + "1" * 15, "ZZ"),  # German numbers may be longer than E.164 allows
        ("+4912", "ZZ"),
        ("4950000101", "ZZ"),
        ("+999123456789", "ZZ"),
        ("anonymous", "RU"),
    ],
)
def test_what_is_no_number_has_no_normal_form(raw: str, region: str) -> None:
    assert normalise(raw, region) is None


@pytest.mark.fault("22", "23")
@given(ANY_TEXT, REGIONS)
def test_whatever_is_dialled_becomes_plus_and_digits_or_nothing(raw: str, region: str) -> None:
    number = normalise(raw, region)
    assert number is None or (E164.fullmatch(number) and normalise(number, "ZZ") == number)


@pytest.mark.fault("22")
@given(ANY_TEXT, st.booleans())
def test_nothing_but_an_existing_number_in_normal_form_may_be_dialed(text: str, allow_costly: bool) -> None:
    refusal = DialPolicy(allow_costly=allow_costly).refusal(text)
    assert refusal is None or refusal.isprintable()
    assert refusal is not None or E164.fullmatch(text)


@pytest.mark.fault("22")
@given(st.sampled_from([*TargetKind]), ANY_TEXT)
def test_no_text_reaches_a_dial_string_unless_it_is_digits_or_a_short_name(kind: TargetKind, text: str) -> None:
    templates = DialTemplates("PJSIP/{number}@trunk", "PJSIP/{name}")
    try:
        dial_string = templates.render(Destination(kind, text, 20))
    except LegRefused:
        assume(True)
        return
    assert re.fullmatch(r"PJSIP/\+[1-9][0-9]{6,14}@trunk", dial_string) or (
        kind is TargetKind.ENDPOINT and re.fullmatch(r"PJSIP/[a-z][a-z0-9_-]{0,39}", dial_string)
    )


@pytest.mark.fault("22")
@pytest.mark.parametrize(
    ("number", "endpoint"),
    [
        ("Local/{number}@ctx", "PJSIP/{name}"),
        ("PJSIP/trunk", "PJSIP/{name}"),
        ("PJSIP/{number}@{number}", "PJSIP/{name}"),
        ("PJSIP/{number.__class__}@trunk", "PJSIP/{name}"),
        ("PJSIP/{number}@trunk", "PJSIP/{number}"),
        ("PJSIP/{number}@trunk&Local/1@ctx", "PJSIP/{name}"),
    ],
)
def test_a_dial_template_that_could_be_bent_is_refused(number: str, endpoint: str) -> None:
    with pytest.raises(ValueError, match="dial template"):
        DialTemplates(number, endpoint)


def test_a_destination_is_called_by_what_it_names() -> None:
    assert str(Destination(TargetKind.ENDPOINT, "desk", 20)) == "desk"


@pytest.mark.parametrize("name", ["desk", "lab-busy", "a", "x" * 40, "desk_2"])
def test_an_endpoint_has_a_short_plain_name(name: str) -> None:
    assert ENDPOINT_NAME.fullmatch(name)


@pytest.mark.fault("22")
@pytest.mark.parametrize("name", ["", "Desk", "9desk", "-desk", "x" * 41, "desk/1", "desk@ctx", "desk\n", "desk&a"])
def test_an_endpoint_has_no_other_name(name: str) -> None:
    assert not ENDPOINT_NAME.fullmatch(name)


@pytest.mark.fault("22")
@pytest.mark.parametrize(
    ("policy", "number", "why"),
    [
        (DialPolicy(), "+74950000101", None),
        (DialPolicy(), "74950000101", "not an E.164 number"),
        (DialPolicy(), "+7 495 0000101", "not an E.164 number"),
        (DialPolicy(), "+12015550123000", "not an E.164 number"),
        (DialPolicy(), "+10005550123", "does not exist"),
        (DialPolicy(allowed_prefixes=("+7", "+380")), "+74950000101", None),
        (DialPolicy(allowed_prefixes=("+7", "+380")), "+442079460000", "outside the allowed prefixes (+7, +380)"),
        (DialPolicy(denied_prefixes=("+7495",)), "+74950000101", "denied prefix"),
        (DialPolicy(denied_prefixes=("+7495",)), "+79160000001", None),
        (DialPolicy(), "+881612345678", "satellite"),
        (DialPolicy(allow_costly=True), "+881612345678", None),
        (DialPolicy(), "+498001234567", None),
        (DialPolicy(), "+499001234567", "premium-rate"),
        (DialPolicy(), "+442079460000", None),
        (DialPolicy(), "+491801234567", "shared-cost"),
        (DialPolicy(allow_costly=True), "+499001234567", None),
    ],
)
def test_the_policy_says_what_may_be_dialed_and_why_not(policy: DialPolicy, number: str, why: str | None) -> None:
    refusal = policy.refusal(number)
    if why == "does not exist":
        why = "not a number that exists"
    assert refusal is None if why is None else why in (refusal or "")


@pytest.mark.fault("23")
@given(st.text(), st.integers(0, 80))
def test_text_from_the_signalling_is_stored_printable_and_short(raw: str, limit: int) -> None:
    safe = printable(raw, limit)
    assert len(safe) <= limit
    assert safe.isprintable()


@pytest.mark.fault("23")
def test_what_can_be_shown_of_a_hostile_caller_id_is_kept() -> None:
    assert printable("Eve\r\n\x1b[31m<b>\u202e'\"") == "Eve[31m<b>'\""


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+74950000101", "+749******01"), ("100", "100"), (None, "anonymous"), ("", "anonymous")],
)
def test_logs_show_numbers_masked(number: str | None, shown: str) -> None:
    assert masked(number) == shown
