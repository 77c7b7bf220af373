"""Reading what a CRM answered, none of which is to be trusted: not its shape, not its lengths, not its characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ari_app.crm.base import CrmTrouble

Row = Mapping[str, Any]

MOST_ROWS = 1000
"""More than any page that we ask for has."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Misshapen(CrmTrouble):
    """An answer of a shape that the vendor does not document."""

    def __init__(self, where: str) -> None:
        super().__init__(f"its answer has {where} of a shape that is not documented; check url:, and its API's version")


def at(found: Any, *path: str) -> Any:
    """What stands at a path of objects; None where one of its parts is missing or null."""
    for part in path:
        if found is None:
            return None
        if not isinstance(found, dict):
            raise Misshapen(".".join(path))
        found = found.get(part)
    return found


def needed(found: Any, *path: str) -> Row:
    """The object at a path."""
    value = at(found, *path)
    if not isinstance(value, dict):
        raise Misshapen(".".join(path) or "an object")
    return value


def rows(found: Any, *path: str) -> Sequence[Row]:
    """The list of objects at a path; none where it is missing or null."""
    value = at(found, *path)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_ROWS or not all(isinstance(one, dict) for one in value):
        raise Misshapen(".".join(path) or "a list")
    return value


def values(found: Any, *path: str) -> Sequence[Any]:
    """The list at a path, of whatever it is; none where it is missing or null."""
    value = at(found, *path)
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_ROWS:
        raise Misshapen(".".join(path) or "a list")
    return value


def text(found: Any, *path: str, longest: int = 254) -> str:
    """The text or whole number at a path, as text; empty where there is neither."""
    value = at(found, *path)
    return str(value)[:longest] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def number(found: Any, *path: str) -> int | None:
    """The whole number at a path."""
    value = at(found, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def ident(found: Any, *path: str) -> str:
    """The id at a path, as text; empty where there is none, or it is 0, by which some say nobody."""
    value = at(found, *path)
    if value in (None, "", "0", 0):
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or not _ID.fullmatch(str(value)):
        raise Misshapen(".".join(path) or "an id")
    return str(value)


def key(found: Any, *path: str) -> str:
    """The id at a path, of what more is asked for by it: there has to be one."""
    if not (value := ident(found, *path)):
        raise Misshapen(".".join(path) or "an id")
    return value


def email(found: Any, *path: str) -> str:
    """The e-mail address at a path, in small letters; empty where there is none."""
    value = text(found, *path).strip().lower()
    return value if "@" in value else ""


def moment(found: Any, *path: str) -> float:
    """The time at a path, in seconds since the epoch, of ISO 8601 or such seconds; 0 where there is none."""
    value = at(found, *path)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        told = datetime.fromisoformat(str(value)[:40])
    except ValueError:
        return 0.0
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def newest(records: Iterable[Row], *path: str) -> Sequence[Row]:
    """The records, newest first by the time at a path."""
    return sorted(records, key=lambda one: moment(one, *path), reverse=True)
