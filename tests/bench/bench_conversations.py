"""How many full conversations an agent process, and so a core, carries: through Deepgram's and
OpenAI's SDKs and ElevenLabs' websocket, against simulators in processes of their own.

Callers talk 3 s, are answered for 4 s and think for 1 s; there are more and more of them, until the
gateway's own share of a turn passes 100 ms at p95, or an answer runs dry. Media is stood in for.
"""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import uvloop

from gateway.agent.messages import TurnTimings
from gateway.agent.timings import SET
from tests.bench.agent_process import FIRST, REST, Office, cloud, office
from tests.bench.bench_sip_rate import CORES, favour
from tests.bench.results import Figure, as_program, publish
from tests.bench.vendors import FIRST_AUDIO_MS, FIRST_TOKEN_MS, TOKEN_MS, Vendor, simulated
from tests.bench.wire import percentiles

STEPS = (25, 50, 100, 150, 200, 250, 300, 350, 400)
CYCLE_S, SETTLE_S, MEASURE_S = 9.0, 4.0, 10.0
MOST_MS = 100.0  # of the gateway's own share, at p95
# Until the first piece is whole, which is known by the token that follows it.
VENDORS_MS = FIRST_TOKEN_MS + (len(FIRST.split()) + 1) * TOKEN_MS + FIRST_AUDIO_MS


@dataclass(frozen=True)
class Step:
    calls: int
    cpu: float  # shares of a core: of the agent process,
    vendors: dict[str, float]
    ours: float  # and of what stands in for media
    own_ms: list[float]
    starved: int
    unanswered: int
    speaking: float  # callers whose agent spoke, of all, on average

    @property
    def good(self) -> bool:
        return bool(
            self.own_ms
            and percentiles(self.own_ms, 95)[0] <= MOST_MS
            and not self.starved
            and not self.unanswered
        )


def own_ms(turn: TurnTimings) -> float:
    """What is neither set nor as long as the simulators were told to take: if the process is late
    to read what a vendor sent, that counts."""
    set_ms = sum(ms for name, ms in turn.segments if name in SET)
    return turn.total_ms - set_ms - VENDORS_MS


async def step(place: Office, vendors: dict[str, Vendor], calls: int, more: int) -> Step:
    """``more`` callers come, and then there are ``calls``."""
    for row in range(calls - more, calls):
        place.begin(row, cloud())
        await asyncio.sleep(CYCLE_S / more)
    await asyncio.sleep(SETTLE_S)
    talkers, began = place.talkers, time.monotonic()
    place.timings.clear()
    talkers.starved.clear()
    talkers.unanswered = talkers.spoken = 0
    before = [place.look().cpu_s, *(vendor.cpu_s for vendor in vendors.values())]
    ours = time.process_time()
    await asyncio.sleep(MEASURE_S)
    seconds = time.monotonic() - began
    after = [place.look().cpu_s, *(vendor.cpu_s for vendor in vendors.values())]
    shares = [(b - a) / seconds for a, b in zip(before, after, strict=True)]
    return Step(
        calls=calls,
        cpu=shares[0],
        vendors=dict(zip(vendors, shares[1:], strict=True)),
        ours=(time.process_time() - ours) / seconds,
        own_ms=[own_ms(turn) for turn in place.timings],
        starved=len(talkers.starved),
        unanswered=talkers.unanswered,
        speaking=talkers.spoken * 0.02 / seconds / calls,
    )


async def ramp() -> list[Step]:
    async with AsyncExitStack() as stack:
        vendors = stack.enter_context(
            simulated(f"{FIRST} {REST}", "openai", "deepgram", "11labs", tls=True)
        )
        urls = {name: vendor.url for name, vendor in vendors.items()}
        place = await stack.enter_async_context(office(max(STEPS), urls, voice_cache_mb=0))
        favour(place.child.pid, CORES[0])
        for pid in (os.getpid(), *(vendor.pid for vendor in vendors.values())):
            favour(pid, CORES[-1])
        steps: list[Step] = []
        for calls in STEPS:
            more = calls - (steps[-1].calls if steps else 0)
            steps.append(await step(place, vendors, calls, more))
            _show(steps[-1])
            if not steps[-1].good:
                break
        return steps


def _show(step: Step) -> None:
    p50, p95 = percentiles(step.own_ms, 50, 95)
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in step.vendors.items())
    print(
        f"  {step.calls} conversations: {100 * step.cpu:.0f} % of a core, own share {p50:.0f} ms "
        f"(p95 {p95:.0f}) of {len(step.own_ms)} turns, agents speak {100 * step.speaking:.0f} %, "
        f"dry {step.starved}, unanswered {step.unanswered}; {shares}, media {100 * step.ours:.0f} %"
    )


def measure(_: Path) -> None:
    print()
    steps = uvloop.run(ramp())
    good = [step for step in steps if step.good]
    best = good[-1] if good else steps[0]
    p50, p95 = percentiles(best.own_ms, 50, 95)
    publish(
        "conversations an agent process carries",
        [
            Figure("conversations at the knee", best.calls, "calls", least=250),
            Figure("agent process at the knee", 100 * best.cpu, "% of a core"),
            Figure("agent process, a conversation", 100 * best.cpu / best.calls, "% of a core"),
            Figure("own share of a turn at the knee, p50", p50),
            Figure("own share of a turn at the knee, p95", p95, most=MOST_MS),
            *(
                Figure(f"simulator of {name} at the knee", 100 * share, "% of a core")
                for name, share in best.vendors.items()
            ),
            Figure("what stands in for media", 100 * best.ours, "% of a core"),
        ],
    )


def test_conversations(tmp_path: Path) -> None:
    measure(tmp_path)


if __name__ == "__main__":
    as_program(measure)
