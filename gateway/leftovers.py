"""At exit: is anything left open? One log line proves that it is not, or names what is."""

import asyncio
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

TASKS = Path("/proc/self/task")


def descriptors() -> dict[int, str]:
    """This process's open file descriptors and what they are."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except OSError:
            continue  # the one that iterdir itself had open
    return found


def children() -> list[int]:
    """The processes that this one has started and that still run."""
    found: list[int] = []
    for thread in TASKS.iterdir():
        try:
            found += [int(pid) for pid in (thread / "children").read_text().split()]
        except OSError:
            continue  # a thread that ended meanwhile; its children are another's now
    return found


def check(descriptors_before: dict[int, str]) -> bool:
    """Log what is left open of what was opened since; True if nothing is."""
    tasks = [t.get_name() for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    now = descriptors()
    files = [
        what
        for fd, what in now.items()
        # libuv keeps one on /dev/null in reserve for the day when descriptors run out
        if descriptors_before.get(fd) != what and what != "/dev/null"
    ]
    running = children()
    if tasks or files or running:
        log.error(
            "left open: %d tasks, %d descriptors, %d processes",
            len(tasks),
            len(files),
            len(running),
            extra={"tasks": tasks[:20], "descriptors": files[:20], "processes": running},
        )
        return False
    log.info("nothing left open", extra={"pid": os.getpid()})
    return True
