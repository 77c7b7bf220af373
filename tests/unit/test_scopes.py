"""Leaving a block of code when something has happened."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.scopes import leave_when
from ari_app.virtual_time import run


def now() -> float:
    return asyncio.get_running_loop().time()


def set_at(seconds: float) -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, future.set_result, None)
    return future


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


def test_the_block_is_left_when_the_future_is_done() -> None:
    async def main() -> None:
        async with leave_when(set_at(3)) as scope:
            await asyncio.sleep(10)
        assert (scope.left, now(), cancelling()) == (True, 3, 0)

    run(main())


def test_the_block_runs_to_its_end_when_the_future_is_not_done() -> None:
    async def main() -> None:
        future = set_at(3)
        async with leave_when(future) as scope:
            await asyncio.sleep(1)
        assert (scope.left, now()) == (False, 1)
        await asyncio.sleep(5)  # and its being done later disturbs nobody
        assert (scope.left, cancelling()) == (False, 0)

    run(main())


def test_a_future_done_already_leaves_at_the_first_wait() -> None:
    async def main() -> None:
        future = set_at(0)
        await future
        began = []
        async with leave_when(future) as scope:
            began.append(now())
            await asyncio.sleep(10)
            began.append(now())
        assert (scope.left, began, now()) == (True, [0], 0)

    run(main())


@pytest.mark.parametrize("offset", [-1e-10, 0, 1e-10])
def test_done_in_the_tick_in_which_the_block_ends_is_left_or_not_but_leaves_no_cancellation_behind(
    offset: float,
) -> None:
    async def main() -> None:
        future = set_at(3 + offset)
        async with leave_when(future):
            await asyncio.sleep(3)
        await asyncio.sleep(1)
        assert cancelling() == 0
        assert now() == pytest.approx(4)

    run(main())


def test_set_by_the_block_itself_as_it_ends() -> None:
    async def main() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with leave_when(future) as scope:
            future.set_result(None)
        await asyncio.sleep(1)
        assert (scope.left, cancelling()) == (False, 0)

    run(main())


def test_clean_up_in_the_block_runs_and_may_wait() -> None:
    async def main() -> None:
        async with leave_when(set_at(1)):
            try:
                await asyncio.sleep(10)
            finally:
                await asyncio.sleep(0.5)
        assert now() == 1.5

    run(main())


def test_an_error_in_the_block_passes_through() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="mine"):
            async with leave_when(set_at(1)):
                raise ValueError("mine")
        assert cancelling() == 0

    run(main())


def test_an_error_raised_by_clean_up_passes_through_and_leaves_no_cancellation_behind() -> None:
    async def block() -> None:
        async with leave_when(set_at(1)):
            try:
                await asyncio.sleep(10)
            finally:
                raise ValueError("clean-up")

    async def main() -> None:
        with pytest.raises(ValueError, match="clean-up"):
            await block()
        assert cancelling() == 0

    run(main())


@pytest.mark.parametrize("seconds", [1, 3])
def test_cancellation_from_elsewhere_passes_through_even_at_the_same_instant(seconds: float) -> None:
    async def block() -> None:
        async with leave_when(set_at(3)):
            await asyncio.sleep(10)

    async def main() -> None:
        task = asyncio.create_task(block())
        asyncio.get_running_loop().call_later(seconds, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert now() == seconds

    run(main())


def test_cancellation_from_elsewhere_is_not_lost_on_a_block_that_is_being_left_already() -> None:
    """Both come before the task runs again: leaving must not swallow what was meant for the whole task."""

    async def main() -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def block() -> None:
            async with leave_when(future):
                await asyncio.sleep(10)

        task = asyncio.create_task(block())
        await asyncio.sleep(1)
        future.add_done_callback(lambda _: task.cancel())  # right behind the block's own
        future.set_result(None)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert now() == 1

    run(main())


def test_of_nested_blocks_the_one_whose_future_is_done_is_left() -> None:
    async def main() -> None:
        async with leave_when(set_at(5)) as outer:
            async with leave_when(set_at(2)) as inner:
                await asyncio.sleep(10)
            assert (inner.left, outer.left, now()) == (True, False, 2)
            await asyncio.sleep(10)
        assert (outer.left, now()) == (True, 5)

    run(main())


@pytest.mark.parametrize(("limit", "gone", "timed_out"), [(2, 5, True), (5, 2, False), (3, 3, None)])
def test_a_time_limit_inside_is_told_from_leaving(limit: float, gone: float, timed_out: bool | None) -> None:
    async def main() -> None:
        expired = False
        async with leave_when(set_at(gone)) as scope:
            try:
                async with asyncio.timeout(limit):
                    await asyncio.sleep(10)
            except TimeoutError:
                expired = True
        if timed_out is not None:
            assert (expired, scope.left) == (timed_out, not timed_out)
        assert expired or scope.left
        await asyncio.sleep(1)
        assert cancelling() == 0

    run(main())


def test_outside_a_task_there_is_nothing_to_leave() -> None:
    async def main() -> None:
        entering = leave_when(set_at(1)).__aenter__()
        failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        def outside() -> None:
            try:
                entering.send(None)
            except RuntimeError as error:
                failed.set_result(error)

        asyncio.get_running_loop().call_soon(outside)
        assert "inside a task" in str(await failed)

    run(main())
