"""Counts the answers of FastAGI, by a script that asks the real one."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ari_app.agi.client import CHECK
from ari_app.agi.server import Script
from ari_app.monitoring import catalogue
from ari_app.monitoring.meters import Meters

ACTIONS = ("dial", "greeting", "voicemail", "hang_up")


class CountedScript:
    """An `ari_app.agi.server.Script` that counts what another says. The doctor's trial questions are not counted."""

    def __init__(self, script: Script, meters: Meters) -> None:
        self._script = script
        self._answers = meters.counter(catalogue.LOOKUPS)
        self._refused = meters.counter(catalogue.LOOKUPS_REFUSED)
        self._seconds = meters.histogram(catalogue.LOOKUP)
        for action in ACTIONS:
            self._answers.labels(action)

    def __call__(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """As the other, which may raise."""
        began = time.monotonic()
        try:
            told = self._script(headers)
        except Exception:
            self._refused.inc()
            raise
        if headers.get("agi_uniqueid") != CHECK:
            self._answers.labels(told["ARI_APP_ACTION"]).inc()
            self._seconds.observe(time.monotonic() - began)
        return told
