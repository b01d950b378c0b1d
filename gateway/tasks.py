"""Background tasks that cannot be forgotten: each is named, its failure is logged, all end."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)


class Tasks:
    """The tasks of one owner. A failure ends its task, is logged, and touches no other."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._watch(work, name), name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        # Cancelled before its first step, it would be left behind unawaited.
        task.add_done_callback(lambda _: work.close())
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            # It keeps its CancelledError, whose traceback keeps all frames, until somebody asks;
            # an owner who has kept the task would be a cycle.
            with suppress(asyncio.CancelledError):
                task.result()

    async def _watch(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            log.exception("task failed: %s", name)

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        running = list(self._running)
        for task in running:
            task.cancel()
        if not running:
            return
        try:
            await asyncio.wait(running)  # not gather, which who gives up would still wait for
        except asyncio.CancelledError:
            if late := sorted(task.get_name() for task in running if not task.done()):
                log.error("cancelled, and not over yet: %s", ", ".join(late))
            raise
