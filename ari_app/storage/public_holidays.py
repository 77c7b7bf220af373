"""Public holidays of a country or region, and days of the weekend worked for them, as plain dates for the core."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType, ModuleType
from typing import Any

from ari_app.core.calendar import DayRule, PublicDay, Treatment
from ari_app.core.numbering import printable

YEARS_BACK = 1
YEARS_AHEAD = 2
"""Besides the present year; a call of a year before or after goes by the week alone."""
WORKED = "working day of the weekend"
_LANGUAGE = "en_US"
_NONE: Mapping[date, PublicDay] = MappingProxyType({})


def public_days(holidays: str, year: int) -> Mapping[date, PublicDay]:
    """The days out of the ordinary around ``year`` in the country (``RU``) or its region (``DE-BY``).

    A holiday is closed. A day of the weekend that is worked goes as the nearest day of the week that is none.

    Raises:
        ValueError: there is no such country or region (`refusal` says so beforehand).
    """
    return _public_days(holidays, year) if holidays else _NONE


def refusal(holidays: str) -> str | None:
    """Why nothing is known of this country or region; None when it is."""
    if not holidays:
        return None
    country, _, region = holidays.partition("-")
    known = _supported()
    if country not in known:
        return f"no public holidays are known of {printable(holidays)!r}; write a country such as RU, UA, PL or DE-BY"
    if region and region not in known[country]:
        regions = ", ".join(known[country]) or "none"
        return f"{country} has no region {printable(region)!r} of its own holidays; those known are {regions}"
    return None


@lru_cache(maxsize=256)
def _public_days(holidays: str, year: int) -> Mapping[date, PublicDay]:
    country, _, region = holidays.partition("-")
    years = range(year - YEARS_BACK, year + YEARS_AHEAD + 1)
    known = _country(country, region, years)
    closed = Treatment(DayRule.CLOSED)
    days = {day: PublicDay(str(name), closed) for day, name in known.items()}
    for day in (worked for worked in known.weekend_workdays if worked.year in years):
        days[day] = PublicDay(WORKED, Treatment(DayRule.WEEKDAY, _nearest_weekday(day, known.weekend)))
    return MappingProxyType(dict(sorted(days.items())))


def _country(country: str, region: str, years: range) -> Any:
    """The library's own calendar, in English where it can."""
    library = _library()
    probe = library.country_holidays(country)
    language = _LANGUAGE if _LANGUAGE in getattr(probe, "supported_languages", ()) else None
    return library.country_holidays(country, subdiv=region or None, years=years, language=language)


def _nearest_weekday(day: date, weekend: set[int]) -> int:
    """The ISO weekday that a worked day of the weekend goes as: Friday for a Saturday, Monday for a Sunday."""
    steps = (-1, 1, -2, 2, -3, 3)
    near = next((step for step in steps if (day + timedelta(days=step)).weekday() not in weekend), 0)
    return (day + timedelta(days=near)).isoweekday()


@lru_cache(maxsize=1)
def _supported() -> Mapping[str, list[str]]:
    supported: dict[str, list[str]] = _library().list_supported_countries(include_aliases=False)
    return supported


def _library() -> ModuleType:
    """Imported when a scheme first asks for it: it takes longer to load than most commands to run."""
    import holidays  # noqa: PLC0415 - late, see above

    return holidays
