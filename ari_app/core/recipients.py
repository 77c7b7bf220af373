"""Which numbers may be texted: a caller's number may be forged, and texts to costly ones earn somebody money."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumberType

from ari_app.core.numbering import costly_kind, masked, normalise, number_kind, printable

# Where landlines and mobiles share their prefixes, as in +1, a number counts as a mobile.
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_UNWRITTEN = {
    PhoneNumberType.TOLL_FREE: "a freephone",
    PhoneNumberType.VOIP: "an internet telephony",
    PhoneNumberType.VOICEMAIL: "a voicemail",
}
_SHORT = re.compile(r"\+?[0-9]{1,6}")
_PREFIX = re.compile(r"\+[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class TextPolicy:
    """Which E.164 numbers may be texted: by default every mobile in the world, and nothing else.

    Premium-rate, shared-cost, personal, pager, satellite and shared-network numbers never are, whatever is allowed.
    ``allow_landline``: landlines too, for gateways that reach them. ``allowed_prefixes`` (``("+380", "+48")``), if
    there are any, are the only ones, besides the numbers of ``region`` (ISO 3166 alpha-2; none: no such exception).
    ``denied_prefixes`` come before all else.

    Raises:
        ValueError: a prefix that no number begins with, or a region without a numbering plan.
    """

    allow_landline: bool = False
    allowed_prefixes: tuple[str, ...] = ()
    denied_prefixes: tuple[str, ...] = ()
    region: str = ""

    def __post_init__(self) -> None:
        for prefix in (*self.allowed_prefixes, *self.denied_prefixes):
            if not _PREFIX.fullmatch(prefix):
                raise ValueError(f"prefix {printable(prefix)!r} is none that numbers begin with; write it as +380")
        if self.region and self.region not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"{printable(self.region)!r} is no country with a numbering plan; Poland, say, is PL")

    def refusal(self, number: str | None, own_numbers: Collection[str] = ()) -> str | None:
        """Why ``number`` must not be texted, as a sentence with the number masked, or None when it may be.

        ``number`` is as the signalling or a user gave it, None when withheld; ``own_numbers`` are the company's, E.164.
        """
        if not number:
            return "the number is withheld, so there is nobody to write to"
        fault = self._fault(number, own_numbers)
        return f"{masked(printable(number, 20))} {fault}" if fault else None

    def _fault(self, number: str, own_numbers: Collection[str]) -> str | None:
        if _SHORT.fullmatch(number):
            return "is a short number, and those take no answers from us"
        if normalise(number, "ZZ") != number:
            return "is not an E.164 number such as +79160000001"
        if number in own_numbers:
            return "is a number of the company's own"
        if number_kind(number) == PhoneNumberType.UNKNOWN:
            return "is not a number that exists in any country's numbering plan; it may be forged"
        return self._fault_of_prefix(number) or self._fault_of_kind(number)

    def _fault_of_prefix(self, number: str) -> str | None:
        if number.startswith(self.denied_prefixes):
            return "has a prefix that is denied"
        if not self.allowed_prefixes or number.startswith(self.allowed_prefixes) or self._is_at_home(number):
            return None
        return f"is outside the allowed prefixes ({', '.join(self.allowed_prefixes)})"

    def _is_at_home(self, number: str) -> bool:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) == (self.region or None)

    def _fault_of_kind(self, number: str) -> str | None:
        costly, kind = costly_kind(number), number_kind(number)
        if costly:
            return f"is a {costly} number, and texts to those cost extra"
        if kind in _MOBILE or (kind == PhoneNumberType.FIXED_LINE and self.allow_landline):
            return None
        if kind == PhoneNumberType.FIXED_LINE:
            return "is a landline, and only mobiles are written to"
        return f"is {_UNWRITTEN.get(kind, 'a special')} number, and only mobiles are written to"
