"""The kinds of values that requests carry, each checked strictly: numbers, lines and texts, moments."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from ari_app.core.numbering import E164, normalise

LONGEST_TEXT = 2000
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Strict(BaseModel):
    """What comes in: nothing unknown in it, and nothing taken for what it is not."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _number(text: str) -> str:
    if normalise(text, "ZZ") != text:
        raise ValueError("this is no telephone number in E.164; write it with + and country, such as +79160000003")
    return text


def _without_controls(text: str, allowed: str) -> str:
    for place, char in enumerate(text):
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in allowed:
            raise ValueError(f"character {place + 1} is {char!a}, which cannot be shown; take it out")
    return text


def _line(text: str) -> str:
    return _without_controls(text, "")


def _text(text: str) -> str:
    # Joiners belong to words of some languages and to emoji; a line may end.
    return _without_controls(text, "\n\u200c\u200d")


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("this is blank; write something")
    return text


def _moment(moment: datetime) -> datetime:
    if not _FIRST <= moment < _LAST:
        raise ValueError("this is not between the years 2000 and 2100")
    return moment.astimezone(UTC)


E164Number = Annotated[
    str,
    Field(max_length=16, pattern=f"^{E164.pattern}$", examples=["+79160000003"]),
    AfterValidator(_number),
]
Line = Annotated[str, AfterValidator(_line)]
"""Text on one line; combine with a length."""
ShortLine = Annotated[str, Field(max_length=200), AfterValidator(_line)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line), AfterValidator(_not_blank)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_text), AfterValidator(_not_blank)]
Key = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[!-~]+$", description="printable ASCII without spaces"),
]
"""An id that another system gives."""
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T20:01:44+03:00"]}),
]
"""ISO 8601 with its offset; read into UTC."""
