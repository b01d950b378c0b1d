"""Background tasks: a failure ends its own task only; the rest ends with the owner."""

import asyncio
import gc
import weakref

import pytest

from gateway.tasks import Tasks


async def test_a_failure_is_logged_and_touches_no_other(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()
    done = asyncio.Event()

    async def fails() -> None:
        raise RuntimeError("the disk is gone")

    async def works() -> None:
        done.set()

    await tasks.start(fails(), "writer")
    tasks.start(works(), "reader")
    async with asyncio.timeout(5):
        await done.wait()
    assert "task failed: writer" in caplog.text
    assert "the disk is gone" in caplog.text


async def test_what_still_runs_is_cancelled_at_the_end() -> None:
    tasks = Tasks()
    task = tasks.start(asyncio.sleep(3600), "sleeper")
    assert len(tasks) == 1
    await tasks.close()
    assert task.cancelled()
    assert len(tasks) == 0


async def test_a_task_that_was_cancelled_keeps_nobody() -> None:
    class Owner:
        def __init__(self) -> None:
            self.task = tasks.start(self.work(), "work")

        async def work(self) -> None:
            begun.set()
            await asyncio.sleep(3600)

    tasks, begun = Tasks(), asyncio.Event()
    owner = Owner()
    known = weakref.ref(owner)
    await begun.wait()
    gc.disable()
    try:
        await tasks.close()
        del owner
        assert known() is None
    finally:
        gc.enable()


async def test_whoever_does_not_end_is_named(caplog: pytest.LogCaptureFixture) -> None:
    tasks, begun, release = Tasks(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    task = tasks.start(stubborn(), "hearing call-1")
    await begun.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await tasks.close()
    assert "not over yet: hearing call-1" in caplog.text
    release.set()
    await task
