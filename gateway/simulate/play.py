"""A scenario is played: its steps one after another, then what the whole call was to be like."""

import re
import statistics
from dataclasses import dataclass, field
from random import Random
from typing import Any

from gateway.agent.brief import Brief
from gateway.agent.crew import Unfit
from gateway.agent.messages import Action, Happened, Spoken, Start, TurnTimings
from gateway.agent.smart_turn import TurnModel
from gateway.agent.vendors import Vendors
from gateway.media.lines import BEAT_S
from gateway.simulate.settings import Kind, Scenario, Step
from gateway.simulate.sounds import Utterance, noise, utterance
from gateway.simulate.world import SimulatedCall, World
from gateway.speech.vendors.espeak import Voice

QUIET_S = 0.3  # of silence after which the agent has finished, if its state agrees
SOUND_DB = -20.0  # of a noise whose level is not said
RESTING = ("listening", "ended")  # nothing is owed to the caller


class Missed(Exception):
    """Something that was expected has not come."""


@dataclass(frozen=True)
class Check:
    what: str
    kind: Kind
    at_s: float = 0.0
    why: str = ""


@dataclass
class Outcome:
    """One performance."""

    name: str
    seed: int
    checks: list[Check] = field(default_factory=list)
    reason: str = ""
    detail: str = ""
    seconds: float = 0.0  # of the call
    transcript: list[Spoken] = field(default_factory=list)
    turns: list[TurnTimings] = field(default_factory=list)
    events: list[Happened] = field(default_factory=list)
    began_at: float = 0.0

    @property
    def ok(self) -> bool:
        return all(check.kind == "ok" for check in self.checks)


async def play(
    scenario: Scenario,
    brief: Brief,
    real: Vendors,
    seed: int = 0,
    smart_turn: TurnModel | None = None,
) -> Outcome:
    """``brief`` is the scenario's assistant. Fails with nothing but what a bug raises."""
    world = World(1, scenario.vendors, real, seed, scenario.replies, smart_turn)
    outcome = Outcome(scenario.name, seed)
    try:
        sounds = await _sounds(scenario, seed)
        try:
            start = Start(call="simulated", row=0, brief=brief, variables=scenario.variables)
            call = world.dial(start, scenario.tools, scenario.caller.loss_percent / 100)
        except Unfit as error:
            outcome.checks.append(Check("the call begins", "failed", 0.0, str(error)))
            outcome.reason = error.reason
            return outcome
        for outage in scenario.outages:
            world.suffer(outage)
        if scenario.caller.noise_db is not None:
            call.phone.noise = noise(0.02, scenario.caller.noise_db, seed)[0]
        await _perform(Performance(world, call, sounds), scenario, outcome)
        if not call.reason:
            call.hang_up()
        await world.end(call)
        _note(call, outcome)
        _judge(scenario, outcome)
    finally:
        await world.close()
    return outcome


async def _sounds(scenario: Scenario, seed: int) -> dict[int, Utterance]:
    """By the number of the step. Made beforehand: making them takes real time."""
    caller, dice = scenario.caller, Random(seed)
    voice = Voice(voice=caller.voice, words_per_minute=caller.words_per_minute)
    sounds: dict[int, Utterance] = {}
    for number, step in enumerate(scenario.steps):
        level_db = caller.level_db if step.level_db is None else step.level_db
        if step.say is not None:
            made = await utterance(step.say, voice, level_db)
            sounds[number] = Utterance(
                step.say if step.heard_as is None else step.heard_as, made.frames
            )
        elif step.noise_s is not None:
            level_db = SOUND_DB if step.level_db is None else step.level_db
            frames = noise(step.noise_s, level_db, dice.randrange(2**32))
            sounds[number] = Utterance("", frames)
    return sounds


async def _perform(performance: "Performance", scenario: Scenario, outcome: Outcome) -> None:
    failed = False
    for number, step in enumerate(scenario.steps):
        if failed:
            outcome.checks.append(Check(str(step), "skipped"))
            continue
        try:
            await performance.does(number, step)
        except Missed as missed:
            failed = True
            at_s = performance.call.age_s
            outcome.checks.append(Check(str(step), "failed", at_s, str(missed)))
        else:
            outcome.checks.append(Check(str(step), "ok", performance.call.age_s))


