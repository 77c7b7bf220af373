"""What others say, made fit for our reasons."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONG_NUMBER = re.compile(r"(\d{2})\d{3,}(\d{2})")


def said(text: object) -> str:
    """What a provider said, fit for a reason: one line, not long, telephone numbers masked."""
    line = _CONTROL.sub(" ", str(text)).strip()
    return _LONG_NUMBER.sub(r"\1***\2", line)[:200]
