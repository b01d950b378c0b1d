"""Each way of finding a turn's end: how long it waits against how often it cuts the caller off.

``python -m tests.bench.bench_endpointing`` plays the turns of ``tests/agent/dialogues.toml`` to
the turn machine on a clock turned by hand, with each way made more and less patient. Nothing in it
depends on the machine it runs on.

A cut-off: the agent becomes audible in a pause inside a turn. A request in vain: the model was
asked in one, and the caller went on before anything was heard. The wait: from the end of the turn
until the model is asked.
"""

import random
import re
import statistics
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.agent.brief import Brief, Choice
from gateway.agent.plans import Endpointing
from gateway.agent.turn_table import HELD, State
from gateway.agent.turns import Turns

BEAT_S = 0.02
HANGOVER_S = 0.08  # of the voice activity detector
LATE_S = 0.2  # the transcriber's final words, behind the end of the speech
GIVEN_UP_S = 10.0  # the bench waits no longer for an answer
ANSWER_S = 0.5  # from the request to the first sound
TURNS = tomllib.loads((Path(__file__).parents[1] / "agent" / "dialogues.toml").read_text("utf-8"))[
    "turn"
]
CHOICE = Choice(vendor="clay")


@dataclass
class Count:
    turns: int = 0
    pauses: int = 0
    cut_off: int = 0
    in_vain: int = 0
    waits: list[float] = field(default_factory=list)

    @property
    def cut_percent(self) -> float:
        return 100 * self.cut_off / self.pauses


def styles(text: str) -> Iterator[str]:
    """How transcribers write the same words: well, bare, and with a stop at every pause."""
    bare = re.sub(r"[.,?]", "", text)
    yield text
    yield bare
    yield bare + "."


def play(
    asked: str, parts: list[tuple[str, float, float]], plan: Endpointing, noise: float, seed: int
) -> tuple[bool, int, float]:
    """Whether the caller was cut off, requests in vain, and the wait at the end. ``noise``: sounds
    a second that the detector takes for speech."""
    brief = Brief(hearing=CHOICE, thinking=CHOICE, speaking=CHOICE, endpointing=plan)
    turns = Turns(brief, 0.0, lambda: asked)
    turns.step("listen", 0.0)
    dice = random.Random(seed)
    events: list[tuple[float, str, str]] = []
    now = 1.0
    for words, length, pause in parts:
        events += [(now + 0.06, "onset", ""), (now + length * 0.6, "interim", words)]
        events += [(now + length, "quiet", ""), (now + length + LATE_S, "final", words)]
        at = now + length + 0.3
        while noise and (at := at + dice.expovariate(noise)) < now + length + (pause or 3.0) - 0.4:
            events += [(at, "onset", ""), (at + 0.12, "quiet", ""), (at + 0.3, "final", "")]
            at += 0.5
        now += length + pause
    end = now
    events.sort()
    asked_at, audible_at, vain, owed = None, None, 0, False
    now, speaking = 0.0, False
    while now < end + GIVEN_UP_S:
        now = round(now + BEAT_S, 6)
        while events and events[0][0] <= now:
            _, what, words = events.pop(0)
            if what == "onset":
                speaking = True
                turns.onset(now, now)
            elif what == "quiet":
                speaking = False
                events.append((now + HANGOVER_S, "offset", ""))
                events.sort()
            elif what == "offset":
                if not speaking:
                    turns.offset(now)
            else:
                turns.words(words, what == "final", False, now)
        if speaking:
            turns.speech(now)
        turns.wake(now)
        while turns.outbox:
            action = turns.outbox.pop(0)
            if action == "ask":
                turns.take_text()
                asked_at, audible_at, owed = now, max(now + ANSWER_S, turns.held_until), True
            elif action == "cancel":
                asked_at = None
                vain += 1
            elif action == "rest" and owed:
                turns.step("owed", now)
        if asked_at is not None and audible_at is not None and now >= audible_at:
            if turns.state is State.HESITATING:
                continue
            return now < end - 0.1, vain, asked_at - end
    return False, vain, GIVEN_UP_S


