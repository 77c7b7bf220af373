"""Receives calls from the telephony: those that arrive, and those that another process has left; has them conducted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from ari_app.ari.dialplan_notes import DialplanNotes
from ari_app.ari.errors import AriError
from ari_app.ari.events import Channel
from ari_app.ari.line import AriLine
from ari_app.call import Exchange, conduct
from ari_app.core.admission import Full
from ari_app.core.call_id import call_id
from ari_app.core.fallback_notes import Word
from ari_app.core.numbering import masked, masked_target, normalise, printable
from ari_app.core.timeline import Kind
from ari_app.core.verdict import Verdict
from ari_app.monitoring.context import in_call
from ari_app.ports import CallOpened, CallSoFar
from ari_app.storage.open_calls import OpenCalls

log = logging.getLogger(__name__)

JOURNAL_SECONDS = 2.0
"""How long callers that are there already wait for the journal to tell of them."""
LONGEST = timedelta(days=1)
"""No call is older; one that seems so came by another clock."""


@dataclass(frozen=True, slots=True)
class Reception:
    """``exchange`` is what calls are handled with, ``left`` the journal as far as they are open in it, ``notes`` what
    the dialplan tells of the calls that it has."""

    exchange: Exchange
    left: OpenCalls
    notes: DialplanNotes
    application: str
    region: str

    async def conduct(self, line: AriLine, channel: Channel, full: Full | None) -> None:
        """A call has arrived; ``full`` is why there is no room for it."""
        call = self._opened(channel, datetime.now(UTC))
        with in_call(call.call_id):
            self._tell(call, await conduct(call, line, self.exchange, full))

    async def go_on(self, line: AriLine, call: CallSoFar) -> None:
        """Another process has begun the call."""
        with in_call(call.opened.call_id):
            log.info("call %s of an earlier process is taken up", call.opened.call_id)
            self._tell(call.opened, await conduct(call.opened, line, self.exchange, so_far=call))

    def _tell(self, call: CallOpened, verdict: Verdict | None) -> None:
        if verdict is None:
            log.info("call %s is somebody else's now", call.call_id)
        else:
            log.info("%s", told(call, verdict), extra={"shown": (call.dialled or call.dialled_raw,)})

    def unwritten(self, channel: Channel) -> CallSoFar:
        """A caller who is in our hands and of whom nothing is on record: he has called when his channel was made."""
        now = datetime.now(UTC)
        made = _made(channel)
        at = made if made is not None and now - LONGEST < made <= now else now
        return CallSoFar(self._opened(channel, at), seconds=(now - at).total_seconds())

    async def left_open(self) -> Sequence[CallSoFar] | None:
        """The calls that are open in the journal; None while it cannot be read."""
        await asyncio.to_thread(self.left.read_spool)
        try:
            async with asyncio.timeout(JOURNAL_SECONDS):
                await asyncio.to_thread(self.left.read_database)
        except (TimeoutError, SQLAlchemyError) as error:
            why = getattr(error, "orig", None) or error or "it does not answer"
            log.warning(
                "calls that an earlier process left open are looked for later, the journal cannot be read: %s", why
            )
            return None
        return self.left.found(datetime.now(UTC))

    async def served_by_dialplan(self, left: Sequence[CallSoFar]) -> Collection[str]:
        """Callers of whom the dialplan's notes tell more than is on record: their calls are entered from these. That a
        talk of those ``left`` is over which is on record, or that a caller has gone, is seen without."""
        talked = {call.opened.channel for call in left if any(entry.kind is Kind.CONNECTED for entry in call.timeline)}
        try:
            words = {channel: notes[0].word for channel, notes in (await self.notes.read()).items()}
            told = {channel for channel, word in words.items() if word != Word.GONE}
            return told - {channel for channel in talked if words.get(channel) == Word.UNHEARD}
        except AriError as error:
            log.warning("which calls the dialplan has cannot be read, those whose caller is gone are closed: %s", error)
            return ()

    def _opened(self, channel: Channel, at: datetime) -> CallOpened:
        """A call as it arrives. Whatever the signalling says is hostile: numbers are read strictly, text is cleaned.

        Its id is that of its channel, whoever receives it and when.
        """
        caller, dialled = channel["caller"]["number"], channel["dialplan"]["exten"]
        return CallOpened(
            call_id=call_id(_made(channel) or at, self.application, channel["id"]),
            at=at,
            caller=normalise(caller, self.region),
            caller_raw=printable(caller),
            dialled=normalise(dialled, self.region),
            dialled_raw=printable(dialled),
            channel=channel["id"],
            application=self.application,
            diverted_by=normalise(channel.get("caller_rdnis", ""), self.region),
        )


def _made(channel: Channel) -> datetime | None:
    """When Asterisk made the channel, by its clock."""
    try:
        return datetime.fromisoformat(channel["creationtime"]).astimezone(UTC)
    except ValueError:
        return None


def told(call: CallOpened, verdict: Verdict) -> str:
    """How a call ended, as the log tells it: the team's own number whole, callers' and advisers' masked."""
    caller, dialled = masked(call.caller or call.caller_raw), call.dialled or call.dialled_raw
    why = f"talked with {masked_target(verdict.answered_by)}" if verdict.answered_by else verdict.reason.value
    return f"call {call.call_id} from {caller} to {dialled}: {verdict.disposition.value}, {why}"
