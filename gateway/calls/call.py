"""One call, from its first sign to its record.

Four may end it: the party, the agent, the operator (API or shutdown) and the clock. The first
to speak gives the reason; from then on the call only tidies up.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.agent.brief import Brief
from gateway.agent.messages import (
    Action,
    Add,
    Advice,
    Answered,
    Became,
    Consult,
    Digit,
    Extracted,
    FromAgent,
    HangUp,
    Happened,
    Know,
    Offer,
    Say,
    Spoken,
    Start,
    Summary,
    ToAgent,
    TurnTimings,
    Used,
)
from gateway.agent.renewal import KeyWanted, NewKey
from gateway.calls import actions, at_the_end, metrics, records, usage, variables
from gateway.calls.consent import Consent
from gateway.calls.forwarding import Forwarding
from gateway.calls.handover import Handover
from gateway.calls.holding import Holding
from gateway.calls.leg import Down, Leg, LegEvent, Pressed, Ringing, Up, Wrote
from gateway.calls.ports import Papers, Route
from gateway.calls.record import Activation, CallRecord, Event, Status
from gateway.calls.surroundings import Surroundings
from gateway.calls.watch import Watch
from gateway.logs import about
from gateway.reasons import Ended

log = logging.getLogger(__name__)

# An agent ends its call itself when the time is up; main only makes sure of it.
GRACE_S = 30.0


class Call:
    """``brief`` None is a call without an agent: the echo."""

    def __init__(
        self,
        record: CallRecord,
        brief: Brief | None,
        papers: Papers,
        agent: int,
        limit_s: float,
        leg: Leg,
        house: Surroundings,
    ) -> None:
        self.record = record
        self.papers = papers
        self.agent = agent
        self.leg = leg
        self.tools = house.tools
        self.log = log
        self._brief: Brief | None = None
        self._limit_s = limit_s
        self._answered = 0.0  # monotonic seconds; 0: not answered
        self._begun = False  # the agent has the call
        self._ending = False
        # The call's own calendar: no clock that is set makes it longer, or shorter than nothing.
        self._zero = datetime.now(UTC) - timedelta(seconds=time.monotonic())
        self._limit: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._last_words = ""
        self._ends_as = ""  # why, if the agent ends it
        self.handover = Handover(self)
        self.consent = Consent(self)
        self.agents = house.agents
        self.extension = ""  # to be dialled when the party has answered
        self.trunk = ""  # that it came or went by
        self.captured = True  # its SIP messages may be kept
        self.house = house
        self.forwarding = Forwarding(self)
        self.holding = Holding(self)
        if brief:
            self._hold_by(brief)

    @property
    def has_agent(self) -> bool:
        return self._begun and not self._ending

    @property
    def brief(self) -> Brief:
        if self._brief is None:
            raise LookupError("this call has no agent")
        return self._brief

    def take_on(self, route: Route) -> None:
        """Who holds the call, if that was not known from the start."""
        record = self.record
        self._hold_by(route.brief)
        self.papers = route.papers
        self._limit_s = route.brief.max_duration_s + GRACE_S
        self._last_words, self._ends_as = route.last_words, route.ends_as
        record.assistant_id, record.assistant = route.assistant_id, route.assistant
        record.squad_id = route.squad_id
        record.variables = route.variables | record.variables
        if route.chosen:
            self.happened("routed", **route.chosen)

    def change(self, brief: Brief, papers: Papers) -> None:
        """Another agent has the call, with other wishes."""
        self._hold_by(brief)
        self.papers = papers
        if self._limit:
            self._limit.cancel()
            limit_s = brief.max_duration_s + GRACE_S
            self._limit = asyncio.get_running_loop().call_later(limit_s, self._too_long)
        self._look_elsewhere()
        if self.record.recording:
            self.pause_recording(not brief.record)
        elif brief.record:
            self._record()
        if brief.background:
            self.house.tasks.start(self.house.background(self.leg, brief.background), "background")

    def _hold_by(self, brief: Brief) -> None:
        """What one of several agents may not have stored, is not stored of the call."""
        self._brief = self.consent.first(brief)
        self.record.discreet |= brief.discreet
        self.captured = brief.capture and not self.record.discreet

    def _record(self) -> None:
        self.record.recording = f"recordings/{self.record.id}.wav"
        self.leg.record(self.house.state_dir / self.record.recording)

    # what the party does

    def leg_event(self, event: LegEvent) -> None:
        with about(self.record.id):
            if self.forwarding.leg_event(event):
                return
            match event:
                case Ringing():
                    if self.record.status is Status.QUEUED:
                        self._enter(Status.RINGING)
                case Up():
                    self._up()
                case Pressed(digit):
                    self.tell(Digit(call=self.record.id, digit=digit))
                case Wrote(text):
                    self.happened("text_received", text=text)
                    written = {"role": "user", "content": text}
                    self.tell(Add(call=self.record.id, messages=(written,), answer=True))
                case Down():
                    self._down(event)

    def _up(self) -> None:
        if self._answered or self._ending:
            return
        self._answered = time.monotonic()
        self.record.answered_at = self._date(self._answered)
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(self._limit_s, self._too_long)
        self._watch = Watch(self, self._answered)
        if self._brief is not None:
            named = Activation(name=self._brief.name, assistant_id=self.record.assistant_id)
            self.record.activations.append(named)
            if self._brief.denoise and (why := self.leg.denoise()):
                self.happened("not_denoised", why=why)
                log.warning("the call is not denoised: %s", why)
            if self._brief.record:
                self._record()
            if name := self._brief.background:
                self.house.tasks.start(self.house.background(self.leg, name), "background")
            if self._begun:
                self.tell(Answered(call=self.record.id))
            else:
                self._begin(ringing=False)
            if self._last_words:
                self.tell(Say(call=self.record.id, text=self._last_words, then_end=True))
        if self.extension:
            self.house.tasks.start(self.leg.dial(self.extension), "extension")
        self._enter(Status.IN_PROGRESS)
        self.forwarding.up()

    def pause_recording(self, paused: bool) -> bool:
        """Have the recording be silent from now on, or go on; whether that changes anything."""
        if changed := self.leg.pause_recording(paused):
            self.happened(f"recording_{'paused' if paused else 'resumed'}")
        return changed

    def prepare(self) -> None:
        """Have the agent dial its vendors while the party's phone still rings."""
        if self._brief is not None:
            self._begin(ringing=True)

    def _begin(self, ringing: bool) -> None:
        self.record.variables = variables.about(self.record) | self.record.variables
        start = Start(
            call=self.record.id,
            row=self.leg.row,
            brief=self.brief.on(self.record.direction),
            variables=self.record.variables,
            ringing=ringing,
        )
        self._begun = True
        self.house.agents.begin(self.agent, start, self.agent_said)
        self._look_elsewhere()

    def _look_elsewhere(self) -> None:
        if self.brief.elsewhere:
            self.house.tasks.start(self._discover(), "tools that are elsewhere")

    async def _discover(self) -> None:
        with about(self.record.id):
            found = await self.tools.discover(self.record, self.papers, self.brief.elsewhere)
            self._brief = self.brief.offered(found)
            self.tell(Offer(call=self.record.id, tools=found))

    def _down(self, event: Down) -> None:
        self.record.sip_status = event.status
        self.end(records.reason_of(event, self.record), event.detail)

    def _too_long(self) -> None:
        with about(self.record.id):
            self.end(Ended.EXCEEDED_MAX_DURATION, f"after {self._limit_s:g} s")

    # what the agent does

    def agent_said(self, message: FromAgent) -> None:
        with about(self.record.id):
            match message:  # Progress and Stopped are the pool's own business
                case Spoken():
                    self._spoken(message)
                    self.consent.heard(message)
                    self.forwarding.heard(message)
                case Summary():
                    self.forwarding.summed_up(message.text)
                case TurnTimings():
                    self._turn(message)
                case Used():
                    usage.add(self.record.usage, message)
                case Happened():
                    self.happened(message.what, at=message.at, **message.facts)
                case Action():
                    self.house.tasks.start(self._act(message), f"action {message.tool}")
                case Extracted() | Became():
                    self.handover.heard(message)
                    return  # that is told when it has been done
                case Consult():
                    self.house.tasks.start(self._advise(message), "advice on a turn's end")
                case KeyWanted():
                    self.house.tasks.start(self._renew(message), "a vendor's key")
                    return
                case HangUp():
                    self.end(self._ends_as or message.reason, message.detail)
            self.house.told(self, message)

    # transfers

    def forwarded(self) -> None:
        """The caller has another party to talk to: the agent leaves."""
        if self._limit:
            self._limit.cancel()
        if self._begun:
            self._begun = False
            self.leg.line.give_agent(None)
            self.house.tasks.start(self.house.agents.stop(self.record.id), "agent leaves")
        self._enter(Status.FORWARDING)

    async def _advise(self, consult: Consult) -> None:
        with about(self.record.id):
            server = self.brief.endpointing.server
            wait_s = await self.tools.advise(self.record, self.papers, server, consult.conversation)
            self.tell(Advice(call=self.record.id, question=consult.question, wait_s=wait_s))

    async def _renew(self, wanted: KeyWanted) -> None:
        with about(self.record.id):
            key, until = await self.tools.key(wanted.plan, self.record.org_id, wanted.refused)
            call, question = self.record.id, wanted.question
            self.tell(NewKey(call=call, question=question, api_key=key, until=until))

    async def _act(self, action: Action) -> None:
        with about(self.record.id):
            if result := await actions.perform(self, action):
                self.tell(result)

    def _spoken(self, message: Spoken) -> None:
        line = records.line(message, self.clock, self._speaker(message.role))
        self.record.transcript.append(line)
        if not self.record.discreet:
            log.info("%s: %s", message.role, message.text)

    def _speaker(self, role: str) -> dict[str, Any]:
        """Which of several assistants said it."""
        if role != "assistant" or len(self.record.activations) < 2:
            return {}
        return {"assistant": self.record.activations[-1].name}

    def clock(self, at: float) -> tuple[datetime, float]:
        """Monotonic seconds as a date, and as seconds since the call was answered."""
        return self._date(at), self._since_answer(at)

    def _turn(self, message: TurnTimings) -> None:
        self.record.turns.append(records.turn(message))
        metrics.turn(message)

    def know(self, variables: dict[str, Any]) -> None:
        """The call has these variables from now on, for its agent and its tools."""
        if variables:
            self.record.variables |= variables
            self.tell(Know(call=self.record.id, variables=variables))

    def tell(self, message: ToAgent) -> None:
        """Say something to the agent, if there is still one."""
        if self.has_agent:
            self.house.agents.send(self.record.id, message)

    # the record

    def happened(self, what: str, at: float | None = None, **facts: Any) -> None:
        """Note an event; ``at`` is monotonic seconds, now if it is not given."""
        when = time.monotonic() if at is None else at
        self.record.events.append(Event(at=self._date(when), what=what, facts=facts))

    def _since_answer(self, at: float) -> float:
        return round(max(0.0, at - self._answered), 3)

    def _date(self, at: float) -> datetime:
        return self._zero + timedelta(seconds=at)

    def _enter(self, status: Status) -> None:
        self.record.status = status
        self.record.updated_at = self._date(time.monotonic())
        self.happened(status)
        log.info("call is %s", status)
        if status is not Status.ENDED:  # that, ``over`` tells
            self.house.changed(self)

    # the end

    def end(self, reason: str, detail: str = "") -> None:
        """End the call; the first reason counts, later ones are only echoes of it."""
        if self._ending:
            return
        self._ending = True
        reason = self.forwarding.farewell or reason
        self.consent.close()
        if self._limit:
            self._limit.cancel()
        if self._watch:
            self._watch.stop()
        self.record.ended_at = self._date(time.monotonic())  # what follows may take its time
        self.record.ended_reason, self.record.ended_detail = reason, detail
        self.house.tasks.start(self._finish(), f"end of call {self.record.id}")

    async def _finish(self) -> None:
        with about(self.record.id):
            try:
                self.forwarding.close()
                self.holding.close()
                self.leg.hang_up(self.record.ended_detail, self.forwarding.parting)
                if self._begun:
                    await self.house.agents.stop(self.record.id)
                self.record.sound = self.leg.sound()
                await self.leg.close()
                if self._watch:
                    self._watch.see_recording()
                if self.record.recording and self._brief:
                    await self.house.keep(self.record, self._brief.record_as)
                if self._brief:
                    await at_the_end.attend(self)
            except Exception:
                log.exception("the call's end went wrong")
            finally:
                self._enter(Status.ENDED)
                log.info(
                    "call ended: %s",
                    self.record.ended_reason,
                    extra={
                        "detail": self.record.ended_detail,
                        "turns": len(self.record.turns),
                        "codec": self.record.sound.codec,
                        "srtp": self.record.sound.srtp or "none",
                        "mos": self.record.sound.mos,
                        "seconds": self._since_answer(time.monotonic()) if self._answered else 0,
                    },
                )
                self.house.over(self)
