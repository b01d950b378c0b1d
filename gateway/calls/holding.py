"""A call on hold: the party waits with music, heard by nobody, and its phone is told so by SIP
(RFC 3264 section 8.4). Begun by its agent or from outside, with the agent or with whom the party
was transferred to."""

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from gateway.agent.messages import Away

if TYPE_CHECKING:
    from gateway.calls.call import Call


class Holding:
    """One call's."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._since: float | None = None  # monotonic seconds; None: it is not on hold
        self._back: asyncio.Event | None = None  # somebody waits for the end of it

    @property
    def held(self) -> bool:
        return self._since is not None

    @property
    def awaited(self) -> bool:
        """A tool waits for the end of it, and tells the model."""
        return self._back is not None and not self._back.is_set()

    def hold(self) -> bool:
        """False: it is on hold already, or nobody is there who could take it back."""
        call = self._call
        if self.held or not (call.forwarding.hold(True) or self._part()):
            return False
        self._since = time.monotonic()
        call.leg.hold()
        call.happened("hold")
        return True

    def resume(self) -> float | None:
        """For how many seconds it was on hold; None: it was not."""
        if self._since is None:
            return None
        call, seconds = self._call, round(time.monotonic() - self._since, 1)
        self._since = None
        call.leg.resume()
        if not call.forwarding.hold(False):
            self._rejoin()
        call.happened("resume", seconds=seconds)
        if self._back:
            self._back.set()
        return seconds

    async def back(self, seconds: float) -> bool:
        """Wait so long for somebody to take the party back, or for the end; False: nobody did."""
        self._back = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._back.wait()
        return self._back.is_set()

    def close(self) -> None:
        """The call is over."""
        self._since = None
        if self._back:
            self._back.set()

    def _part(self) -> bool:
        call, line = self._call, self._call.leg.line
        if call.forwarding.busy or not call.has_agent:
            return False
        call.tell(Away(call=call.record.id, away=True))
        line.mute_peer(True)
        line.agent_to()
        line.play("hold")
        return True

    def _rejoin(self) -> None:
        call, line = self._call, self._call.leg.line
        line.stop()
        line.mute_peer(False)
        line.agent_to(line)
        call.tell(Away(call=call.record.id, away=False))
