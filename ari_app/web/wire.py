"""The kinds of values that requests carry, each checked strictly: numbers, lines and texts, moments."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from ari_app.core.numbering import E164, normalise

LONGEST_TEXT = 2000
_KEY = re.compile(r"[!-~]{1,100}")
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


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError("this must be 1 to 100 printable characters of ASCII, without spaces")
    return text


E164Number = Annotated[
    str,
    AfterValidator(_number),
    WithJsonSchema({"type": "string", "pattern": f"^{E164.pattern}$", "examples": ["+79160000003"]}),
]
Line = AfterValidator(_line)
"""What makes text a line; to be put behind its length, so that what is too long is told as such."""
Written = Annotated[str, Field(max_length=40), Line]
"""A number as people write it."""
ShortLine = Annotated[str, Field(max_length=200), Line]
Name = Annotated[str, Field(min_length=1, max_length=200), Line, AfterValidator(_not_blank)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_text), AfterValidator(_not_blank)]
Key = Annotated[
    str, AfterValidator(_key), WithJsonSchema({"type": "string", "pattern": "^[!-~]{1,100}$", "examples": ["visit-7"]})
]
"""An id that another system gives."""
Moment = Annotated[
    AwareDatetime,
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T20:01:44+03:00"]}),
]
"""ISO 8601 with its offset; read into UTC."""
