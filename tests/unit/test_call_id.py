"""The names of calls."""

from __future__ import annotations

from datetime import UTC, datetime

from ari_app.core.call_id import call_id, named

AT = datetime(2026, 11, 26, 17, 58, 31, 999000, UTC)


def test_a_call_is_named_by_its_second_its_application_and_its_channel() -> None:
    assert call_id(AT, "ari-app", "1.2") == named(AT, "ari-app/1.2")
    assert call_id(AT, "ari-app", "1.2").startswith("20261126-175831-")
    assert len({call_id(AT, app, channel) for app in ("a", "b") for channel in ("1.2", "1.3")}) == 4
