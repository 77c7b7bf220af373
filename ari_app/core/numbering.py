"""Telephone numbers: one normal form (E.164), and which of them may be dialed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

ENDPOINT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
"""A named endpoint: short, lower case, and nothing a dial string could be bent with."""

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""ITU-T E.164 allows 15 digits; some countries' plans, Germany's for one, would allow more."""

_DIALLED = re.compile(r"\+?[0-9]{2,20}")

# ITU-T E.164 country codes that are no country: satellite and shared networks, billed like nothing else.
_COSTLY_COUNTRY_CODES = {
    870: "satellite",
    878: "personal",
    881: "satellite",
    882: "shared network",
    883: "shared network",
}
_COSTLY_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "premium-rate",
    PhoneNumberType.SHARED_COST: "shared-cost",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company-access",
}


@lru_cache(maxsize=4096)
def normalise(raw: str, region: str) -> str | None:
    """``raw`` as E.164 (``+74950000101``), or None when it is no telephone number.

    A number without ``+`` is read as dialled in ``region`` (ISO 3166 alpha-2). Only digits and one leading plus are
    read: what people put between digits is for people, and signalling has no business carrying it.
    """
    e164 = _e164(raw, region) if _DIALLED.fullmatch(raw) else None
    # What leading zeros and the like have led astray does not read back as itself.
    return e164 if e164 and E164.fullmatch(e164) and _e164(e164, "ZZ") == e164 else None


def _e164(raw: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    # "Possible" would also let through what works within one town only, such as 112, as if it were international.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def printable(raw: str, limit: int = 64) -> str:
    """Text from the signalling, made safe to store and show: no control or invisible characters, at most ``limit``."""
    if raw.isprintable():
        return raw[:limit]
    return "".join(char for char in raw[: limit * 4] if char.isprintable())[:limit]


def masked(number: str | None) -> str:
    """A number as logs show it: enough to recognise, too little to dial."""
    if not number:
        return "anonymous"
    return number if len(number) <= 6 else f"{number[:4]}{'*' * (len(number) - 6)}{number[-2:]}"


def masked_target(target: str) -> str:
    """A destination as logs show it: a number masked, an endpoint by its name."""
    return masked(target) if E164.fullmatch(target) else target


@lru_cache(maxsize=4096)
def number_kind(e164: str) -> int:
    """The `PhoneNumberType` that the numbering plans give a number in normal form; UNKNOWN: no plan has it."""
    return phonenumbers.number_type(phonenumbers.parse(e164))


def costly_kind(e164: str) -> str | None:
    """What a number in normal form is that costs more than others (``premium-rate``, ``satellite``), or None."""
    country_code = phonenumbers.parse(e164).country_code or 0
    return _COSTLY_COUNTRY_CODES.get(country_code) or _COSTLY_TYPES.get(number_kind(e164))


@dataclass(frozen=True, slots=True)
class DialPolicy:
    """Which E.164 numbers may be dialed.

    ``allowed_prefixes`` (``("+7", "+380")``; empty allows every country) and ``denied_prefixes`` are of the deployment.
    Premium, shared-cost and satellite numbers are refused unless ``allow_costly``.
    """

    allowed_prefixes: tuple[str, ...] = ()
    denied_prefixes: tuple[str, ...] = ()
    allow_costly: bool = False

    def refusal(self, e164: str) -> str | None:
        """Why ``e164`` must not be dialed, or None when it may be."""
        if normalise(e164, "ZZ") != e164:
            return f"{printable(e164)!r} is not an E.164 number such as +74950000101"
        if number_kind(e164) == PhoneNumberType.UNKNOWN:
            return f"{e164} is not a number that exists in any country's numbering plan"
        if self.allowed_prefixes and not e164.startswith(self.allowed_prefixes):
            return f"{e164} is outside the allowed prefixes ({', '.join(self.allowed_prefixes)})"
        if self.denied_prefixes and e164.startswith(self.denied_prefixes):
            return f"{e164} has a denied prefix"
        kind = None if self.allow_costly else costly_kind(e164)
        return f"{e164} is a {kind} number, and those are denied" if kind else None
