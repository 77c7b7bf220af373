"""Asks the CRMs who is responsible: each within its budget, in a few threads, remembering, and not when it is down."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ari_app.core.responsible import Circuit, Memory, Named, Nobody, Question, Said, Why
from ari_app.crm.base import Crm, CrmLimited, CrmTrouble
from ari_app.crm.configuration import Configured

log = logging.getLogger(__name__)

MOST_REMEMBERED = 10_000
"""Answers of one CRM; some megabytes."""
REMEMBERED = "remembered"
NAMED = "named"
Told = Callable[[str, str, float | None], None]
"""Is told of each question: the CRM's name, what came of it (`NAMED`, `REMEMBERED`, or a `Why`), and the seconds that
it took if the CRM was asked."""
_Key = tuple[tuple[str, ...], str]


@dataclass(slots=True)
class _Asking:
    """One question under way: its answer, when it began (the loop's clock), and who ends the waiting."""

    answer: asyncio.Future[Said]
    began: float
    overdue: asyncio.TimerHandle


@dataclass(slots=True)
class _Threads:
    """At most ``most`` of them, made as they are needed; daemons, so that a CRM that never answers keeps no process
    from ending. They stay, and with them their connections."""

    name: str
    most: int
    _work: queue.SimpleQueue[Callable[[], None] | None] = field(default_factory=queue.SimpleQueue)
    _made: int = 0

    def begin(self, deed: Callable[[], None], under_way: int) -> None:
        """Do this next, beside those ``under_way``; never waits."""
        if self._made <= under_way and self._made < self.most:
            self._made += 1
            threading.Thread(target=self._run, name=f"crm-{self.name}", daemon=True).start()
        self._work.put(deed)

    def close(self) -> None:
        """End those that have nothing to do."""
        for _ in range(self._made):
            self._work.put(None)

    def _run(self) -> None:
        while (deed := self._work.get()) is not None:
            deed()


class _Way:
    """The way to one CRM. Lives on the event loop; only `_search` runs in threads."""

    def __init__(self, configured: Configured, told: Told) -> None:
        self.circuit = Circuit()
        self._crm, self._settings = configured.crm, configured.settings
        self._told = told
        self._memory: Memory[_Key, Said] = Memory(MOST_REMEMBERED)
        self._asking: dict[_Key, _Asking] = {}
        self._in_hand = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = _Threads(configured.crm.name, configured.settings.at_once)
        self._paused = Nobody(Why.PAUSED)

    @property
    def is_paused(self) -> bool:
        """Whether it is left alone now."""
        return self._loop is not None and self.circuit.is_open(self._loop.time())

    def ask(self, question: Question) -> asyncio.Future[Said]:
        self._loop = loop = asyncio.get_running_loop()
        if question.phone is None:
            return self._at_once(Nobody(Why.NO_NUMBER))
        key = (question.entities or self._crm.entities, question.phone)
        if (remembered := self._memory.get(key, loop.time())) is not None:
            self._told(self._crm.name, REMEMBERED, None)
            return _done(remembered)
        if (asking := self._asking.get(key)) is not None:
            return asking.answer
        if self.circuit.is_open(loop.time()):
            return self._at_once(self._paused)
        if self._in_hand >= self._settings.at_once:
            return self._at_once(Nobody(Why.BUSY))
        return self._begin(key, loop)

    def _at_once(self, nobody: Nobody) -> asyncio.Future[Said]:
        self._told(self._crm.name, nobody.why, None)
        return _done(nobody)

    def _begin(self, key: _Key, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Said]:
        self.circuit = self.circuit.trying(loop.time(), self._settings.patience)
        overdue = loop.call_later(self._settings.budget, self._overdue, key)
        self._asking[key] = asking = _Asking(loop.create_future(), loop.time(), overdue)
        until = time.monotonic() + self._settings.budget

        def search() -> None:
            said, retry_after = _search(self._crm, key, until)
            try:
                loop.call_soon_threadsafe(self._came, key, asking, said, retry_after)
            except RuntimeError:  # the loop is closed: nobody waits any more
                log.debug("an answer of CRM %s came after the end", self._crm.name)

        self._threads.begin(search, self._in_hand)
        self._in_hand += 1
        return asking.answer

    def _overdue(self, key: _Key) -> None:
        """The budget is used up. The thread may still be waiting; what it brings is remembered."""
        asking = self._asking.pop(key)
        self._over(asking, Nobody(Why.SLOW, f"{self._settings.budget:g} s"))

    def _came(self, key: _Key, asking: _Asking, said: Said, retry_after: float) -> None:
        self._in_hand -= 1
        if isinstance(said, Named) or said.why.is_known:
            believe = self._settings.believe if isinstance(said, Named) else self._settings.believe_none
            self._memory.keep(key, said, asyncio.get_running_loop().time() + believe)
        if not asking.answer.done():
            del self._asking[key]
            asking.overdue.cancel()
            self._over(asking, said, retry_after)

    def _over(self, asking: _Asking, said: Said, retry_after: float = 0.0) -> None:
        now = asyncio.get_running_loop().time()
        result = NAMED if isinstance(said, Named) else said.why.value
        self._told(self._crm.name, result, now - asking.began)
        if isinstance(said, Nobody) and not said.why.is_known:
            self._failed(said, now, retry_after)
        else:
            if self.circuit.failures >= self._settings.failures:
                log.info("CRM %s answers again", self._crm.name)
            self.circuit = self.circuit.answered()
        asking.answer.set_result(said)

    def _failed(self, nobody: Nobody, now: float, retry_after: float) -> None:
        self.circuit = self.circuit.failed(now, self._settings.patience, retry_after)
        log.warning("CRM %s could not say who is responsible: %s %s", self._crm.name, nobody.why.value, nobody.text)
        if self.circuit.is_open(now):
            limited = nobody.why is Why.LIMITED
            self._paused = Nobody(Why.LIMITED if limited else Why.PAUSED, nobody.text)
            log.warning("CRM %s is not asked for %.0f s", self._crm.name, self.circuit.paused_until - now)

    def close(self) -> None:
        """Ask no more."""
        self._threads.close()


class Lookups:
    """The `ari_app.ports.Managers` of a controller; lives on its event loop."""

    def __init__(self, crms: Iterable[Configured], told: Told = lambda crm, result, seconds: None) -> None:
        self._ways = {one.crm.name: _Way(one, told) for one in crms}

    def ask(self, question: Question) -> asyncio.Future[Said]:
        """As the port says. The same question asked twice at once is one, and its answer is shared."""
        way = self._ways.get(question.crm)
        return way.ask(question) if way is not None else _done(Nobody(Why.NO_CRM))

    def paused(self) -> dict[str, bool]:
        """Which CRMs are left alone now; for any thread."""
        return {name: way.is_paused for name, way in self._ways.items()}

    def close(self) -> None:
        """Ask no more."""
        for way in self._ways.values():
            way.close()


def _done(said: Said) -> asyncio.Future[Said]:
    answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
    answer.set_result(said)
    return answer


def _search(crm: Crm, key: _Key, until: float) -> tuple[Said, float]:
    """Ask for one kind of record after another, until somebody is found; in a thread. Never raises. With the answer
    come the seconds for which the CRM wants to be left alone."""
    entities, phone = key
    try:
        for entity in entities:
            left = until - time.monotonic()
            if left <= 0:
                return Nobody(Why.SLOW), 0.0
            if (manager := crm.find(entity, phone, left)) is not None:
                return Named(manager, entity), 0.0
    except CrmLimited as limited:
        return Nobody(Why.LIMITED, str(limited)), max(0.0, limited.retry_after)
    except CrmTrouble as trouble:
        return Nobody(Why.FAILED, str(trouble)), 0.0
    except Exception as error:  # whatever an adapter does, its thread goes on and the call too
        log.exception("asking CRM %s broke", crm.name)
        return Nobody(Why.FAILED, type(error).__name__), 0.0
    return Nobody(Why.NONE), 0.0
