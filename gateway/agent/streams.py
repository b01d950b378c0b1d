"""What the three vendors of a call have in common: they fail, and stall, in the same ways."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from gateway.errors import Fault, VendorError

log = logging.getLogger(__name__)

T = TypeVar("T")


class Running(Protocol):
    """A task, as far as its owner needs it."""

    def cancel(self) -> object: ...


Spawn = Callable[[Coroutine[Any, Any, None], str], Running]
Clock = Callable[[], float]


async def faithful(vendor: str, source: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The items of ``source``, which fails with nothing but VendorError: a slip in a vendor's
    dialect, or in its SDK, is that vendor's failure and not the end of the call."""
    try:
        while True:
            try:
                item = await anext(source)
            except StopAsyncIteration:
                return
            except VendorError:
                raise
            except Exception as error:
                raise VendorError(vendor, Fault.THEIRS, f"failed with {error!r}") from error
            yield item
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


async def harmless(what: str, work: Awaitable[None]) -> None:
    """Something whose failure is worth a line in the log and nothing more."""
    try:
        await work
    except Exception:
        log.exception("%s failed", what)


class Attempts:
    """How often, and after which pauses, the same thing is tried again."""

    def __init__(self, pauses: tuple[float, ...]) -> None:
        self._pauses = pauses
        self.failures = 0

    def succeeded(self) -> None:
        self.failures = 0

    def failed(self, error: VendorError) -> float | None:
        """Seconds until it is worth another try; None: it is not."""
        self.failures += 1
        if not error.worth_retrying or self.failures > len(self._pauses):
            return None
        return max(self._pauses[self.failures - 1], min(error.retry_after_s or 0.0, 2.0))


def stalled(vendor: str, what: str, timeout_s: float) -> VendorError:
    return VendorError(vendor, Fault.OVERLOAD, f"no {what} within {timeout_s:g} s")
