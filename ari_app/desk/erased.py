"""What stands for a client whose data were erased: random, the same in every row of theirs, and no way back."""

from __future__ import annotations

import re
import secrets
from typing import Any

import phonenumbers

_PSEUDONYM = re.compile(r"erased-[0-9a-f]{16}")


def new_pseudonym() -> str:
    """A name that no key and no list leads back from."""
    return f"erased-{secrets.token_hex(8)}"


def is_erased(text: str | None) -> bool:
    """Whether it stands for an erased client."""
    return text is not None and _PSEUDONYM.fullmatch(text) is not None


def core_digits(number: str) -> str:
    """The digits that every way of writing an E.164 number has in common: those after the country's code."""
    return phonenumbers.national_significant_number(phonenumbers.parse(number))


class Scrub:
    """Puts a pseudonym where a number stands, however it is written, and where any of ``words`` does."""

    def __init__(self, number: str, pseudonym: str, words: tuple[str, ...] = ()) -> None:
        digits = core_digits(number)
        country = number[1 : len(number) - len(digits)]
        forms = [rf"\+?(?:00)?{country}{digits}", rf"[80]?{digits}", *map(re.escape, filter(None, words))]
        self._pattern = re.compile("|".join(forms))
        self._pseudonym = pseudonym

    def text(self, text: str) -> str:
        """The text without the number."""
        return self._pattern.sub(self._pseudonym, text)

    def value(self, value: Any) -> Any:
        """A value of JSON without the number."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.value(one) for name, one in value.items()}
        return [self.value(one) for one in value] if isinstance(value, list) else value
