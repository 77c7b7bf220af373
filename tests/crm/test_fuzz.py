"""A vendor's answers with parts of them made up: somebody, nobody or trouble, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.crm.base import CrmTrouble, Manager
from ari_app.http_client.client import Answer, HttpClient, Request
from tests.crm.drivers import ALL
from tests.crm.vendors.base import ALIKE, PHONE, TOKEN_PATH, Driver, Fake
from tests.gateways.providers import Received, Reply

WORDS = ("", PHONE, ALIKE, "7", "0", "005000000000007AAA", "open", "P", "OPEN", "1", "' OR 1=1", "2024-03-01", "../x")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=12)
)
MADE_UP = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def places(found: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every part of a JSON value."""
    yield way
    if isinstance(found, dict | list):
        for key, value in found.items() if isinstance(found, dict) else enumerate(found):
            yield from places(value, (*way, key))


def replaced(found: Any, way: tuple[Any, ...], part: Any) -> Any:
    """The value with another part at the end of the way."""
    if not way:
        return part
    copy = dict(found) if isinstance(found, dict) else list(found)
    copy[way[0]] = replaced(found[way[0]], way[1:], part)
    return copy


def received(request: Request) -> Received:
    """A request as it would come in."""
    sent = request.prepared()
    parts = urlsplit(sent.url or "")
    headers = {name.lower(): str(value) for name, value in sent.headers.items()}
    body = sent.body or b""
    target = f"{parts.path}?{parts.query}"
    return Received(sent.method or "", str(target), headers, body if isinstance(body, bytes) else body.encode())


def answer(fake: Fake, request: Request, data: st.DataObject, spoil: bool) -> Answer:
    """The vendor's answer; spoilt, some part of it is another."""
    try:
        reply = fake(received(request))
    except (LookupError, ValueError):  # it was asked for an id that was made up
        reply = Reply(404, {})
    assert isinstance(reply, Reply)
    body = reply.body
    if spoil and not isinstance(body, bytes):
        body = replaced(body, data.draw(st.sampled_from(list(places(body)))), data.draw(MADE_UP))
    octets = body if isinstance(body, bytes) else orjson.dumps(body)
    return Answer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, octets)


@pytest.mark.parametrize("driver", ALL, ids=lambda one: one.name)
@given(data=st.data())
@settings(deadline=None, max_examples=40)
@pytest.mark.promise("RNG-15")
def test_whatever_is_answered(driver: Driver, data: st.DataObject) -> None:
    entity = data.draw(st.sampled_from(driver.settings.known))
    fake = driver.fake(*driver.record(entity), *driver.record(entity, 2, phones=(ALIKE,), owner=8, open=False), page=1)
    spoilt = data.draw(st.sets(st.integers(0, 5), min_size=1, max_size=2))
    asked = iter(range(1000))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:

        def ask(_: HttpClient, request: Request, *__: float) -> Answer:
            renewal = urlsplit(request.url).path == TOKEN_PATH  # in a thread of its own, where nothing can be drawn
            return answer(fake, request, data, not renewal and next(asked) in spoilt)

        patched.setattr(HttpClient, "ask", ask)
        crm = driver.make("http://127.0.0.1:9", Path(folder))
        told, found = "", None
        try:
            found = crm.find(entity, PHONE, 5.0)
        except CrmTrouble as trouble:
            told = str(trouble)
    assert PHONE.removeprefix("+") not in told
    assert found is None or (isinstance(found, Manager) and 0 < len(found.id) <= 64 and len(found.name) <= 600)


@pytest.mark.parametrize("phone", ["", "+", "74950000101", "+999999999", "'; --", "+7" + "9" * 40])
def test_what_is_no_number_is_not_asked_for(phone: str, tmp_path: Path) -> None:
    for driver in ALL:
        with pytest.raises(CrmTrouble, match="no telephone number"):
            driver.make("http://127.0.0.1:9", tmp_path).find(driver.settings.known[0], phone, 5.0)
