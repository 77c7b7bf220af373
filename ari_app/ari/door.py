"""The door for new calls: lets in what there is room for, and turns the others away."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections import Counter

from ari_app.ari.client import AriClient
from ari_app.ari.events import Event
from ari_app.ari.registry import Registry
from ari_app.core.admission import Admission, AdmissionLimits, Bucket, Full

log = logging.getLogger(__name__)

CONDUCTED_A_SECOND = 20
"""So many of those turned away each second are conducted as calls, which brings a row of the journal and maybe an
apology. The others are counted alone: a flood must not become one of rows and SMS."""
TELL_SECONDS = 10.0
"""The log tells of those turned away at most this often."""
FORGET_SECONDS = 5.0
"""How long Asterisk is listened to about a call that was turned away unconducted."""
_WHY = {
    Full.CALLS: "as many are live as ARI_APP_MOST_CALLS allows",
    Full.RATE: "more come than ARI_APP_MOST_CALLS_A_SECOND allows",
}


class Door:
    """Judges each call that comes, and counts those that are not let in."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self.to_fallback = limits.to_fallback
        self.turned_away: dict[Full, int] = dict.fromkeys(Full, 0)
        self._admission = Admission(limits)
        self._conducted = Bucket(CONDUCTED_A_SECOND)
        self._untold: Counter[Full] = Counter()
        self._quiet_until = 0.0

    def full(self, live: int) -> Full | None:
        """Why one more call is not let in while ``live`` are under way; None when it is."""
        now = asyncio.get_running_loop().time()
        why = self._admission.full(live, now)
        if why is not None:
            self.turned_away[why] += 1
            self._untold[why] += 1
            if now >= self._quiet_until:
                self._quiet_until = now + TELL_SECONDS
                self._tell()
        return why

    def to_be_conducted(self) -> bool:
        """Whether a call that is turned away is told to the journal, too."""
        return self._conducted.take(asyncio.get_running_loop().time())

    def _tell(self) -> None:
        how = "left to the dialplan" if self.to_fallback else "refused with 503"
        for why, count in self._untold.items():
            log.warning("new calls are %s, since %s: %d since this was last told", how, _WHY[why], count)
        self._untold.clear()


class TurnedAway:
    """A call that is refused, and that nobody conducts: claimed, so that it is nobody else's, then hung up."""

    def __init__(self, client: AriClient, registry: Registry, app: str, channel_id: str, *, claim: bool) -> None:
        self._client = client
        self._registry = registry
        self._channel_id = channel_id
        self._told_to_go = False
        registry.add(channel_id, self)
        self._forgetting = asyncio.get_running_loop().call_later(FORGET_SECONDS, self._forget)
        if claim:
            client.events.claim(channel_id, app).add_done_callback(self._on_claimed)
        else:
            self._hang_up()

    def on_event(self, event: Event) -> None:
        """The call is ours, should the answer to the claim be lost; or it is over."""
        if event["type"] == "StasisStart":
            self._hang_up()
        elif event["type"] in ("StasisEnd", "ChannelDestroyed"):
            self._forget()

    def _on_claimed(self, claim: Future[None]) -> None:
        """Whoever could not be claimed has gone, or is another's, or is left to the dialplan."""
        if not claim.cancelled() and claim.exception() is None:
            self._hang_up()

    def _hang_up(self) -> None:
        if not self._told_to_go:
            self._told_to_go = True
            self._client.channels.hangup(self._channel_id, "congestion")

    def _forget(self) -> None:
        self._forgetting.cancel()
        self._registry.remove(self._channel_id)
