"""Sounds by catalogue path: what may be played is named, never a URL or a way out of the catalogue."""

from __future__ import annotations

import re

SOUND_PATH = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
"""``ru/greeting``, ``own/sales``: letters, digits, hyphens; no ending, no dots, no scheme, no leading slash."""

CATALOGUE = "ari-app"
"""The folder under which provisioning puts the catalogue among Asterisk's sounds."""


def played(sound: str) -> str:
    """A catalogue path as Asterisk knows it."""
    return f"{CATALOGUE}/{sound}"


def sound_refusal(sound: str) -> str | None:
    """Why ``sound`` cannot be played, or None when it can be asked for."""
    if SOUND_PATH.fullmatch(sound):
        return None
    return "its sound is not a catalogue path; write one such as ru/greeting or own/sales, without an ending"
