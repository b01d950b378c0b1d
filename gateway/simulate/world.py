"""The calls of a simulation, and the one clock that they share."""

import asyncio
from datetime import timedelta
from random import Random

from gateway.agent.messages import (
    Action,
    ActionResult,
    Advice,
    Consult,
    FromAgent,
    HangUp,
    Progress,
    Start,
)
from gateway.agent.pipeline import Agent
from gateway.agent.smart_turn import TurnModel
from gateway.agent.vendors import Vendors
from gateway.media.lines import BEAT_S
from gateway.reasons import Ended
from gateway.simulate.clock import Clock, settle
from gateway.simulate.exchange import Exchange, Phone
from gateway.simulate.hearing import Ears
from gateway.simulate.settings import Cast, Outage, Reply, ToolResult
from gateway.simulate.sounds import Utterance
from gateway.simulate.stage import AT, Stage
from gateway.simulate.vendors import SimulatedVendors, Stagecraft

BUFFERED = 1  # beats that a packet lies in the jitter buffer


class SimulatedCall(Stage):
    """A caller's telephone and the agent that it reaches. Main is played here: tools have results,
    and who hangs up is gone."""

    def __init__(
        self, world: "World", start: Start, phone: Phone, tools: dict[str, ToolResult] | None = None
    ) -> None:
        super().__init__(start, world.exchange.agent, world.vendors, world.clock, world.smart_turn)
        self.phone = phone
        self.began_at = world.clock.now
        self.reason = ""  # why it has ended
        self.detail = ""
        self._world = world
        self._tools = tools or {}
        self._ears = world.craft.ears[start.call] = Ears()
        self._saying: tuple[Utterance, int] | None = None  # and frames of it that have been sent

    @property
    def age_s(self) -> float:
        return self._world.clock.now - self.began_at

    def say(self, utterance: Utterance) -> None:
        self.phone.said.extend(utterance.frames)
        self._saying = (utterance, -BUFFERED)

    def beat(self) -> None:
        """The agent's beat, after the line's."""
        if self._saying:
            utterance, number = self._saying
            frame = self._world.exchange.newest(self.phone.row)
            if number >= 0 and any(frame):
                self._ears.learn(frame, utterance, number)
            more = number + 1 < len(utterance.frames)
            self._saying = (utterance, number + 1) if more else None
        self.agent.beat(self._world.clock.now)

    def take(self, message: FromAgent) -> None:
        if isinstance(message, Progress):
            return  # a checkpoint is for another process, and there is none
        super().take(message)
        match message:
            case Action(action=action, tool=tool):
                went = self._tools.get(tool, ToolResult(result="Done."))
                told = ActionResult(
                    call=self.start.call, action=action, ok=went.ok, content=went.result
                )
                due = self._world.clock.now + max(went.after_s, BEAT_S)
                self._world.clock.at(due, lambda: self._tell(self.agent, told))
            case Consult(question=question):
                unknown = Advice(call=self.start.call, question=question, wait_s=None)
                self._world.clock.at(0.0, lambda: self._tell(self.agent, unknown))
            case HangUp(reason=reason, detail=detail):
                self.reason, self.detail = self.reason or reason, detail

    def _tell(self, agent: Agent, message: ActionResult | Advice) -> None:
        if not self.reason:
            agent.receive(message)

    def hang_up(self) -> None:
        """The caller does."""
        self.reason = self.reason or Ended.CUSTOMER_ENDED_CALL


class World:
    """Up to ``rows`` calls at a time. ``real`` are the configured vendors, for those that the cast
    does not play; with one of them, time passes as it does for everybody else."""

    def __init__(
        self,
        rows: int,
        cast: Cast,
        real: Vendors,
        seed: int = 0,
        replies: tuple[Reply, ...] = (),
        smart_turn: TurnModel | None = None,
    ) -> None:
        self.clock = Clock()
        self.exchange = Exchange(rows)
        self.dice = Random(seed)
        self.craft = Stagecraft(self.clock, self.dice, cast, replies)
        self.vendors = SimulatedVendors(self.craft, real)
        self.smart_turn = smart_turn
        self.calls: list[SimulatedCall] = []
        self._free = list(range(rows))
        self._next: float | None = None  # of the loop's clock: when the next beat is due

    def dial(
        self, start: Start, tools: dict[str, ToolResult] | None = None, loss: float = 0.0
    ) -> SimulatedCall:
        """A call that is answered at once; its row is given to it here. Raises Unfit."""
        phone = Phone(self._free.pop(), self.dice, loss)
        self.exchange.connect(phone)
        start = start.model_copy(update={"row": phone.row})
        call = SimulatedCall(self, start, phone, tools)
        try:
            call.begin(AT + timedelta(seconds=self.clock.now))
        except BaseException:
            self._leave(call)
            raise
        self.calls.append(call)
        return call

    def suffer(self, outage: Outage) -> None:
        """Counted from now."""
        begin = self.clock.now + outage.at_s
        self.clock.at(begin, lambda: self.craft.begins(outage))
        self.clock.at(begin + outage.for_s, lambda: self.craft.is_over(outage))

    async def beat(self) -> None:
        """20 ms of everything."""
        if self.craft.cast.real:
            await self._wait()
        self.clock.turn(BEAT_S)
        self.exchange.beat(self.clock.now)
        for call in self.calls:
            call.beat()
        await settle()

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        self._next = (self._next or loop.time()) + BEAT_S
        await asyncio.sleep(max(0.0, self._next - loop.time()))

    async def end(self, call: SimulatedCall) -> None:
        """The call is over; its row is free again."""
        self.calls.remove(call)
        await call.agent.close()
        self._leave(call)

    def _leave(self, call: SimulatedCall) -> None:
        self.exchange.disconnect(call.phone)
        self._free.append(call.phone.row)
        del self.craft.ears[call.start.call]

    async def close(self) -> None:
        for call in list(self.calls):
            await self.end(call)
        self.exchange.close()
