"""Lists, made in steps: what shares the event loop with the API, the telephone above all, has its
turn between them, however long a list is."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

from fastapi.responses import Response
from pydantic_core import to_json

One = TypeVar("One")

STEP_S = 0.002


async def in_steps(
    found: Iterable[One], show: Callable[[One], dict[str, Any]]
) -> AsyncIterator[dict[str, Any]]:
    """Each, shown."""
    began = time.monotonic()
    for one in found:
        yield show(one)
        if time.monotonic() - began > STEP_S:
            await asyncio.sleep(0)
            began = time.monotonic()


async def listed(found: Iterable[One], show: Callable[[One], dict[str, Any]]) -> Response:
    """The answer that is an array of them all."""
    return answer(array([to_json(shown) async for shown in in_steps(found, show)]))


def array(parts: list[bytes]) -> bytes:
    """Of pieces of JSON one."""
    return b"[" + b",".join(parts) + b"]"


def answer(json: bytes) -> Response:
    return Response(json, media_type="application/json")