class Performance:
    """A caller who does one step after another, and listens."""

    def __init__(self, world: World, call: SimulatedCall, sounds: dict[int, Utterance]) -> None:
        self.call = call
        self._world = world
        self._sounds = sounds

    async def does(self, number: int, step: Step) -> None:
        """Raises Missed."""
        call = self.call
        if number in self._sounds:
            if step.say is None:
                call.phone.said.extend(self._sounds[number].frames)
            else:
                call.say(self._sounds[number])
            while call.phone.said and not call.reason:
                await self._world.beat()
        elif step.wait is not None:
            await self._beats(step.wait)
        elif step.press is not None:
            for key in step.press:
                call.phone.press(key)
                await self._beats(0.3)
        elif step.hang_up is not None:
            call.hang_up()
        else:
            await self._expects(step)

    async def _expects(self, step: Step) -> None:
        if step.answer_s is not None:
            await self._until(lambda: self.call.phone.loud, step.answer_s, "silent")
        elif step.silent_s is not None:
            await self._stays(False, step.silent_s)
        elif step.talks_s is not None:
            await self._stays(True, step.talks_s)
        elif step.stops_s is not None:
            await self._until(lambda: not self.call.phone.loud, step.stops_s, "still speaking")
        elif step.finishes_s is not None:
            await self._finishes(step.finishes_s)
        elif step.says is not None:
            await self._finishes(step.within_s)
            said = [line for line in self.call.transcript("assistant") if line]
            if not said or not re.search(step.says, said[-1], re.IGNORECASE):
                raise Missed(f"it said {said[-1]!r}" if said else "it has said nothing")
        elif step.heard is not None:
            users = [text for role, text in self.call.conversation if role == "user"]
            if not users or not re.search(step.heard, users[-1], re.IGNORECASE):
                raise Missed(f"it took {users[-1]!r}" if users else "it has taken nothing")
        elif step.tool is not None:
            name, wanted = step.tool, step.arguments
            await self._until(lambda: self._called(name, wanted), step.within_s, "not called so")
        elif step.happened is not None:
            what = step.happened
            await self._until(
                lambda: bool(self.call.happened(what)), step.within_s, "it has not happened"
            )
        elif step.ends is not None:
            await self._until(lambda: bool(self.call.reason), step.within_s, "it goes on")
            if not re.fullmatch(step.ends, self.call.reason):
                raise Missed(f"it ended for {self.call.reason}")

    def _called(self, name: str, wanted: dict[str, Any]) -> bool:
        """Tools that the agent does itself are only in the transcript."""
        actions = self.call.of(Action)
        if any(a.tool == name and wanted.items() <= a.arguments.items() for a in actions):
            return True
        spoken = self.call.of(Spoken)
        return not wanted and any(
            s.role == "tool_call" and s.extra.get("name") == name for s in spoken
        )

    async def _beats(self, seconds: float) -> None:
        for _ in range(round(seconds / BEAT_S)):
            if self.call.reason:
                return
            await self._world.beat()

    async def _until(self, holds: Any, within_s: float, else_: str) -> None:
        for _ in range(round(within_s / BEAT_S) + 1):
            if holds():
                return
            if self.call.reason:
                break
            await self._world.beat()
        if not holds():
            raise Missed(self._state(else_))

    async def _stays(self, loud: bool, seconds: float) -> None:
        for n in range(round(seconds / BEAT_S)):
            await self._world.beat()
            if self.call.phone.loud is not loud:
                what = "it is silent" if loud else "it speaks"
                raise Missed(self._state(f"{what} after {n * BEAT_S:.2f} s"))
            if self.call.reason:
                return

    async def _finishes(self, within_s: float) -> None:
        quiet = 0.0
        for _ in range(round(within_s / BEAT_S)):
            await self._world.beat()
            quiet = 0.0 if self.call.phone.loud else quiet + BEAT_S
            if self.call.reason or (quiet >= QUIET_S and self.call.state in RESTING):
                return
        raise Missed(self._state("it has not finished"))

    def _state(self, what: str) -> str:
        if self.call.reason:
            return f"{what}; the call ended: {self.call.reason} {self.call.detail}".rstrip()
        return f"{what} ({self.call.state})"


def _note(call: SimulatedCall, outcome: Outcome) -> None:
    outcome.reason, outcome.detail = call.reason, call.detail
    outcome.began_at, outcome.seconds = call.began_at, call.age_s
    outcome.transcript, outcome.turns = call.of(Spoken), call.timings
    outcome.events = call.of(Happened)


def _judge(scenario: Scenario, outcome: Outcome) -> None:
    expect = scenario.expect
    totals = [turn.total_ms for turn in outcome.turns]
    shares = [turn.own_ms for turn in outcome.turns]
    limits = [
        ("slowest_ms", expect.slowest_ms, max(totals, default=0.0)),
        ("median_ms", expect.median_ms, statistics.median(totals) if totals else 0.0),
        ("own_ms", expect.own_ms, max(shares, default=0.0)),
    ]
    for name, limit, found in limits:
        if limit is not None:
            ok = bool(totals) and found <= limit
            why = f"{found:.0f} ms" if totals else "there was no turn"
            outcome.checks.append(_check(f"{name}: {limit:g}", ok, why))
    for name, what, wanted in (
        ("barge_ins", "barge_in", expect.barge_ins),
        ("cut_offs", "cut_off", expect.cut_offs),
    ):
        if wanted is not None:
            count = sum(event.what == what for event in outcome.events)
            outcome.checks.append(_check(f"{name}: {wanted}", count == wanted, str(count)))
    if expect.ended is not None:
        ok = re.fullmatch(expect.ended, outcome.reason) is not None
        outcome.checks.append(_check(f"ended: {expect.ended}", ok, outcome.reason))


def _check(what: str, ok: bool, why: str) -> Check:
    return Check(what, "ok" if ok else "failed", 0.0, why)
