"""Calls that only a limit of a minute or two ends: placed when the tier begins, looked at when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.e2e.house import Caller, House, Phone, Stage, ring
from tests.e2e.journal import Voicemail
from tests.e2e.voice import Key, Silence, Speech

LIMIT = 60
NET = 61
STAY_MS = 180_000


@dataclass(frozen=True)
class LongCall:
    """One such call and where it is."""

    stage: Stage
    caller: Caller
    phone: Phone | None = None


@dataclass(frozen=True)
class LongCalls:
    """``endless``: both sides talk for ever. ``unconducted``: the same, but the controller has been killed.
    ``unfinished``: a greeting whose end is never told."""

    endless: LongCall
    unconducted: LongCall
    unfinished: LongCall

    @classmethod
    @contextmanager
    def placed(cls, new_house: Callable[..., House]) -> Iterator[LongCalls]:
        """Place them, each in an installation of its own."""
        with ExitStack() as stages:

            def story(house: House, *, journal: bool = True) -> Stage:
                house.controller.start()
                return stages.enter_context(house.story(journal=journal))

            endless = _talk(story(new_house(max_call_seconds=LIMIT)))
            unconducted = _talk(story(new_house(asterisk_seconds=NET - 60, max_call_seconds=LIMIT), journal=False))
            unconducted.stage.house.controller.kill()
            unconducted.stage.counts_invites = False  # what it had not written yet is lost
            unfinished = _listen(story(new_house(through_proxy=True, max_call_seconds=3600)))
            yield cls(endless, unconducted, unfinished)


def _talk(stage: Stage) -> LongCall:
    phone = stage.answering(talk_ms=STAY_MS)
    caller = stage.call(stage.plan(ring(phone)), talk_ms=STAY_MS)
    caller.connected()
    return LongCall(stage, caller, phone)


def _listen(stage: Stage) -> LongCall:
    assert stage.house.proxy is not None
    stage.house.proxy.drop = lambda chunk, towards: not towards and b'"PlaybackFinished"' in chunk
    number = stage.plan(Voicemail())
    caller = stage.call(number, Silence(66), Speech(4), Key("#"), Silence(10), talk_ms=STAY_MS)
    return LongCall(stage, caller)
