"""A call in progress, in the hands of somebody outside it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from gateway.agent.brief import Brief
from gateway.agent.messages import Add, ToAgent
from gateway.calls.actions import holds, sip_request
from gateway.calls.destination import Destination
from gateway.calls.ports import Papers, Successor
from gateway.calls.record import CallRecord
from gateway.logs import about
from gateway.media.tap import Tap

if TYPE_CHECKING:
    from gateway.calls.call import Call


class Steering:
    """What may be done to it; nothing of this raises, also once the call is over."""

    def __init__(self, call: "Call") -> None:
        self._call = call

    @classmethod
    def of(cls, call: "Call | None") -> Self | None:
        return cls(call) if call else None

    @property
    def record(self) -> CallRecord:
        return self._call.record

    @property
    def papers(self) -> Papers:
        return self._call.papers

    @property
    def brief(self) -> Brief | None:
        """Of the agent that has the call; None: none has it."""
        return self._call.brief if self._call.has_agent else None

    def tell(self, message: ToAgent) -> None:
        self._call.tell(message)

    def noted(self, what: str, **facts: Any) -> None:
        """It belongs into the call's log."""
        self._call.happened(what, **facts)

    def listen(self) -> Tap:
        """To be closed."""
        return self._call.leg.line.listen()

    def mute_agent(self, muted: bool) -> None:
        """The party does not hear the agent."""
        line = self._call.leg.line
        if not line.parted:
            line.mute_agent(muted)

    def mute_peer(self, muted: bool) -> None:
        """Nobody hears the party."""
        line = self._call.leg.line
        if not line.parted:
            line.mute_peer(muted)

    def hold(self) -> bool:
        """Have the party wait with music. False: it does so already, or nobody is there."""
        return self._call.holding.hold()

    def resume(self) -> bool:
        """The end of that; False: it does not wait."""
        awaited = self._call.holding.awaited
        seconds = self._call.holding.resume()
        if seconds is not None and not awaited:
            back = {"role": "system", "content": holds.BACK.format(seconds)}
            self._call.tell(Add(call=self._call.record.id, messages=(back,)))
        return seconds is not None

    def request(self, method: str, headers: Mapping[str, str], body: str) -> None:
        """Send it to the party within the call; its record tells how that went. Raises ValueError
        for what may not be sent."""
        wanted = sip_request.Wanted.of(method, headers, body)
        call = self._call

        async def send() -> None:
            with about(call.record.id):
                await wanted.send(call)

        call.house.tasks.start(send(), f"{method} from outside")

    def transfer(self, to: Destination) -> bool:
        """Begin to transfer it; its record tells how that went. False: it has no agent."""
        return self._call.forwarding.start(to)

    def hand_over(self, successor: Successor) -> None:
        """Begin to give it to another agent; its record tells how that went."""

        async def hand_over() -> None:
            await self._call.handover.to(successor)

        self._call.house.tasks.start(hand_over(), "handover from outside")
