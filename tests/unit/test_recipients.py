"""Who may be texted: mobiles that exist, that are not our own, and that nobody earns on."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from ari_app.core.recipients import TextPolicy

DEFAULT = TextPolicy()
LANDLINES = TextPolicy(allow_landline=True)
KINDS = [value for name, value in vars(PhoneNumberType).items() if name.isupper()]
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def example_number(region: str, kind: int) -> str | None:
    """The number that the numbering plan itself gives as an example."""
    number = phonenumbers.example_number_for_type(region, kind)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number else None


@pytest.mark.parametrize(
    "number",
    [
        "+79160000001",
        "+380501234567",
        "+48501234567",
        "+4915112345678",
        "+447400123456",
        "+77012345678",
        "+12015550123",  # landline or mobile: in +1 nobody can tell
    ],
)
def test_mobiles_of_any_country_may_be_texted(number: str) -> None:
    assert DEFAULT.refusal(number, ()) is None


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (None, "the number is withheld, so there is nobody to write to"),
        ("", "the number is withheld, so there is nobody to write to"),
        ("112", "112 is a short number, and those take no answers from us"),
        ("900900", "900900 is a short number, and those take no answers from us"),
        ("+7900", "+7900 is a short number, and those take no answers from us"),
        ("79160000001", "7916*****01 is not an E.164 number such as +79160000001"),
        ("anonymous", "anon***us is not an E.164 number such as +79160000001"),
        ("Eve\r\n<+79160000001>", "Eve<***********1> is not an E.164 number such as +79160000001"),
        ("+7916000000123456", "+791***********56 is not an E.164 number such as +79160000001"),
        (
            "+10005550123",
            "+100******23 is not a number that exists in any country's numbering plan; it may be forged",
        ),
        ("+74950000101", "+749******01 is a landline, and only mobiles are written to"),
        ("+48221234567", "+482******67 is a landline, and only mobiles are written to"),
        ("+78001234567", "+780******67 is a freephone number, and only mobiles are written to"),
        ("+445612345678", "+445*******78 is an internet telephony number, and only mobiles are written to"),
        ("+499001234567", "+499*******67 is a premium-rate number, and texts to those cost extra"),
        ("+491801234567", "+491*******67 is a shared-cost number, and texts to those cost extra"),
        ("+447012345678", "+447*******78 is a personal number, and texts to those cost extra"),
        ("+447640123456", "+447*******56 is a pager number, and texts to those cost extra"),
        ("+881612345678", "+881*******78 is a satellite number, and texts to those cost extra"),
        ("+870773111632", "+870*******32 is a satellite number, and texts to those cost extra"),
        ("+882161234567", None),
    ],
)
def test_nobody_else_may_and_it_is_said_why(number: str | None, why: str | None) -> None:
    refusal = DEFAULT.refusal(number)
    assert refusal is not None
    assert why is None or refusal == why


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", [DEFAULT, LANDLINES])
def test_of_every_country_exactly_mobiles_and_landlines_where_allowed(kind: int, policy: TextPolicy) -> None:
    allowed = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
    if policy.allow_landline:
        allowed.add(PhoneNumberType.FIXED_LINE)
    for number in filter(None, (example_number(region, kind) for region in REGIONS)):
        really = phonenumbers.number_type(phonenumbers.parse(number))
        if len(number) >= 8:  # shorter are those of a few islands
            assert (policy.refusal(number) is None) is (really in allowed), number


@pytest.mark.parametrize("number", ["+79160000001", "+74950000101"])
def test_the_company_does_not_write_to_itself(number: str) -> None:
    refusal = LANDLINES.refusal(number, {"+79160000001", "+74950000101"})
    assert refusal is not None
    assert refusal.endswith("is a number of the company's own")
    assert LANDLINES.refusal(number, {"+79160000002"}) is None


@pytest.mark.parametrize(
    ("policy", "number", "why"),
    [
        (TextPolicy(allowed_prefixes=("+380", "+48")), "+380501234567", None),
        (TextPolicy(allowed_prefixes=("+380", "+48")), "+79160000001", "outside the allowed prefixes (+380, +48)"),
        (TextPolicy(allowed_prefixes=("+380",), region="RU"), "+79160000001", None),
        (TextPolicy(allowed_prefixes=("+380",), region="RU"), "+380501234567", None),
        # Kazakhstan shares +7, and is abroad all the same.
        (TextPolicy(allowed_prefixes=("+380",), region="RU"), "+77012345678", "outside the allowed prefixes (+380)"),
        (TextPolicy(region="RU"), "+77012345678", None),
        (TextPolicy(denied_prefixes=("+7916",), region="RU"), "+79160000001", "prefix that is denied"),
        (TextPolicy(denied_prefixes=("+7916",)), "+79170000001", None),
        (TextPolicy(allowed_prefixes=("+4",), denied_prefixes=("+48",)), "+48501234567", "prefix that is denied"),
        (TextPolicy(allowed_prefixes=("+49900",)), "+499001234567", "premium-rate"),
        (TextPolicy(allowed_prefixes=("+881",), allow_landline=True), "+881612345678", "satellite"),
        (LANDLINES, "+74950000101", None),
        (LANDLINES, "+78001234567", "freephone"),
    ],
)
def test_a_deployment_narrows_or_widens_it(policy: TextPolicy, number: str, why: str | None) -> None:
    refusal = policy.refusal(number)
    assert refusal is None if why is None else why in (refusal or "")


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        ({"denied_prefixes": ("7916",)}, "prefix '7916' is none that numbers begin with; write it as \\+380"),
        ({"allowed_prefixes": ("+7 916",)}, "prefix"),
        ({"allowed_prefixes": ("",)}, "prefix"),
        ({"region": "UK"}, "'UK' is no country with a numbering plan; Poland, say, is PL"),
    ],
)
def test_a_policy_that_would_forbid_nothing_is_refused(policy: dict[str, tuple[str, ...]], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        TextPolicy(**policy)  # type: ignore[arg-type]


@given(st.one_of(st.text(), st.text("+0123456789", max_size=20)), st.booleans())
@example("+7916\n0000001", False)
def test_whatever_is_given_is_either_a_whole_number_or_refused_in_one_line(number: str, allow_landline: bool) -> None:
    refusal = TextPolicy(allow_landline).refusal(number)
    if refusal is None:
        assert number[0] == "+"
        assert number[1:].isascii()
        assert number[1:].isdigit()
    else:
        assert refusal.isprintable()
        assert len(refusal) < 200
