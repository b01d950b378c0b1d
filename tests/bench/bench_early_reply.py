"""What a reply begun early gains, and what is thrown away for it: the turns of
``tests/agent/dialogues.toml``, said aloud to the agent on a clock turned by hand.

``python -m tests.bench.bench_early_reply``. The model takes 300 ms to its first token and the voice
120 ms to its first sound; the transcriber's words come 150 ms late.
"""

import asyncio
import logging
import statistics
from typing import Any

from gateway.agent.brief import Brief, Choice
from gateway.agent.vendors import Catalog
from gateway.simulate.play import Outcome, play
from gateway.simulate.settings import Scenario
from tests.bench.bench_endpointing import TURNS

VENDOR = Choice(vendor="simulated")


async def turn(number: int, early: str) -> Outcome:
    asked, parts = TURNS[number]["asked"], TURNS[number]["parts"]
    steps: list[dict[str, Any]] = [{"finishes_s": 10}, {"wait": 0.5}]
    for words, _, pause in parts:
        steps += [{"say": words}, {"wait": pause}]
    scenario = Scenario.model_validate(
        {
            "name": str(number),
            "assistant": {},
            "steps": [*steps[:-1], {"answer_s": 8}, {"finishes_s": 8}],
            "replies": [{"says": "All right, that is done."}],
            "vendors": {"hearing": {"eager": early == "eager"}},
        }
    )
    brief = Brief(hearing=VENDOR, thinking=VENDOR, speaking=VENDOR, greeting=asked, early=early)
    return await play(scenario, brief, Catalog({}, lambda used: None, lambda: 0.0))


async def measure(early: str) -> str:
    outcomes = [await turn(number, early) for number in range(len(TURNS))]
    waits = sorted(turn.total_ms for outcome in outcomes for turn in outcome.turns)
    events = [event for outcome in outcomes for event in outcome.events]
    kept = [event.facts["kept"] for event in events if event.what == "early_reply"]
    cut = sum(event.what == "cut_off" for event in events)
    return (
        f"| {early} | {statistics.median(waits):.0f} | {waits[int(0.95 * len(waits))]:.0f} | "
        f"{len(waits)} | {sum(kept)} | {len(kept) - sum(kept)} | {cut} |"
    )


def main() -> None:
    logging.disable(logging.CRITICAL)
    print("| earlyReply | wait p50 (ms) | p95 | answers | kept | thrown away | cut off |")
    print("|---|---|---|---|---|---|---|")
    for early in ("off", "eager", "stable"):
        print(asyncio.run(measure(early)))


if __name__ == "__main__":
    main()
