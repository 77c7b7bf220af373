"""How many SMS a text takes and what it costs: the GSM 7-bit alphabet, UCS-2, parts and their headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

MOST_PARTS = 10
"""Of one text. A longer one is a mistake, or an attack on the budget; most gateways refuse it anyway."""

# 3GPP TS 23.038, 6.2.1: the character at place N has code N; 0x1B is the escape to the extension table.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
# 3GPP TS 23.038, 6.2.1.1
_EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_CODES = {char: bytes((code,)) for code, char in enumerate(_BASIC) if code != _ESCAPE} | {
    char: bytes((_ESCAPE, code)) for char, code in _EXTENSION.items()
}

# What word processors and keyboards put in, and what says the same in GSM 7-bit.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("«»„“”‟″", '"'),
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " "),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
        "…": "...",
        "•": "*",
        "№": "No.",
        **dict(zip("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "acelnoszzACELNOSZZ", strict=True)),
    }
)


class Encoding(StrEnum):
    """How a text goes over the air."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


# 140 octets of user data (3GPP TS 23.040, 9.2.3.24), less the six of the concatenation header and a fill bit.
_ALONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_OF_SEVERAL = {Encoding.GSM7: 153, Encoding.UCS2: 67}


class TextError(ValueError):
    """A text cannot be sent as an SMS; the message says why and what to do."""


class EmptyText(TextError):
    """There is nothing to read in the text."""


class TextTooLong(TextError):
    """The text takes more than ``MOST_PARTS`` parts."""


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes: ``units`` are septets (GSM-7) or UTF-16 code units (UCS-2) without headers; ``units_left`` is
    the room in the last part."""

    encoding: Encoding
    units: int
    parts: int
    units_left: int


def segments(text: str) -> Segments:
    """What ``text`` takes as SMS.

    Raises:
        EmptyText: nothing but white space and invisible characters.
        TextTooLong: more than ``MOST_PARTS`` parts.
        TextError: half of a surrogate pair.
    """
    encoding = encoding_of(text)
    parts = split(text)
    room = (_ALONE if len(parts) == 1 else _OF_SEVERAL)[encoding]
    return Segments(encoding, _units(text, encoding), len(parts), room - _units(parts[-1], encoding))


def split(text: str) -> tuple[str, ...]:
    """The text of each part. No character is cut in two: neither an escaped one of GSM-7 nor a surrogate pair.

    Raises:
        EmptyText, TextTooLong, TextError: as ``segments``.
    """
    if not any(char.isprintable() and not char.isspace() for char in text):
        raise EmptyText("the text is empty; write what the client shall read")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise TextError("the text has half of a character (a lone surrogate); paste it again")
    parts = _parts(text)
    if len(parts) > MOST_PARTS:
        surplus = len(text) - sum(map(len, parts[:MOST_PARTS]))
        raise TextTooLong(
            f"the text takes {len(parts)} SMS, {MOST_PARTS} at most are sent; shorten it by {surplus} characters"
        )
    return parts


def _parts(text: str) -> tuple[str, ...]:
    encoding = encoding_of(text)
    if _units(text, encoding) <= _ALONE[encoding]:
        return (text,)
    return tuple(_cut(text, encoding, _OF_SEVERAL[encoding]))


def _cut(text: str, encoding: Encoding, room: int) -> Iterator[str]:
    start = used = 0
    for place, char in enumerate(text):
        needed = _units(char, encoding)
        if used + needed > room:
            yield text[start:place]
            start, used = place, 0
        used += needed
    yield text[start:]


def encoding_of(text: str) -> Encoding:
    """GSM-7 where every character is in its alphabet, else UCS-2."""
    return Encoding.GSM7 if all(char in _CODES for char in text) else Encoding.UCS2


def _units(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return sum(len(_CODES[char]) for char in text)
    return sum(2 if char > "\uffff" else 1 for char in text)


def what_makes_it_ucs2(text: str) -> tuple[str, ...]:
    """The characters outside GSM-7, each once, in the order of the text."""
    return tuple(dict.fromkeys(char for char in text if char not in _CODES))


def plainer(text: str) -> str | None:
    """The text with typographic marks and Polish letters made plain, if that takes fewer SMS, else None."""
    plain = text.translate(_PLAIN)
    saves = plain.strip() and encoding_of(plain) is Encoding.GSM7 and len(_parts(plain)) < len(_parts(text))
    return plain if saves else None


def cost(parts: int, price: Decimal) -> Decimal:
    """The price of so many parts, ``price`` being that of one, in the money of the deployment.

    Raises:
        ValueError: a count or price below zero, or a price that is no number.
    """
    if parts < 0 or not price.is_finite() or price < 0:
        raise ValueError(f"{parts} parts at {price} each cost nothing sensible; both must be zero or more")
    return parts * price


def codes(text: str) -> bytes:
    """The text's septets, one an octet, as SMPP carries them unpacked.

    Raises:
        TextError: the text is not GSM-7.
    """
    if strange := what_makes_it_ucs2(text):
        raise TextError(f"{', '.join(map(repr, strange))} is not in the GSM 7-bit alphabet; send the text as UCS-2")
    return b"".join(_CODES[char] for char in text)


def septets(text: str, header_octets: int = 0) -> bytes:
    """The text's septets packed into octets, low bits first (3GPP TS 23.038, 6.1.2.1).

    After a header of so many octets fill bits come first, that the text begin at a septet (TS 23.040, 9.2.3.24).

    Raises:
        TextError: the text is not GSM-7.
    """
    fill = -8 * header_octets % 7
    unpacked = codes(text)
    bits = sum(code << (fill + 7 * place) for place, code in enumerate(unpacked))
    return bits.to_bytes((fill + 7 * len(unpacked) + 7) // 8, "little")


def udh(reference: int, total: int, number: int) -> bytes:
    """The user data header of part ``number`` (from 1) of ``total``, all of one ``reference`` (0 to 255).

    Concatenation with an 8-bit reference: 3GPP TS 23.040, 9.2.3.24.1, its length octet included.

    Raises:
        ValueError: a number outside its range.
    """
    if not (0 <= reference <= 255 and 1 <= number <= total <= 255):
        raise ValueError(f"part {number} of {total} with reference {reference}: needs 1 to 255, and 0 to 255")
    return bytes((5, 0, 3, reference, total, number))
