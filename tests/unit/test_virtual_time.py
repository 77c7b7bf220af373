"""The clock that leaps."""

from __future__ import annotations

import asyncio
import time

import pytest

from ari_app.virtual_time import run


@pytest.mark.fault("32")
def test_a_month_passes_at_once_and_in_order() -> None:
    async def main() -> list[float]:
        loop, rang = asyncio.get_running_loop(), list[float]()
        for seconds in (2.7e6, 1, 20, 20):
            loop.call_later(seconds, lambda: rang.append(loop.time()))
        await asyncio.sleep(2.7e6 + 1)
        return rang

    began = time.monotonic()
    assert run(main()) == pytest.approx([1, 20, 20, 2.7e6])
    assert time.monotonic() - began < 5


def test_what_would_hang_for_ever_is_an_error() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="would hang for ever"):
        run(main())


def test_callbacks_due_now_run_before_the_clock_moves() -> None:
    async def main() -> float:
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon_threadsafe(lambda: None)
        await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(main()) == 0
