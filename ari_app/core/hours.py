"""Whether the company works: the branch of a number's scheme that holds at a moment says so."""

from __future__ import annotations

from datetime import datetime

from ari_app.core.branch_choice import choose
from ari_app.core.scheme import SchemeBook


def is_out_of_hours(book: SchemeBook, number: str, at: datetime) -> bool | None:
    """Whether no working branch of the number's scheme holds at ``at`` (aware); None: its hours are not known.

    ``number`` is E.164. A branch works unless it is marked as out of hours.
    """
    found = book.numbers.get(number)
    if found is None or not found.enabled or found.scheme is None:
        return None
    branch = choose(found.scheme, at).branch
    return branch is None or branch.out_of_hours


def team_is_out_of_hours(book: SchemeBook, team: str, at: datetime) -> bool | None:
    """Whether none of the team's numbers works at ``at``; None: the hours of none of them are known."""
    known = [
        out
        for number in book.numbers.values()
        if number.team == team and (out := is_out_of_hours(book, number.e164, at)) is not None
    ]
    return all(known) if known else None
