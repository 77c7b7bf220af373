"""Every happening of the journal goes to disk and comes back as it was, whatever is in it."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.core.messages import Intent
from ari_app.core.timeline import Entry, Kind
from ari_app.core.verdict import Verdict
from ari_app.ports import CallAmended, CallClosed, CallOpened, CallRouted, LegRecord, MessageRecord, RecordingOwed
from ari_app.storage.batch import Batch, Happening
from ari_app.storage.happening_json import UnknownRecord, told, understood

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
"""Half surrogates, line breaks and NUL included."""
ZONES = st.one_of(st.just(UTC), st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))))
MOMENTS = st.datetimes(timezones=ZONES)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 80), 1 << 80), st.floats(allow_nan=False), TEXT)


def built(kind: type[Any], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any value of a dataclass, each field by its type."""
    return st.builds(kind, **{name: _of(hint) for name, hint in typing.get_type_hints(kind).items()} | given)


_FIELDS: dict[Any, st.SearchStrategy[Any]] = {str: TEXT, datetime: MOMENTS}


def _of(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, types.UnionType):
        return st.one_of(*map(_of, typing.get_args(hint)))
    if hint is Verdict:
        return built(Verdict)
    return _FIELDS[hint] if hint in _FIELDS else st.from_type(hint)


ENTRIES = st.builds(Entry, st.integers(), st.sampled_from(Kind), st.dictionaries(TEXT, SCALARS, max_size=5))
INTENTS = st.lists(built(Intent), max_size=3).map(tuple)
HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    built(CallOpened),
    built(CallRouted),
    built(LegRecord),
    built(MessageRecord),
    built(CallClosed, intents=INTENTS, owed=st.none() | built(RecordingOwed)),
    built(CallAmended, intents=INTENTS, entries=st.lists(ENTRIES).map(tuple), message=st.none() | built(MessageRecord)),
    st.tuples(TEXT, st.integers(), ENTRIES),
)


@pytest.mark.fault("19")
@given(HAPPENINGS)
def test_a_happening_comes_back_as_it_was(happening: Happening) -> None:
    record = told(happening)
    assert understood(record) == happening
    assert type(understood(record)) is type(happening)
    assert b"\n" not in record
    assert b"\xf5" not in record, "the mark of a record must not be in it"


def test_every_kind_that_the_journal_hears_is_known_here() -> None:
    heard = {kind for kind in typing.get_args(Happening) if dataclasses.is_dataclass(kind)}
    assert heard == {CallOpened, CallRouted, CallClosed, CallAmended, LegRecord, MessageRecord}


def test_what_goes_to_disk_is_plain_json_with_its_version() -> None:
    record = json.loads(told(("call-1", 7, Entry(3, Kind.ARRIVED, {"caller": "x"}))))
    assert record == {
        "v": 1,
        "kind": "noted",
        "call_id": "call-1",
        "seq": 7,
        "entry": {"at_ms": 3, "kind": "arrived", "details": {"caller": "x"}},
    }


def test_what_no_happening_should_hold_does_not_keep_it_from_the_disk() -> None:
    odd: Any = {"caller": {1, 2}}
    assert understood(told(("call-1", 7, Entry(3, Kind.ARRIVED, odd)))) == (
        "call-1",
        7,
        Entry(3, Kind.ARRIVED, {"caller": "{1, 2}"}),
    )


def test_a_record_of_an_earlier_release_takes_the_defaults_of_what_it_lacks() -> None:
    record = json.loads(told(CallOpened("call-1", datetime(2026, 3, 2, tzinfo=UTC), None, "", None, "", "in-1")))
    del record["channel"]
    found = understood(json.dumps(record).encode())
    assert isinstance(found, CallOpened)
    assert found.channel == ""


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"v":2,"kind":"routed"}',
        b'{"v":1,"kind":"sung","call_id":"1"}',
        b'{"v":1,"kind":"message","call_id":"1"}',
        b'{"v":1,"kind":"message","call_id":"1","name":"n","length_ms":1,"new":1}',
        b'{"v":1,"kind":"noted","call_id":"1","seq":1,"entry":{"at_ms":1,"kind":"sneezed"}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_is_refused_by_name(record: bytes) -> None:
    with pytest.raises(UnknownRecord):
        understood(record)


@given(st.binary(max_size=50))
def test_no_bytes_make_it_crash(record: bytes) -> None:
    with pytest.raises(UnknownRecord):
        understood(record)


def test_the_rows_are_the_same() -> None:
    """What is written from the spool is what would have been written at once, down to the outbox's key."""
    verdict = Verdict(*(next(iter(kind)) for kind in _enums(Verdict)))  # type: ignore[arg-type]
    closed = CallClosed("call-1", datetime(2026, 3, 2, tzinfo=UTC), verdict, None, 9)
    one, other = Batch([closed]), Batch([understood(told(closed))])
    assert vars(one) == vars(other)


def _enums(kind: type) -> list[type[Enum]]:
    return [hint for hint in typing.get_type_hints(kind).values() if isinstance(hint, type) and issubclass(hint, Enum)]
