"""Of one call: asks CRMs in time who is responsible for the caller, and says at which destinations they are rung."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ari_app.chronicle import Chronicle
from ari_app.core.manager_draft import destinations_of, told
from ari_app.core.numbering import printable
from ari_app.core.responsible import Nobody, Question, Said, Why, asked
from ari_app.core.scheme import Destination, DialStep, Step, TargetKind
from ari_app.core.timeline import Kind, Scalar
from ari_app.ports import Book, Managers


class NoManagers:
    """There are no CRMs: nobody is named."""

    def ask(self, question: Question) -> asyncio.Future[Said]:
        """Nobody."""
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        answer.set_result(Nobody(Why.NO_CRM))
        return answer


class Responsible:
    """The questions of one call, each asked once."""

    def __init__(self, managers: Managers, book: Book, caller: str | None, chronicle: Chronicle) -> None:
        self._managers = managers
        self._book = book
        self._caller = caller
        self._chronicle = chronicle
        self._answers: dict[str, asyncio.Future[Said]] = {}

    def begin(self, steps: Iterable[Step]) -> None:
        """Ask for every manager that the steps may ring: by the time it is their turn, the answer is there."""
        for step in steps:
            for destination in step.destinations if isinstance(step, DialStep) else ():
                if destination.kind is TargetKind.MANAGER:
                    self._answer(destination)

    async def destinations(self, destination: Destination) -> tuple[Destination, ...]:
        """Where the manager is rung whom this destination asks for; none, when there is nobody. Told in the timeline
        either way; waits no longer than the CRM's budget, of which the call may have used some. Never raises."""
        answer = self._answer(destination)
        await asyncio.wait([answer])  # shared with other calls: leaving this one does not cancel it
        crm, said = asked(destination.target).crm, answer.result()
        if isinstance(said, Nobody):
            self._note_nobody(destination, said.why, text=printable(said.text, 300))
            return ()
        found = destinations_of(self._book.current.managers, crm, said.manager, destination)
        who: dict[str, Scalar] = {
            "entity": said.entity,
            "manager": printable(said.manager.id),
            "name": printable(said.manager.name),
        }
        if not found:
            self._note_nobody(destination, Why.NO_DESTINATIONS, **who)
            return ()
        note: dict[str, Scalar] = {"asked": destination.target, "crm": crm, **who, "rings": told(found)}
        self._chronicle.note(Kind.MANAGER_FOUND, **note)
        return found

    def _answer(self, destination: Destination) -> asyncio.Future[Said]:
        answer = self._answers.get(destination.target)
        if answer is None:
            answer = self._managers.ask(asked(destination.target, self._caller))
            self._answers[destination.target] = answer
        return answer

    def _note_nobody(self, destination: Destination, why: Why, **details: Scalar) -> None:
        crm = asked(destination.target).crm
        said = {name: value for name, value in details.items() if value}
        self._chronicle.note(Kind.NO_MANAGER, asked=destination.target, crm=crm, why=why.value, **said)
