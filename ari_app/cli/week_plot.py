"""Draws the share of unanswered calls over the hours of the week, as an SVG that needs no library to be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ari_app.core.schedule import DAY_NAMES
from ari_app.core.unanswered import Tally, Unanswered

_CELL, _LEFT, _TOP, _HOURS = 34, 56, 64, 24
_BEST, _WORST, _EMPTY = (232, 245, 233), (183, 28, 28), "#f5f5f5"


def week_plot(found: Unanswered, headline: str) -> str:
    """The whole SVG: a square for each hour of the week, the redder the more of its calls went unanswered."""
    width, height = _LEFT + _HOURS * _CELL + 16, _TOP + len(DAY_NAMES) * _CELL + 56
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" role="img">',
        f"<title>{headline}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="26" font-size="16" font-weight="bold">{headline}</text>',
        *_hours(),
        *_days(found.week),
        *_legend(_TOP + len(DAY_NAMES) * _CELL + 22),
        "</svg>\n",
    ])  # fmt: skip


def _hours() -> Iterator[str]:
    for hour in range(_HOURS):
        x = _LEFT + hour * _CELL + _CELL / 2
        yield f'<text x="{x}" y="{_TOP - 8}" font-size="11" text-anchor="middle" fill="#424242">{hour:02d}</text>'


def _days(week: Mapping[tuple[int, int], Tally]) -> Iterator[str]:
    for day, name in enumerate(DAY_NAMES, start=1):
        y = _TOP + (day - 1) * _CELL
        yield f'<text x="{_LEFT - 10}" y="{y + _CELL / 2 + 4}" font-size="12" text-anchor="end">{name}</text>'
        for hour in range(_HOURS):
            yield from _cell(_LEFT + hour * _CELL, y, f"{name} {hour:02d}:00", week.get((day, hour), Tally()))


def _cell(x: int, y: int, hour: str, tally: Tally) -> Iterator[str]:
    share = tally.share
    told = f"{hour}: {tally.unanswered} of {tally.calls} unanswered" if tally.calls else f"{hour}: no calls"
    side = _CELL - 2
    yield f'<g><title>{told}</title><rect x="{x}" y="{y}" width="{side}" height="{side}" fill="{_colour(share)}"/>'
    if share is not None:
        ink = "#ffffff" if share > 0.5 else "#212121"
        middle = f'x="{x + side / 2}" y="{y + side / 2 + 4}"'
        yield f'<text {middle} font-size="11" text-anchor="middle" fill="{ink}">{share * 100:.0f}</text>'
    yield "</g>"


def _colour(share: float | None) -> str:
    if share is None:
        return _EMPTY
    mixed = (round(best + (worst - best) * share) for best, worst in zip(_BEST, _WORST, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _legend(y: int) -> Iterator[str]:
    for step in range(5):
        share, x = step / 4, _LEFT + step * 64
        yield f'<rect x="{x}" y="{y}" width="14" height="14" fill="{_colour(share)}"/>'
        yield f'<text x="{x + 20}" y="{y + 12}" font-size="11">{share:.0%}</text>'
    note = "of the calls that came in an hour, how many per cent nobody answered; grey: no calls"
    yield f'<text x="{_LEFT + 5 * 64 + 8}" y="{y + 12}" font-size="11" fill="#424242">{note}</text>'
