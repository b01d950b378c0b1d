"""Where an agent process' CPU time goes, by whose code it is: ``tests.bench.conversation_costs``.

The time is sampled; each sample is counted for the innermost frame whose module the table knows.
How much time it is in all, the kernel says: it samples more seldom than it is asked to.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from tests.bench.agent_process import FIRST, REST, cloud, office
from tests.bench.vendors import simulated

CALLS, TALK_S, CYCLE_S = 60, 30.0, 9.0
KINDS = {
    "Deepgram's SDK": ("deepgram", "websockets.legacy"),
    "OpenAI's SDK and HTTP": (
        "openai",
        "httpx2",
        "httpcore2",
        "h11",
        "anyio",
        "gateway.speech.vendors.openai_network",
    ),
    "ElevenLabs: websocket, JSON, base64": ("gateway.speech.voice", "websockets"),
    "the transcribers' driver": ("gateway.speech.driver", "gateway.speech.vendors.deepgram"),
    "the models' dialect": ("gateway.speech.vendors",),
    "messages to main": ("gateway.agent.report", "gateway.agent.framing", "gateway.agent.messages"),
    "rows": ("gateway.agent.row", "gateway.media"),
    "prosody": ("gateway.agent.prosody",),
    "turns, dialogue, speech queue": ("gateway.agent", "gateway.speech"),
}


def kind(stack: Sequence[str]) -> str:
    for frame in stack:
        for name, modules in KINDS.items():
            if frame.startswith(modules) and not frame.startswith("gateway.agent.process:"):
                return name
    return "the event loop and the rest"


async def converse(samples: str) -> float:
    """Returns the CPU seconds of a conversation, its beginning and its end included."""
    os.environ["SAMPLES"] = samples
    async with AsyncExitStack() as stack:
        vendors = stack.enter_context(
            simulated(f"{FIRST} {REST}", "openai", "deepgram", "11labs", tls=True)
        )
        urls = {name: vendor.url for name, vendor in vendors.items()}
        command = (sys.executable, "-m", "tests.bench.sampled_agent")
        place = await stack.enter_async_context(office(CALLS, urls, command, voice_cache_mb=0))
        before_s = place.look().cpu_s
        for row in range(CALLS):
            place.begin(row, cloud())
            await asyncio.sleep(CYCLE_S / CALLS)
        await asyncio.sleep(TALK_S)
        for row in range(CALLS):
            await place.end(row)
        return (place.look().cpu_s - before_s) / CALLS


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "samples.json"
        cpu_s = uvloop.run(converse(str(path)))
        counts: Counter[str] = Counter()
        for sample in json.loads(path.read_text()):
            counts[kind(sample["stack"])] += sample["count"]
    for name, count in counts.most_common():
        print(f"{100 * count / counts.total():5.1f} %  {name}")
    print(f"{1e3 * cpu_s:.0f} ms of CPU time a conversation of {TALK_S + CYCLE_S / 2:.0f} s")


if __name__ == "__main__":
    main()
