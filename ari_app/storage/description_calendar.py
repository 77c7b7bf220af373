"""Reads what a description says of a scheme's holidays and exceptional days."""

from __future__ import annotations

import re

from ari_app.core.calendar import DayRule
from ari_app.core.calendar_draft import DayDraft, day_of
from ari_app.core.schedule import DAY_NAMES, ScheduleError
from ari_app.storage.public_holidays import refusal
from ari_app.storage.yaml_reading import Complaints, Node, items, mapping, meant, required, title, word

_DATES = re.compile(r"(\S+)(?:\s+to\s+(\S+))?")
_RULES = ("closed", "open", "like Mon", "branch NAME")


def weekday(name: str, node: Node, default: int, complaints: Complaints) -> int:
    """The ISO number of a weekday written as ``Mon`` or ``monday``."""
    short = name[:3].title()
    if short not in DAY_NAMES:
        complaints.at(node, f"{name!r} is no weekday; {meant(short, list(DAY_NAMES))}")
        return default
    return DAY_NAMES.index(short) + 1


class CalendarReader:
    """Reads calendars; goes on after a mistake, to find the others."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints

    def read(self, holidays: Node | None, days: Node | None) -> tuple[str, tuple[DayDraft, ...]]:
        """``holidays: DE-BY`` and the list of ``exceptional days``."""
        country = word(holidays, "holidays", self._complaints)
        if holidays is not None and (unknown := refusal(country)):
            self._complaints.at(holidays, unknown)
        listed = items(days, "exceptional days", self._complaints)
        return country, tuple(day for each in listed if (day := self._day(each)) is not None)

    def _day(self, node: Node) -> DayDraft | None:
        before = len(self._complaints.lines)
        values = mapping(node, ("on", "is", "hours", "name"), "an exceptional day", self._complaints)
        on = required(node, values, "on", "an exceptional day", self._complaints)
        dates = _DATES.fullmatch(on)
        rule, number, branch = self._rule(node, values)
        hours = word(values.get("hours"), "hours", self._complaints, "00:00-23:59").replace("–", "-")
        opens, _, closes = hours.partition("-")
        if len(self._complaints.lines) > before:
            return None
        if dates is None:
            self._complaints.at(node, f"{on!r} is no date; write 2026-12-31, or 2026-12-24 to 2027-01-02")
            return None
        name = title(values.get("name"), "a day's name", self._complaints, "exceptional day")
        first, last = dates[1], dates[2] or dates[1]
        day = DayDraft(name, first, last, _clock(opens), _clock(closes), rule, number, branch)
        try:
            day_of(day)
        except ScheduleError as error:
            self._complaints.at(node, str(error))
            return None
        return day

    def _rule(self, node: Node, values: dict[str, Node]) -> tuple[str, int, str]:
        """What ``is`` says: the rule, and its weekday or branch."""
        text = title(values.get("is"), "what the day is", self._complaints, "closed")
        kind, _, rest = text.partition(" ")
        if kind == "like" and rest:
            return DayRule.WEEKDAY, weekday(rest, node, 1, self._complaints), ""
        if kind == "branch" and rest:
            return DayRule.BRANCH, 0, rest
        if text not in (DayRule.CLOSED, DayRule.OPEN):
            self._complaints.at(node, f"a day is not {text!r}; {meant(text, list(_RULES))}")
        return text, 0, ""


def _clock(text: str) -> str:
    return text.strip().rjust(5, "0")
