"""Vendors are killed, stalled and restored at random under many calls at once.

``python -m tests.bench.bench_chaos`` holds 100 calls for 10 minutes, on a clock turned by hand.
Two of three calls have a substitute for each vendor; a vendor and its substitute are never ill
together. The rest have none, and may be lost: to a vendor that was ill, which their reason names.
"""

import argparse
import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from gateway.agent.brief import Brief, Choice
from gateway.agent.messages import Spoken, Start
from gateway.agent.vendors import Catalog
from gateway.media.lines import BEAT_S
from gateway.reasons import Ended
from gateway.simulate.settings import Cast, Outage, Reply
from gateway.simulate.sounds import Utterance, utterance
from gateway.simulate.world import SimulatedCall, World
from gateway.speech.vendors.espeak import Voice

PAIRS = {"hearing": ("ear", "spare-ear"), "thinking": ("mind", "spare-mind"),
         "speaking": ("voice", "spare-voice")}  # fmt: skip
ILL_EVERY_S = 12.0  # on average, one of a pair
ILL_S = (0.5, 15.0)
STUCK_S = 60.0  # a caller who speaks and is not answered for so long
LINES = ("What time do you open?", "I would like to book a table.", "Four people, please.")
REPLY = Reply(says="We are open from noon on, and there is always a table for you.")


@dataclass
class Result:
    seconds: float = 0.0  # simulated
    took_s: float = 0.0
    begun: int = 0
    answers: int = 0
    outages: int = 0
    lost: list[str] = field(default_factory=list)  # had a substitute, and ended for a failure
    stuck: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)  # a reason that names nobody who was ill
    reasons: Counter[str] = field(default_factory=Counter)


class Talker:
    """A caller who goes on talking."""

    def __init__(self, call: SimulatedCall, lines: list[Utterance], dice: Random) -> None:
        self.call = call
        self._lines = lines
        self._dice = dice
        self._next = 3.0 + dice.random() * 5
        self._asked_at: float | None = None

    @property
    def unanswered_s(self) -> float:
        return 0.0 if self._asked_at is None else self.call.age_s - self._asked_at

    def beat(self) -> bool:
        """True if this beat brought the answer."""
        now, phone = self.call.age_s, self.call.phone
        answered = False
        if phone.loud and not phone.said:
            answered, self._asked_at = self._asked_at is not None, None
            self._next = max(self._next, now + 1.0)
        if now >= self._next and not phone.said:
            self.call.say(self._dice.choice(self._lines))
            self._next = now + 10.0 + self._dice.random() * 8
            if self._asked_at is None:
                self._asked_at = now
        return answered


def brief(spare: bool) -> Brief:
    first = {part: Choice(vendor=pair[0]) for part, pair in PAIRS.items()}
    others = {part: (Choice(vendor=pair[1]),) if spare else () for part, pair in PAIRS.items()}
    return Brief(
        **first,
        hearing_substitutes=others["hearing"],
        substitutes=others["thinking"],
        speaking_substitutes=others["speaking"],
        greeting="Hello.",
        max_duration_s=240.0,
    )


async def chaos(calls: int, seconds: float, seed: int) -> Result:
    dice, result, began = Random(seed), Result(seconds), time.monotonic()
    lines = [await utterance(text, Voice(), -20.0) for text in LINES]
    world = World(calls, Cast(), Catalog({}, lambda used: None, lambda: 0.0), seed, (REPLY,))
    plan(world, seconds, dice, result)
    talkers: list[Talker] = []
    for _ in range(round(seconds / BEAT_S)):
        while len(talkers) < calls:
            number = result.begun
            start = Start(call=f"{number}", row=0, brief=brief(number % 3 != 0))
            talkers.append(Talker(world.dial(start), lines, dice))
            result.begun += 1
        await world.beat()
        for talker in list(talkers):
            result.answers += talker.beat()
            if talker.call.reason or talker.unanswered_s > STUCK_S:
                judge(talker, result)
                talkers.remove(talker)
                await world.end(talker.call)
    await world.close()
    result.took_s = time.monotonic() - began
    return result


def plan(world: World, seconds: float, dice: Random, result: Result) -> None:
    """One outage after another of each pair, never two at a time."""
    for pair in PAIRS.values():
        at = 0.0
        while (at := at + dice.expovariate(1 / ILL_EVERY_S)) < seconds:
            lasts = dice.uniform(*ILL_S)
            how = dice.choice(("dead", "stalled"))
            # A substitute is ill as often, but alone.
            world.suffer(Outage(vendor=dice.choice(pair), at_s=at, for_s=lasts, how=how))
            result.outages += 1
            at += lasts


def judge(talker: Talker, result: Result) -> None:
    call, spare = talker.call, bool(talker.call.start.brief.substitutes)
    if not call.reason:
        said = [spoken.text for spoken in call.of(Spoken)][-2:]
        result.stuck.append(f"{call.start.call}: {call.state} after {said}")
        return
    result.reasons[call.reason] += 1
    failed = call.reason.startswith("pipeline-error")
    if failed and spare:
        result.lost.append(f"{call.start.call}: {call.reason} {call.detail}")
    named = any(f"-{pair[0]}-" in call.reason for pair in PAIRS.values())
    if not named and call.reason not in (Ended.EXCEEDED_MAX_DURATION, Ended.SILENCE_TIMED_OUT):
        result.unnamed.append(f"{call.start.call}: {call.reason} {call.detail}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    result = asyncio.run(chaos(given.calls, given.seconds, given.seed))
    for name, value in vars(result).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
