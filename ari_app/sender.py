"""The sending process: a clock that looks for due messages, workers that attend to them, and an orderly stop."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]  # ships no types
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]  # as above

from ari_app.core.messages import Channel
from ari_app.core.recipients import TextPolicy
from ari_app.core.release import Limits
from ari_app.core.window import SendingWindow
from ari_app.gateways.base import BaseGateway
from ari_app.hand import Hand
from ari_app.message_ports import Gateway
from ari_app.outbox import DEAD_SECONDS, Outbox
from ari_app.outbox_ports import Attended, Lane, StoreTrouble
from ari_app.settings import Settings
from ari_app.storage.outbox import SqlOutbox, Writer

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
ASK_SECONDS = 5.0
KEEP_SECONDS = 15.0
"""Long before a lease ends, and before others take this process for dead."""
RESCUE_SECONDS = 10.0
TIDY_SECONDS = 3600.0
JUMP_SECONDS = 2.0
"""If the wall clock and the monotonic one part by more, the wall clock was set."""
ROOM_SECONDS = 5.0
MOST_ROOM = 50


@dataclass(frozen=True, slots=True)
class RecordingsFolder:
    """The folder of voicemail messages, as `ari_app.message_store` keeps it."""

    folder: Path

    def find(self, name: str) -> str | None:
        """The path of a message's mp3, else of its wav, else None."""
        if Path(name).name != name:  # a name from the database is never a way out of the folder
            return None
        paths = (self.folder / f"{name}.{ending}" for ending in ("mp3", "wav"))
        return next((str(path) for path in paths if path.is_file()), None)


def limits_of(settings: Settings) -> Limits:
    """What the deployment allows. Raises WindowError and ValueError, each with the mend."""
    if settings.sms_month_budget and not settings.sms_price:
        raise ValueError("ARI_APP_SMS_MONTH_BUDGET stops nothing while ARI_APP_SMS_PRICE is 0; set the price of a part")
    return Limits(
        window=SendingWindow.parse(settings.sending_hours, settings.sending_zone),
        texts=TextPolicy(
            allow_landline=settings.text_landlines,
            allowed_prefixes=settings.text_allowed_prefixes,
            denied_prefixes=settings.text_denied_prefixes,
            region=settings.region,
        ),
        day_cap=settings.sms_day_cap,
        prefix_cap=settings.sms_prefix_cap,
        prefix_digits=settings.sms_prefix_digits,
        price=settings.sms_price,
        month_budget=settings.sms_month_budget,
    )


