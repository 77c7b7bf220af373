"""The net behind careful log messages: masks whatever looks like a telephone number, in any line, of any library."""

from __future__ import annotations

import re
from collections.abc import Collection

_NET = re.compile(
    r"""
    (?P<id>                                             # What has as many digits and is no number:
        \b\d{8}-\d{6}-[0-9a-f]{10}                      # a call's id
      | \b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b # a UUID
      | \b(?=\d*[a-f])[0-9a-f]{16,}\b                   # a token, such as a recording's name has
      | \b\d{1,10}\.\d{1,9}\b                           # a channel's id in Asterisk, seconds
      | (?<=[A-Za-z])-[0-9a-f]{8}\b                     # the end of a channel's name: PJSIP/trunk-00000012
      | \bbook\ [0-9a-f]{12}\b                          # a book's version
    )
    | (?P<number>
        \+?\d{7,}                                       # as E.164 and trunks have it, and longer
      | \+\d(?:[ ().-]{0,2}\d){6,}                      # as people write it
    )
    """,
    re.VERBOSE,
)
_RUNS = re.compile(r"\d{7,}")
LONG = 11
"""Digits of a whole number with its country; of shorter ones less may be shown."""


def netted(text: str, shown: Collection[str] = ()) -> str:
    """``text`` without a telephone number that could be dialed.

    What stands in ``shown`` is meant to be read: a number of our own, an id.
    """
    runs = {run for each in shown for run in _RUNS.findall(each)}

    def replace(found: re.Match[str]) -> str:
        number = found["number"]
        return found[0] if number is None or number.lstrip("+") in runs else _masked(number)

    return _NET.sub(replace, text)


def _masked(number: str) -> str:
    """As `ari_app.core.numbering.masked`, and less of short numbers."""
    head = 4 if sum(char.isdigit() for char in number) >= LONG else 2
    return f"{number[:head]}{'*' * (len(number) - head - 2)}{number[-2:]}"
