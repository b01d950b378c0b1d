"""What all calls of a process share with a vendor: its client and that client's connections.

Things are kept per event loop, since a connection lives on the loop that made it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Protocol, TypeVar


class Closes(Protocol):
    def close(self) -> Awaitable[Any]: ...


C = TypeVar("C", bound=Closes)

_open: dict[tuple[asyncio.AbstractEventLoop, Hashable], Closes] = {}


def shared(key: Hashable, make: Callable[[], C]) -> C:
    """The one of this key, made at first need and closed by :func:`close_all`."""
    place = (asyncio.get_running_loop(), key)
    if place not in _open:
        _open[place] = make()
    return _open[place]  # type: ignore[return-value]  # the same key, the same type


async def close_all() -> None:
    """At exit: nothing of this loop's is left open."""
    loop = asyncio.get_running_loop()
    for place in [place for place in _open if place[0] is loop]:
        await _open.pop(place).close()