class Sender:
    """One sending process: ``workers`` threads, a clock, and what they have in hand.

    It shares the outbox with any number of others. APScheduler is the clock and nothing else: in memory, late jobs run
    once and never beside themselves; the table is the truth.
    """

    def __init__(
        self,
        settings: Settings,
        engine: sa.Engine,
        gateways: Sequence[BaseGateway],
        writers: dict[Channel, Writer],
        *,
        workers: int = 4,
        watched: Callable[[Gateway], Gateway] = lambda gateway: gateway,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateways = gateways
        self._wall = wall
        self._monotonic = monotonic
        self._given_up = threading.Event()
        self._stopping = threading.Event()
        self._looking = threading.Lock()
        self._more: frozenset[Lane] = frozenset()
        self._trouble = ""
        self._store = SqlOutbox(
            engine,
            limits_of(settings),
            rate=settings.sending_rate,
            rates={gateway.name: gateway.rate for gateway in gateways},
            sender=settings.sender_name,
            writers=writers,
        )
        self._outbox = Outbox(
            self._store,
            [watched(gateway) for gateway in gateways],
            recordings=RecordingsFolder(settings.messages_folder),
            clock=wall,
            monotonic=monotonic,
            pause=lambda seconds: not self._given_up.wait(seconds),
        )
        room = max(2, min(MOST_ROOM, int(settings.sending_rate * ROOM_SECONDS)))
        self._hand = Hand(1 / settings.sending_rate, room, monotonic)
        self._threads = [
            threading.Thread(target=self._work, name=f"sender-{number}", daemon=True) for number in range(workers)
        ]
        self._clock = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(3)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()
        jobs = (
            (self.look, LOOK_SECONDS),
            (self._outbox.ask, ASK_SECONDS),
            (self._keep, KEEP_SECONDS),
            (self._outbox.rescue, RESCUE_SECONDS),
            (lambda: self._store.tidy(self._wall()), TIDY_SECONDS),
        )
        for job, seconds in jobs:
            self._clock.add_job(self._guarded(job), "interval", seconds=seconds, next_run_time=self._wall())
        self._clock.start()

    @property
    def trouble(self) -> str:
        """Why the outbox cannot be used at present; empty when it can."""
        return self._trouble

    def run_until(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Send until ``stop`` is set, and mind the wall clock meanwhile: the scheduler's own jobs go by it. ``beat`` is
        called every second."""
        offset = self._offset()
        while not stop.wait(1.0):
            beat()
            moved, offset = self._offset() - offset, self._offset()
            if abs(moved) > JUMP_SECONDS:
                log.warning("the clock was set by %+.0f s", moved)
                self.clock_was_set()

    def _offset(self) -> float:
        return self._wall().timestamp() - self._monotonic()

    def clock_was_set(self) -> None:
        """Have every job run now, whenever the clock said that it would."""
        for job in self._clock.get_jobs():
            job.modify(next_run_time=datetime.now(UTC))

    def send_what_is_due(self) -> None:
        """Instead of `start`: send all that is due now, and settle what dead senders left; for a run by cron. What
        others are sending is waited for as long as it takes to know whether they live. Raises StoreTrouble."""
        for thread in self._threads:
            thread.start()
        patience = self._monotonic() + DEAD_SECONDS + RESCUE_SECONDS
        while True:
            if self._claim():
                while not self._hand.wait_until_empty(KEEP_SECONDS):
                    self._keep()
                continue
            if not self._store.in_hand() or self._monotonic() > patience:
                break
            self._outbox.rescue()
            self._given_up.wait(1.0)
        self._outbox.ask()

    def stop(self, patience_seconds: float) -> None:
        """Finish what is being sent, give the rest back. What a dead database keeps from being entered is given up
        after ``patience_seconds``."""
        self._stopping.set()
        if self._clock.running:
            self._clock.shutdown(wait=True)
        with self._looking:
            self._give_back()
        giving_up = threading.Timer(patience_seconds, self._given_up.set)
        giving_up.daemon = True
        giving_up.start()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self._give_back()  # what the pace has put off meanwhile
        giving_up.cancel()
        for gateway in self._gateways:
            gateway.close()

    def _give_back(self) -> None:
        with self._troubles_told():
            if left := self._hand.close():
                self._outbox.give_back(left)

    def look(self) -> None:
        """Claim what is due and what there is room for."""
        with self._troubles_told():
            self._claim()

    def _claim(self) -> int:
        with self._looking:
            if self._stopping.is_set():
                return 0
            room = self._hand.room
            claimed = self._outbox.claim(room)
            self._hand.put(claimed)
            found = Counter(held.lane for held in claimed)
            self._more = frozenset(lane for lane, most in room.items() if most and found[lane] == most)
            return len(claimed)

    def _work(self) -> None:
        while (held := self._hand.take()) is not None:
            came_of_it: Attended | None = None
            try:
                with self._troubles_told():
                    came_of_it = self._outbox.attend(held)
            except Exception:
                log.exception("message %s: the sender's own code failed", held.id)
            self._hand.attended(held, came_of_it)
            if held.lane in self._more and self._hand.room[held.lane]:
                self.look()  # not to wait for the clock while there is more

    def _keep(self) -> None:
        if held := self._hand.held_for(KEEP_SECONDS / 2):
            self._outbox.keep(held)

    def _guarded(self, job: Callable[[], object]) -> Callable[[], None]:
        def guarded() -> None:
            with self._troubles_told():
                job()

        return guarded

    @contextmanager
    def _troubles_told(self) -> Iterator[None]:
        """The database's failures do not end the sender, and are told once each time they begin and end."""
        try:
            yield
        except StoreTrouble as trouble:
            if not self._trouble:
                log.error("the outbox cannot be used now: %s", trouble)
            self._trouble = str(trouble)
        else:
            if self._trouble:
                self._trouble = ""
                log.info("the outbox can be used again")
