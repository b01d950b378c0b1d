"""The simulators themselves: they are what the other tests trust."""

import asyncio
import sys

import httpx

from tests.simulators.deepgram_wire import DeepgramSimulator
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.wire import Trouble


async def test_they_run_as_a_program() -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.simulators", "--openai", "0", "--deepgram", "0"),
        *("--reply", "ping", "pong", "--first-token-ms", "1"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert program.stdout is not None
    places = dict([(await program.stdout.readline()).decode().split() for _ in range(2)])
    question = {"model": "m", "messages": [{"role": "user", "content": "ping"}]}
    async with httpx.AsyncClient() as client:
        reply = await client.post(f"{places['openai']}/chat/completions", json=question)
        assert "pong" in reply.text
        assert reply.text.endswith("data: [DONE]\n\n")
        sound = await client.post(f"{places['deepgram']}/v1/speak", json={"text": "Hello."})
        assert len(sound.content) == round(0.06 * 6 * 24_000) * 2
    program.terminate()
    assert await program.wait() == 0


async def test_trouble_passes_after_its_times() -> None:
    trouble = Trouble("refuse", status=503, times=2)
    async with OpenAISimulator(trouble=trouble) as simulator, httpx.AsyncClient() as client:
        answers = [await client.get(simulator.base_url + "/models") for _ in range(3)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [503, 503, 200]


async def test_leaving_lets_go_of_every_connection() -> None:
    before = asyncio.all_tasks()
    async with httpx.AsyncClient() as client:
        async with DeepgramSimulator(trouble=Trouble("stall", after=-1)) as simulator:
            waiting = asyncio.ensure_future(
                client.post(simulator.base_url + "/v1/speak", json={"text": "Hello."})
            )
            while not simulator.requests:
                await asyncio.sleep(0)
        (failure,) = await asyncio.gather(waiting, return_exceptions=True)
        assert isinstance(failure, httpx.HTTPError)
    assert asyncio.all_tasks() == before
