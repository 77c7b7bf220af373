"""What a dead controller has left: who is sent on, who is ended, and who is let talk."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ari_app.ari.events import Bridge, Channel
from ari_app.ari.stranded import Stranded, stranded

APP = "ari-app"
LEG = f"{APP}:20261126-1"


def channel(
    channel_id: str, *, name: str = "PJSIP/trunk-1", app: str = "Stasis", context: str = "from-trunk"
) -> Channel:
    """As Asterisk tells of one."""
    place = {"context": context, "exten": "+74950000101", "app_name": app, "app_data": ""}
    told: dict[str, Any] = {"id": channel_id, "name": name, "state": "Up", "dialplan": place}
    return cast(Channel, told)


def left(
    *channels: Channel, bridges: tuple[tuple[str, ...], ...] = (), known: tuple[str, ...] = ("1", LEG)
) -> Stranded:
    """What is left of these."""
    made = [cast(Bridge, {"id": str(number), "channels": list(each)}) for number, each in enumerate(bridges)]
    return stranded(APP, known, channels, made)


def ids(found: Stranded) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    return [each["id"] for each in found.waiting], found.legs, found.alone


@pytest.mark.parametrize(
    ("channels", "bridges", "waiting", "legs", "alone"),
    [
        ([channel("1")], (), ["1"], (), ()),
        ([channel("1"), channel(LEG)], (), ["1"], (LEG,), ()),
        ([channel("1"), channel(LEG)], (("1", LEG),), [], (), ()),
        ([channel("1")], (("1",),), [], (), ("1",)),
        ([channel(LEG)], ((LEG,),), [], (LEG,), ()),
        ([channel("1", app="Dial", context="ring")], (), [], (), ()),
        ([channel("1", app="Playback", context="fallback")], (), [], (), ()),
        ([channel("1", name="Local/x@y-1;1")], (), [], (), ()),
        ([channel("2")], (), [], (), ()),
        ([channel("another:leg")], (), [], (), ()),
        ([], (), [], (), ()),
    ],
)
def test_each_is_told_apart(
    channels: list[Channel],
    bridges: tuple[tuple[str, ...], ...],
    waiting: list[str],
    legs: tuple[str, ...],
    alone: tuple[str, ...],
) -> None:
    assert ids(left(*channels, bridges=bridges)) == (waiting, legs, alone)
