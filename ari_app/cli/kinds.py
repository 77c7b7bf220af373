"""Kinds of options that several commands have: moments past, choices of an enumeration, telephone numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import click

from ari_app.cli.moments import MomentError, moment_past
from ari_app.desk.terms import Terms, not_a_number
from ari_app.settings import Settings

Value = TypeVar("Value", bound=StrEnum)


class PastMoment(click.ParamType[datetime]):
    """An option's moment to search from."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, aware."""
        if isinstance(value, datetime):
            return value
        try:
            return moment_past(value, datetime.now(UTC))
        except (MomentError, OverflowError) as error:
            self.fail(str(error), param, ctx)


PAST = PastMoment()
SINCE = click.option("--since", type=PAST, help="From then on: 2h, 7d, today, 2026-01-31, 2026-01-31T11:30.")
UNTIL = click.option("--until", type=PAST, help="Before then; written alike. Times without a zone are UTC.")


class OneOf(click.Choice[str], Generic[Value]):
    """A value of an enumeration, by its word; hyphens do as well as underscores."""

    def __init__(self, known: Iterable[Value]) -> None:
        self._known = {one.value: one for one in known}
        super().__init__(list(self._known))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        """The value."""
        word = str(value).lower().replace("-", "_")
        return self._known[super().convert(word if word in self._known else str(value), param, ctx)]


def choice(enumeration: type[Value], known: Iterable[Value] | None = None) -> OneOf[Value]:
    """Values of an enumeration, or some of them, as an option."""
    return OneOf(enumeration if known is None else known)


def number_of(text: str | None, settings: Settings) -> str | None:
    """A telephone number as E.164, however people write it. Raises UsageError."""
    if text is None:
        return None
    number = Terms(region=settings.region).number(text)
    if number is None:
        raise click.UsageError(not_a_number(text))
    return number
