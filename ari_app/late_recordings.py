"""Takes the recordings that could not be taken when their calls ended, and enters what they are with those calls."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from ari_app.core.deployment import Deployment
from ari_app.core.outcomes import Recorded
from ari_app.core.recordings import Amended, Terms
from ari_app.ports import CallAmended, Journal, LateKeeper, Ledger, MessageRecord, MessageRules, Owed

log = logging.getLogger(__name__)

WAIT = timedelta(minutes=10)
"""So long the messages of a call wait for its recording; then caller and team are told as if there were none."""


class LateRecordings:
    """The recordings that are owed, gone through again and again.

    Nothing is remembered here that a restart would lose: what is owed is in the journal until it is settled there.
    """

    def __init__(
        self, ledger: Ledger, keeper: LateKeeper, journal: Journal, rules: MessageRules, deployment: Deployment
    ) -> None:
        self._ledger = ledger
        self._keeper = keeper
        self._journal = journal
        self._rules = rules
        self._deployment = deployment
        self._told: set[tuple[str, bool]] = set()
        self._failures: dict[str, int] = {}
        self.waiting = 0
        """How many there are, as far as is known."""

    async def go_through(self, *, reachable: bool) -> None:
        """Take what can be taken, if Asterisk is ``reachable``; decide the messages of calls that waited too long."""
        works = await self._keeper.works() if reachable else False
        owed = await self._ledger.owed()
        known = {each.name for each in owed}
        self._told = {told for told in self._told if told[0] in known}  # told, and not written yet
        self._failures = {name: count for name, count in self._failures.items() if name in known}
        open_ = [each for each in owed if (each.name, True) not in self._told]
        self.waiting = len(open_)
        if works:
            await self._take(open_)
        for each in open_:
            self._wait_no_longer(each)

    async def _take(self, owed: list[Owed]) -> None:
        """One after another, those first that have not failed yet, until one fails: so would the others, likely."""
        for each in sorted(owed, key=lambda each: self._failures.get(each.name, 0)):
            recorded = await self._keeper.take(each.name)
            if recorded.trouble:
                self._failures[each.name] = self._failures.get(each.name, 0) + 1
                return
            self._settle(each, recorded)

    def _settle(self, each: Owed, recorded: Recorded) -> None:
        at = datetime.now(UTC)
        amended = each.call.after(recorded, Terms(self._rules.messages, self._deployment), at)
        length_ms = round(recorded.seconds * 1000)
        message = MessageRecord(each.call.facts.call_id, each.name, length_ms) if amended.is_message else None
        self._tell(each, amended, at, settled=True, message=message)
        self.waiting -= 1
        if amended.is_message:
            self._keeper.keep(each.name)
        else:
            self._keeper.discard(each.name)
        what = f"a message of {recorded.seconds:.1f} s" if amended.is_message else "no message"
        log.warning("recording %s of call %s came late: %s", each.name, each.call.facts.call_id, what)

    def _wait_no_longer(self, each: Owed) -> None:
        at = datetime.now(UTC)
        done = each.call.decided or not self._told.isdisjoint({(each.name, True), (each.name, False)})
        if not done and at - each.call.ended_at > WAIT:
            amended = each.call.without(Terms(self._rules.messages, self._deployment), at)
            self._tell(each, amended, at, settled=False)

    def _tell(
        self, each: Owed, amended: Amended, at: datetime, *, settled: bool, message: MessageRecord | None = None
    ) -> None:
        self._told.add((each.name, settled))
        self._journal.amended(
            CallAmended(
                call_id=each.call.facts.call_id,
                at=at,
                recording=each.name,
                settled=settled,
                verdict=amended.verdict,
                entries=amended.entries,
                message=message,
                intents=amended.intents,
            )
        )
