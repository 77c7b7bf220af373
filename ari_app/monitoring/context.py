"""Which call a task works for, so that each of its log lines can say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CALL: ContextVar[str] = ContextVar("call", default="")


@contextmanager
def in_call(call_id: str) -> Iterator[None]:
    """What is done within, in this task and in those that it starts, is done for this call."""
    token = _CALL.set(call_id)
    try:
        yield
    finally:
        _CALL.reset(token)


def present_call() -> str:
    """The call that is worked for here; empty: none."""
    return _CALL.get()
