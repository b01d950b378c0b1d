"""Vendors that are nothing but a way to behave, on a clock that is turned: as quick, as late and as
ill as a scenario says."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import numpy as np

from gateway.agent.brief import Choice
from gateway.agent.messages import Start
from gateway.agent.renewal import NewKey
from gateway.agent.vendors import Quick, Vendors
from gateway.media.lines import FRAME
from gateway.simulate.clock import Clock
from gateway.simulate.health import Health, How, Pace
from gateway.simulate.hearing import Ears, SimulatedHearing
from gateway.simulate.settings import Cast, Outage, Part, Reply
from gateway.speech.contract import (
    Delta,
    Finished,
    Hearing,
    Message,
    Said,
    Speaking,
    Thinking,
    Tool,
)
from gateway.speech.spoken.speaking import Reading

FRAMES_A_CHARACTER = 3  # 60 ms: how fast the simulated voice speaks
_TONE = (np.sign(np.sin(np.arange(FRAME) * 2 * np.pi * 4 / FRAME)) * 2000).astype(np.int16)
SPARE = Choice(vendor="embedded")
PIECE = 10  # frames that the voice gives at a time


class Role(NamedTuple):
    part: Part
    vendor: str
    model: str


@dataclass
class Stagecraft:
    """What all simulated vendors need. ``ears`` finds what a call's caller says."""

    clock: Clock
    dice: Random
    cast: Cast
    replies: Sequence[Reply] = ()
    ears: dict[str, Ears] = field(default_factory=dict)  # by call
    health: dict[Role, Health] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)  # that there are now

    def of(self, part: Part, choice: Choice) -> Health:
        role = Role(part, choice.vendor, choice.model)
        if role not in self.health:
            self.health[role] = Health(choice.vendor, self.clock)
            self._visit(role)
        return self.health[role]

    def begins(self, outage: Outage) -> None:
        self.outages.append(outage)
        for role in self.health:
            self._visit(role)

    def is_over(self, outage: Outage) -> None:
        self.outages.remove(outage)
        for role in self.health:
            self._visit(role)

    def _visit(self, role: Role) -> None:
        hit = [outage.how for outage in self.outages if outage.hits(*role)]
        how: How = hit[-1] if hit else "well"
        if self.health[role].how != how:
            self.health[role].becomes(how)


class SimulatedVendors:
    """Plays every vendor of a brief, under the name that it has there, except those that the cast
    wants ``real``."""

    def __init__(self, craft: Stagecraft, real: Vendors) -> None:
        self._craft = craft
        self._real = real

    def timeout_s(self, vendor: str) -> float:
        return self._real.timeout_s(vendor)

    def hearing(self, start: Start, choice: Choice) -> Hearing:
        craft = self._craft
        if craft.cast.hearing.real:
            return self._real.hearing(start, choice)
        return SimulatedHearing(
            craft.of("hearing", choice), craft.ears[start.call], craft.cast.hearing, craft.dice
        )

    def thinking(self, start: Start, choice: Choice) -> Thinking:
        # A script is a model that needs no simulation.
        if self._craft.cast.thinking.real or choice.vendor == "script":
            return self._real.thinking(start, choice)
        return SimulatedThinking(self._craft, self._craft.of("thinking", choice))

    def by_speed(self, choices: Sequence[Choice], part: Quick = "thinking") -> Sequence[Choice]:
        return self._real.by_speed(choices, part)

    def fast(self, start: Start) -> Choice | None:
        return self._real.fast(start)

    def speaking(self, start: Start, choice: Choice) -> Speaking:
        if self._craft.cast.speaking.real:
            return self._real.speaking(start, choice)
        voice = SimulatedSpeaking(self._craft, self._craft.of("speaking", choice))
        return Reading(voice, start.brief.format)

    def renewed(self, key: NewKey) -> None:
        self._real.renewed(key)

    def remembers(self, choice: Choice) -> bool:
        return self._craft.cast.speaking.real and self._real.remembers(choice)

    def spare_voice(self, start: Start) -> Speaking | None:
        if self._craft.cast.speaking.real:
            return self._real.spare_voice(start)
        return SimulatedSpeaking(self._craft, self._craft.of("speaking", SPARE))


class SimulatedThinking:
    """Answers from a list. Keeps nothing: the same conversation always gets the same answer, so
    one that was thrown away, or was asked for twice, is had again."""

    def __init__(self, craft: Stagecraft, health: Health) -> None:
        self._craft = craft
        self._health = health
        self._manner = craft.cast.thinking
        self._pace = Pace(self._manner.jitter_ms, craft.dice)
        self.vendor = health.vendor

    async def open(self) -> None: ...

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        await self._health.takes(self._pace.s(self._manner.first_token_ms))
        reply = choose(self._craft.replies, messages)
        words = reply.says.split()
        for number, word in enumerate(words):
            if number:
                await self._health.takes(self._pace.s(self._manner.token_ms))
            yield Said(word + (" " if number < len(words) - 1 else ""))
        for called in reply.called(len(messages)):
            yield called
        tokens_in = sum(len(message.content) // 4 for message in messages)
        yield Finished("tool_calls" if reply.calls else "stop", tokens_in, len(words))

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return ()

    async def close(self) -> None: ...


def choose(replies: Sequence[Reply], messages: Sequence[Message]) -> Reply:
    """The first whose ``when`` is in what came last; else, of those without one, as many as there
    have been answers, and the last of them for ever."""
    last = messages[-1].content if messages else ""
    if fit := next((reply for reply in replies if reply.fits(last)), None):
        return fit
    users = [n for n, message in enumerate(messages) if message.role == "user"]
    answers = [m for m in messages[users[0] :] if m.role == "assistant"] if users else []
    in_turn = [reply for reply in replies if not reply.when]
    if not in_turn:
        return Reply(says="I see.")
    return in_turn[min(len(answers), len(in_turn) - 1)]


class SimulatedSpeaking:
    """A tone, 60 ms a character: a better sound would take time and tell no more."""

    def __init__(self, craft: Stagecraft, health: Health) -> None:
        self._health = health
        self._manner = craft.cast.speaking
        self._pace = Pace(self._manner.jitter_ms, craft.dice)
        self.vendor = health.vendor
        self.tags: tuple[str, ...] = ()

    async def open(self) -> None: ...

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        await self._health.takes(self._pace.s(self._manner.first_audio_ms))
        frames = len(text) * FRAMES_A_CHARACTER
        for begin in range(0, frames, PIECE):
            if begin:
                await self._health.takes(0.0)
            yield np.tile(_TONE, min(PIECE, frames - begin)).tobytes()

    async def close(self) -> None: ...
