"""Background tasks: a failure ends its own task only; the rest ends with the owner."""

import asyncio

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
    await asyncio.wait_for(done.wait(), 5)
    assert "task failed: writer" in caplog.text
    assert "the disk is gone" in caplog.text


async def test_what_still_runs_is_cancelled_at_the_end() -> None:
    tasks = Tasks()
    task = tasks.start(asyncio.sleep(3600), "sleeper")
    assert len(tasks) == 1
    await tasks.close()
    assert task.cancelled()
    assert len(tasks) == 0
