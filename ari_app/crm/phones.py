"""Whether a telephone number that a CRM keeps is the caller's."""

from __future__ import annotations

import re

import phonenumbers

from ari_app.core.numbering import normalise

_LONGEST = 64
_NUMBER = re.compile(r"[^0-9+]*(\+?[0-9][0-9 ()./\-\u00a0\u2010-\u2015]*)")
"""A number to the first thing that no number has in it, such as what goes before an extension."""


def same_phone(kept: object, phone: str, region: str) -> bool:
    """Whether ``kept``, as people type numbers, is ``phone`` (E.164).

    Vendors search loosely, so what they find is held against the number itself: all of its digits with the country
    code, or as it is dialled in ``region``.
    """
    if not isinstance(kept, str | int) or isinstance(kept, bool):
        return False
    found = _NUMBER.match(str(kept)[:_LONGEST])
    if found is None:
        return False
    bare = re.sub(r"[^0-9+]", "", found[1])
    return bare.removeprefix("+") == phone.removeprefix("+") or normalise(bare, region) == phone


def national(phone: str) -> str:
    """The digits of ``phone`` (E.164) without its country code: what however written forms of it have in common."""
    return phonenumbers.national_significant_number(phonenumbers.parse(phone))


def forms(phone: str, region: str) -> tuple[str, ...]:
    """How ``phone`` (E.164) may be kept where only whole numbers are found: as it is, as it is dialled in its own
    country if that is ``region``, and without its country code."""
    parsed = phonenumbers.parse(phone)
    dialled = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    home = (re.sub(r"\D", "", dialled),) if phonenumbers.region_code_for_number(parsed) == region else ()
    return tuple(dict.fromkeys((phone, *home, national(phone))))


def grouped(phone: str) -> str:
    """The digits of ``phone`` (E.164) without its country code, in the groups that its country parts it into: the words
    that a punctuated number is made of, whatever the punctuation."""
    parsed = phonenumbers.parse(phone)
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return " ".join(re.findall("[0-9]+", written.removeprefix(f"+{parsed.country_code}")))
