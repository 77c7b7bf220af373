"""Message texts with placeholders of a fixed set: put in as they are, never evaluated, never expanded again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ari_app.core.numbering import printable


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A name that a text may have in braces; ``longest`` is how many characters of a value are taken."""

    name: str
    meaning: str
    example: str
    longest: int = 60

    def value(self, values: Mapping[str, str]) -> str:
        """Its value on one line without control or invisible characters, cut to ``longest``; empty if there is none."""
        return printable(" ".join(values.get(self.name, "").split()), self.longest).strip()


PLACEHOLDERS: Mapping[str, Placeholder] = {
    one.name: one
    for one in (
        Placeholder("caller", "the client's number", "+79160000001", 16),
        Placeholder("number", "the number that was called", "+74950000101", 16),
        Placeholder("number_name", "what that number is called in the table of numbers", "Moscow office"),
        Placeholder("company", "the company's name, of the deployment", "Acme"),
        Placeholder("team", "the team's name", "Sales"),
        Placeholder("time", "when the client called, in the number's time zone", "14:05", 16),
        Placeholder("date", "the day on which the client called, in the number's time zone", "21.11.2026", 16),
        Placeholder(
            "item", "what the message is about: the appointment, the order, the ticket", "Haircut, 25.11 at 12:30", 120
        ),
        Placeholder("link", "the address of a page: to rate, to pay, to approve", "https://acme.example/r/8fK2", 500),
        Placeholder("name", "the client's name", "Anna"),
        Placeholder("adviser", "the name of the member of staff whom it concerns", "Pavel"),
    )
}
"""Every placeholder there is, by its name."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]")
# Where a value is missing; no text and no value has this character.
_GAP = "\0"
_QUOTED_GAP = re.compile(r"([(\[«„“\"'])\0+([)\]»”“\"'])")
_GAP_AT_BEGINNING = re.compile(r"(?m)^ *\0[ \0]*[,;:.!]? *")
_GAP_BEFORE_END = re.compile(r"(?m)[,;:]? *\0[ \0]*(?=[,;:.!?)\]»”]|$)")
_OTHER_GAP = re.compile(r" *\0[ \0]*")


class PlaceholderError(ValueError):
    """A text with placeholders cannot be read; the message says where, and what may stand there."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text ready to be rendered: what stands as it is, and placeholders, in turn."""

    text: str
    pieces: tuple[str | Placeholder, ...]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read ``text``: ``{name}`` is a placeholder, ``{{`` and ``}}`` are braces.

        Raises:
            PlaceholderError: an unknown placeholder, a lone brace, or a character that is no text.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        for place, char in enumerate(text):
            if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t":
                raise PlaceholderError(f"{_where(text, place)} has {char!a}, which is no text; remove it")
        return cls(text, tuple(_pieces(text)))

    def render(self, values: Mapping[str, str]) -> str:
        """The text with ``values`` put in; names it does not have are ignored.

        A missing or empty value leaves no trace: with it goes the space, comma or pair of quotes that it alone needed.
        """
        rendered = "".join(piece if isinstance(piece, str) else piece.value(values) or _GAP for piece in self.pieces)
        return _closed(rendered) if _GAP in rendered else rendered

    def sample(self) -> str:
        """The text with an example for every placeholder, to show it and reckon its parts before it is saved."""
        return self.render({one.name: one.example for one in self.placeholders})

    @property
    def placeholders(self) -> frozenset[Placeholder]:
        """Those that the text has."""
        return frozenset(piece for piece in self.pieces if isinstance(piece, Placeholder))


def _pieces(text: str) -> Iterator[str | Placeholder]:
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            yield text[end : match.start()]
        end = match.end()
        token, name = match.group(), match.group(1)
        if token in ("{{", "}}"):
            yield token[0]
        elif name in PLACEHOLDERS:
            yield PLACEHOLDERS[name]
        elif name is None:
            raise PlaceholderError(
                f"{_where(text, match.start())} has a lone {token}; a brace itself is written {token * 2}"
            )
        else:
            raise PlaceholderError(_unknown(name, _where(text, match.start())))
    if end < len(text):
        yield text[end:]


def _unknown(name: str, where: str) -> str:
    near = get_close_matches(name.strip().lower(), PLACEHOLDERS, n=1)
    meant = f"; did you mean {{{near[0]}}}?" if near else ";"
    known = " ".join(f"{{{one}}}" for one in PLACEHOLDERS)
    return f"{where} has the unknown placeholder {{{printable(name, 40)}}}{meant} There are {known}"


def _where(text: str, place: int) -> str:
    before = text[:place]
    return f"line {before.count(chr(10)) + 1}, character {place - before.rfind(chr(10))}"


def _closed(text: str) -> str:
    text = _QUOTED_GAP.sub(_GAP, text)
    text = _GAP_AT_BEGINNING.sub("", text)
    text = _GAP_BEFORE_END.sub("", text)
    return _OTHER_GAP.sub(lambda gap: " " if " " in gap.group() else "", text)


def compose(text: str, *, company: str | None, team: str | None, extra: str | None) -> str:
    """A rendered text with the optional parts: ``Company, Team: text``, and the extra text on a line of its own.

    What is None or empty is left out; with neither a text nor an extra one there is nothing to say, and so "".
    """
    said_by = ", ".join(filter(None, (_line(company), _line(team))))
    body = "\n".join(filter(None, (text.strip(), (extra or "").strip())))
    return f"{said_by}: {body}" if said_by and body else body


def _line(text: str | None) -> str:
    return printable(" ".join((text or "").split())).strip()
