"""Managers of a call that is only thought through: whom a script names, or somebody of whom nothing is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ari_app.core.responsible import Manager, Named, Nobody, Question, Said, Why, asked
from ari_app.core.scheme import Destination, TargetKind
from ari_app.core.timeline import Entry, Kind

WHOEVER = "the manager by "
"""Begins the name of whoever a CRM would have named, at whatever destination."""


@dataclass(frozen=True, slots=True)
class ManagerScript:
    """Whom every CRM names, and after how many seconds; an `ari_app.ports.Managers`."""

    said: Said
    seconds: float = 0.0

    def ask(self, question: Question) -> asyncio.Future[Said]:
        """As the script says; by the first kind of record that is searched."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Said] = loop.create_future()
        said = self.said if question.phone is not None else Nobody(Why.NO_NUMBER)
        if isinstance(said, Named) and question.entities:
            said = Named(said.manager, question.entities[0])
        loop.call_later(self.seconds, answer.set_result, said)
        return answer


def parse_manager(text: str) -> ManagerScript:
    """Read whom the CRM names: an id or an e-mail address; ``none``, nobody; ``slow`` or ``down``, it is no help.
    Empty: it is not asked."""
    match text.strip():
        case "":
            return ManagerScript(Nobody(Why.NOT_ASKED, "--manager says whom it names"))
        case "none":
            return ManagerScript(Nobody(Why.NONE), 0.2)
        case "slow":
            return ManagerScript(Nobody(Why.SLOW), 1.5)
        case "down":
            return ManagerScript(Nobody(Why.FAILED), 0.2)
        case who:
            return ManagerScript(Named(Manager(who, "", who.lower() if "@" in who else ""), ""), 0.2)


class ManagersOfACall:
    """The CRMs say again what they said in a call, by its timeline; at once."""

    def __init__(self, timeline: Iterable[Entry]) -> None:
        self._said = {
            asked(str(entry.details["asked"])): _said(entry)
            for entry in timeline
            if entry.kind in (Kind.MANAGER_FOUND, Kind.NO_MANAGER)
        }

    def ask(self, question: Question) -> asyncio.Future[Said]:
        """What was said; of what was not asked then, that it is not."""
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        answer.set_result(self._said.get(replace(question, phone=None), Nobody(Why.NOT_ASKED)))
        return answer


def _said(entry: Entry) -> Said:
    told = {name: str(value) for name, value in entry.details.items()}
    if "manager" in told:
        who = told["manager"]
        return Named(Manager(who, told.get("name", ""), who if "@" in who else ""), told.get("entity", ""))
    why = told.get("why")
    return Nobody(Why(why) if why in set(Why) else Why.FAILED, told.get("text", ""))


@dataclass(frozen=True, slots=True)
class UnknownManagers:
    """What CRMs would have said is not known: that they name somebody, or nobody, is a guess. ``doubt`` is told of each
    question."""

    somebody: bool
    doubt: Callable[[str], None]

    def ask(self, question: Question) -> asyncio.Future[Said]:
        """As it is guessed; a caller without a number is known to be nobody's."""
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        if question.phone is None:
            answer.set_result(Nobody(Why.NO_NUMBER))
            return answer
        self.doubt(f"whom {question.crm} would have named")
        answer.set_result(Named(Manager("whoever"), "") if self.somebody else Nobody(Why.NONE))
        return answer


class Whoever(Mapping[tuple[str, str], tuple[Destination, ...]]):
    """Every manager of every CRM is rung somewhere, under a name that is nobody's."""

    def __getitem__(self, key: tuple[str, str]) -> tuple[Destination, ...]:
        return (Destination(TargetKind.ENDPOINT, f"{WHOEVER}{key[0]}", 0),)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(())

    def __len__(self) -> int:
        return 0
