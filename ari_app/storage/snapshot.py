"""The last good configuration in a file, for a start without a database: what was in force, and what was written."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from ari_app.core.calendar_draft import DayDraft, OverrideDraft
from ari_app.core.callers import CallerRuleDraft
from ari_app.core.checks import errors
from ari_app.core.draft import (
    BranchDraft,
    ChoiceDraft,
    DestinationDraft,
    EntryDraft,
    GreetingDraft,
    SchemeDraft,
    StepDraft,
)
from ari_app.core.manager_draft import ManagerDraft
from ari_app.core.message_draft import ContactDraft, RuleDraft, TypeDraft
from ari_app.storage.book import Reading
from ari_app.storage.message_judging import Judged
from ari_app.storage.message_rows import MessageRows, TeamSwitches
from ari_app.storage.private_files import replace
from ari_app.storage.rows import Configuration, NumberRow

log = logging.getLogger(__name__)

FILE_NAME = "schemes.snapshot"
FORMAT = 1
_ROWS = (
    SchemeDraft,
    BranchDraft,
    EntryDraft,
    StepDraft,
    ChoiceDraft,
    DestinationDraft,
    GreetingDraft,
    DayDraft,
    OverrideDraft,
    NumberRow,
    ManagerDraft,
    TeamSwitches,
    RuleDraft,
    TypeDraft,
    ContactDraft,
    CallerRuleDraft,
)
LAYOUT = {kind.__name__: list(kind._fields) for kind in _ROWS}
"""Which fields the rows have, in order; a file of a release that had others is not read."""


class SnapshotError(ValueError):
    """The file cannot be used; the message says why."""


class Kept(NamedTuple):
    """What a file holds. ``good`` has the last version of everything that made sense; ``latest`` is what the database
    said, nonsense included. Compiled one upon the other they give what was in force."""

    at: datetime
    good: Configuration
    latest: Configuration


def last_good(latest: Configuration, reading: Reading, before: Configuration | None) -> Configuration:
    """The rows by which the ``reading`` of ``latest`` can be had again: what it refused is as it was ``before``."""
    old_schemes = before.schemes if before else {}
    schemes = {
        scheme_id: draft if _stands(reading, scheme_id) else old_schemes.get(scheme_id)
        for scheme_id, draft in latest.schemes.items()
    }
    numbers = [
        row._replace(scheme_id=reading.assigned[row.e164]) for row in latest.numbers if row.e164 in reading.assigned
    ]
    old, judged = before.messages if before else MessageRows(), reading.judged_messages
    messages = latest.messages._replace(
        rules=tuple(_good(judged.rules, {rule.id: rule for rule in old.rules}).values()),
        types=tuple(_good(judged.types, dict(old.types)).items()),
        contacts=tuple(_good(judged.contacts, dict(old.contacts)).items()),
    )
    good = {scheme_id: draft for scheme_id, draft in schemes.items() if draft}
    return Configuration(latest.token, good, numbers, messages, latest.overrides, latest.callers, latest.managers)


def _stands(reading: Reading, scheme_id: int) -> bool:
    """Whether the scheme is in force as it is written; one that makes sense may still be part of a circle."""
    judged = reading.judged[scheme_id]
    return judged.own is not None and judged.in_force is judged.own


def _good(judged: Mapping[int, Judged[Any, Any]], before: Mapping[int, Any]) -> dict[int, Any]:
    drafts = {its_id: before.get(its_id) if errors(each.problems) else each.draft for its_id, each in judged.items()}
    return {its_id: draft for its_id, draft in drafts.items() if draft is not None}


def told(kept: Kept) -> bytes:
    """The file: a line about it, and one with all rows. Raises ValueError or TypeError for what JSON cannot say."""
    rows = {"good": _plain(kept.good), "latest": _plain(kept.latest)}
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    head = {"format": FORMAT, "at": kept.at.isoformat(), "sha256": hashlib.sha256(text).hexdigest(), "layout": LAYOUT}
    return json.dumps(head).encode() + b"\n" + text + b"\n"


def understood(content: bytes) -> Kept:
    """What `told` made the file of. Raises `SnapshotError`."""
    first, _, rest = content.partition(b"\n")
    try:
        head = json.loads(first)
        if (head["format"], head["layout"]) != (FORMAT, LAYOUT):
            raise SnapshotError("it was written by another release")
        text = rest.removesuffix(b"\n")
        if hashlib.sha256(text).hexdigest() != head["sha256"]:
            raise SnapshotError("it is damaged: its checksum is another")
        rows = json.loads(text.decode("utf-8", "surrogatepass"))
        return Kept(datetime.fromisoformat(head["at"]), _configuration(rows["good"]), _configuration(rows["latest"]))
    except SnapshotError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise SnapshotError(f"it is damaged: {error!r}") from None


def _plain(configuration: Configuration) -> dict[str, Any]:
    """Rows as lists; JSON takes named tuples as they are."""
    schemes = list(configuration.schemes.items())
    return {
        "schemes": schemes,
        "numbers": configuration.numbers,
        "messages": configuration.messages._asdict(),
        "overrides": list(configuration.overrides.items()),
        "callers": configuration.callers,
        "managers": configuration.managers,
    }


def _configuration(found: Mapping[str, Any]) -> Configuration:
    messages = found["messages"]
    return Configuration(
        Reading().token,
        {int(its_id): _scheme(rows) for its_id, rows in found["schemes"]},
        [NumberRow(*row) for row in found["numbers"]],
        MessageRows(
            tuple(TeamSwitches(*row) for row in messages["teams"]),
            tuple(_rule(row) for row in messages["rules"]),
            tuple((int(its_id), TypeDraft(*row)) for its_id, row in messages["types"]),
            tuple((int(its_id), ContactDraft(*row)) for its_id, row in messages["contacts"]),
        ),
        {int(scheme_id): OverrideDraft(*row) for scheme_id, row in found["overrides"]},
        tuple(CallerRuleDraft(*row) for row in found["callers"]),
        tuple(ManagerDraft(*row) for row in found["managers"]),
    )


def _scheme(rows: list[Any]) -> SchemeDraft:
    draft = SchemeDraft(*rows)
    days = tuple(DayDraft(*each) for each in draft.days)
    return draft._replace(branches=tuple(_branch(each) for each in draft.branches), days=days)


def _branch(rows: Any) -> BranchDraft:
    draft = BranchDraft(*rows)
    entries = tuple(EntryDraft(*each) for each in draft.entries)
    return draft._replace(entries=entries, steps=tuple(_step(each) for each in draft.steps))


def _step(rows: Any) -> StepDraft:
    draft = StepDraft(*rows)
    greeting = None if draft.greeting is None else GreetingDraft(*draft.greeting)
    destinations = tuple(DestinationDraft(*each) for each in draft.destinations)
    choices = tuple(ChoiceDraft(*each) for each in draft.choices)
    return draft._replace(destinations=destinations, greeting=greeting, choices=choices)


def _rule(rows: list[Any]) -> RuleDraft:
    draft = RuleDraft(*rows)
    return draft._replace(numbers=tuple(draft.numbers))


@dataclass(slots=True)
class BookSnapshot:
    """The file in one folder (0700, the file 0600). Neither method raises: calls go on without it, and it is told."""

    folder: Path
    trouble: str = ""
    """Why it could not be written last time; empty when it could."""
    restored_at: datetime | None = None
    """When what `load` found was written; None when it found nothing."""
    _good: Configuration | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / FILE_NAME

    def load(self) -> Kept | None:
        """What was kept; None, and a word in the log, when that is of no use."""
        try:
            kept = understood(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, SnapshotError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            log.warning("%s is not used: %s; it is written anew when the database is read", self.path, reason)
            return None
        self.restored_at, self._good = kept.at, kept.good
        return kept

    def keep(self, latest: Configuration, reading: Reading) -> None:
        """Write what was read, and of what made no sense in it also the last version that did."""
        self._good = last_good(latest, reading, self._good)
        try:
            replace(self.path, told(Kept(datetime.now(UTC), self._good, latest)))
        except (OSError, ValueError, TypeError) as error:
            self._failed(error)
        else:
            self.trouble = ""

    def _failed(self, error: Exception) -> None:
        newly, self.trouble = not self.trouble, str(error)
        if newly:
            log.error(
                "%s cannot be written, a start without the database would find older schemes: %s", self.path, error
            )