def count(plan: Endpointing, noise: float = 0.0) -> Count:
    result = Count()
    for number, turn in enumerate(TURNS):
        for style in range(3):
            parts = [(list(styles(w))[style], length, pause) for w, length, pause in turn["parts"]]
            cut, vain, wait = play(turn["asked"], parts, plan, noise, number * 3 + style)
            result.turns += 1
            result.pauses += len(parts) - 1
            result.cut_off += cut
            result.in_vain += vain
            if not cut:
                result.waits.append(wait)
    return result


def ways() -> Iterator[tuple[str, str, Endpointing]]:
    """Name, how patient, plan."""
    for wait in (0.3, 0.5, 0.8, 1.2, 1.6, 2.0):
        fixed = Endpointing(by="text", punctuation_s=wait, no_punctuation_s=wait, number_s=wait)
        yield "a fixed wait", f"{wait:g} s", fixed
    for k in (0.5, 1.0, 1.5, 2.0):
        text = Endpointing(
            by="text", punctuation_s=0.1 * k, no_punctuation_s=1.5 * k, number_s=0.5 * k
        )
        yield "transcriptionEndpointingPlan", f"x {k:g}", text
    for k in (0.25, 0.5, 0.75, 1.0, 1.25):
        function = f"{k} * (100 + 2300 * x ^ 1.3)"
        plan = Endpointing() if k == 1.0 else Endpointing(by="function", function=function)
        yield "our estimate (vapi, and the default)", f"x {k:g}", plan
    yield (
        "livekit",
        "20 + 500 sqrt(x) + 2500 x^3",
        Endpointing(by="function", function="20 + 500 * sqrt(x) + 2500 * x^3"),
    )
    yield "livekit", "200 + 8000 x", Endpointing(by="function", function="200 + 8000 * x")


def row(name: str, how: str, noise: float, c: Count) -> str:
    waits = sorted(c.waits)
    return (
        f"| {name} | {how} | {noise:g} | {statistics.median(waits):.2f} | "
        f"{waits[int(0.95 * len(waits))]:.2f} | {c.cut_off} of {c.pauses} ({c.cut_percent:.0f} %) "
        f"| {c.in_vain} |"
    )


def overheard(words: int, rate: float, seconds: float, seed: int) -> tuple[int, float]:
    """The agent speaks all the time, and there are ``rate`` sounds a second of 0.06 to 2 s that are
    no words, which the transcriber says of half of them. How often it was interrupted, and for
    how many seconds it was held."""
    brief = Brief(
        hearing=CHOICE,
        thinking=CHOICE,
        speaking=CHOICE,
        interrupt_words=words,
        max_duration_s=2 * seconds,
    )
    turns = Turns(brief, 0.0)
    for what in ("listen", "owed", "sound"):
        turns.step(what, 0.0)
    dice = random.Random(seed)
    now, at, off, told, held, wrong = 0.0, dice.expovariate(rate), 0.0, 0.0, 0.0, 0
    while now < seconds:
        now += BEAT_S
        if not turns.voice and off <= now and now >= at:
            turns.onset(now, now)
            off = now + dice.choice((0.06, 0.12, 0.3, 0.6, 1.0, 2.0)) + HANGOVER_S
            told = off + 0.3 if dice.random() < 0.5 else 0.0
            at = off + 0.4 + dice.expovariate(rate)
        if turns.voice and now >= off:
            turns.offset(now)
        if told and now >= told:
            turns.words("", True, False, now)
            told = 0.0
        turns.wake(now)
        held += BEAT_S if turns.state in HELD else 0.0
        wrong += turns.outbox.count("interrupt")
        turns.outbox.clear()
    return wrong, held


def main() -> None:
    print("| way | patience | noises/s | wait p50 (s) | p95 | cut off | in vain |")
    print("|---|---|---|---|---|---|---|")
    for name, how, plan in ways():
        print(row(name, how, 0.0, count(plan)))
    for noise in (0.2, 0.5, 1.0):
        print(
            row("our estimate (vapi, and the default)", "x 1", noise, count(Endpointing(), noise))
        )
    print()
    print("| sounds/s while the agent speaks | words wanted | false interruptions | held |")
    print("|---|---|---|---|")
    for rate in (0.05, 0.2, 0.5):
        for words in (0, 2):
            wrong, held = overheard(words, rate, 600.0, 7)
            print(f"| {rate:g} | {words} | {wrong} in 10 min | {held / 6:.0f} % |")


if __name__ == "__main__":
    main()
