"""What a text will look like and cost as SMS, told before it is saved or sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ari_app.core.placeholders import PlaceholderError, Template
from ari_app.core.segments import Encoding, TextError, cost, plainer, segments, what_makes_it_ucs2
from ari_app.desk.base import Refused
from ari_app.desk.terms import Terms


@dataclass(frozen=True, slots=True)
class Preview:
    """``text`` is as the client reads it, with examples for its placeholders. ``units_left`` is the room in the last
    part. ``ucs2`` are the characters outside GSM-7; ``plainer`` says the same in fewer parts, where it can be said."""

    text: str
    parts: int
    encoding: Encoding
    units: int
    units_left: int
    cost: Decimal
    currency: str
    ucs2: tuple[str, ...]
    plainer: str | None

    def __str__(self) -> str:
        """One sentence: parts, encoding, what made it so, cost."""
        several = f"{self.parts} SMS" if self.parts > 1 else "one SMS"
        price = f", {self.cost} {self.currency}".rstrip() + " each time" if self.cost else ""
        odd = " ".join(self.ucs2[:8])
        why = f" for {odd}{' ...' if len(self.ucs2) > 8 else ''}" if self.ucs2 else ""
        return f"takes {several} ({self.encoding}{why}; room for {self.units_left} more){price}"


def preview(text: str, terms: Terms) -> Preview:
    """What a text with placeholders takes, an example put in for each.

    Raises:
        Refused: it cannot be read, is empty or too long; the faults say so.
    """
    try:
        sample = Template.parse(text).sample()
        taken = segments(sample)
    except (PlaceholderError, TextError) as error:
        raise Refused(str(error)) from None
    return Preview(
        sample,
        taken.parts,
        taken.encoding,
        taken.units,
        taken.units_left,
        cost(taken.parts, terms.price),
        terms.currency,
        what_makes_it_ucs2(sample),
        plainer(sample),
    )
