"""A custom model is shown a token, and a new one when that ends."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from gateway.agent.brief import Brief
from gateway.agent.messages import Start, Used
from gateway.agent.renewal import KeyWanted, NewKey
from gateway.agent.vendors import Catalog
from gateway.api.briefs import Defaults
from gateway.errors import Fault, VendorError
from gateway.speech import catalog
from gateway.speech.contract import Message
from gateway.store import Holdings
from tests.api.introduced import (
    THEIRS,
    brief_of,
    think,
)
from tests.simulators.openai_wire import OpenAISimulator
from tests.simulators.wire import Reply, Request, Server, Trouble


@dataclass
class TokenServer(Server):
    life_s: float = 3600.0

    async def answer(self, request: Request, reply: Reply) -> None:
        token = {"access_token": f"{THEIRS}-{len(self.requests)}", "expires_in": self.life_s}
        await reply.whole(200, json.dumps(token).encode())


async def with_tokens(
    cloud: OpenAISimulator, tokens: TokenServer, holdings: Holdings, defaults: Defaults
) -> Brief:
    url = f"http://127.0.0.1:{tokens.port}/token"
    plan = {"type": "oauth2", "url": url, "clientId": "id", "clientSecret": "s"}
    await holdings.credentials.create(
        {"provider": "custom-llm", "apiKey": "", "authenticationPlan": plan}
    )
    model = {"provider": "custom-llm", "model": "m", "url": cloud.base_url}
    return await brief_of({"model": model}, holdings, defaults)


async def test_a_custom_model_is_shown_a_token(holdings: Holdings, defaults: Defaults) -> None:
    async with OpenAISimulator() as cloud, TokenServer() as tokens:
        await think(cloud, await with_tokens(cloud, tokens, holdings, defaults))
        assert cloud.requests[-1].headers["authorization"] == f"Bearer {THEIRS}-1"


@pytest.mark.parametrize(
    ("life_s", "refusals", "shown"),
    [
        pytest.param(3600.0, 0, ["1", "1"], id="valid"),
        pytest.param(5.0, 0, ["2", "3"], id="about to end"),
        pytest.param(3600.0, 1, ["1", "2", "2"], id="refused"),
        pytest.param(3600.0, 2, ["1", "2"], id="refused again"),
    ],
)
async def test_a_token_ends_within_a_call(
    life_s: float, refusals: int, shown: list[str], holdings: Holdings, defaults: Defaults
) -> None:
    async with OpenAISimulator() as cloud, TokenServer(life_s=life_s) as tokens:
        brief = await with_tokens(cloud, tokens, holdings, defaults)
        if refusals:
            cloud.trouble = Trouble("refuse", status=401, times=refusals)
        assert defaults.introductions
        main, asked = defaults.introductions._wire, set()

        def tell(message: Used | KeyWanted) -> None:
            if isinstance(message, KeyWanted):
                asked.add(asyncio.ensure_future(answer(message)))

        async def answer(wanted: KeyWanted) -> None:
            key, until = await main.key(wanted.plan, holdings.org_id, wanted.refused)
            vendors.renewed(NewKey(call="c", question=wanted.question, api_key=key, until=until))

        vendors = Catalog({}, tell, lambda: 0.0, ["127.0.0.0/8"])
        model = vendors.thinking(Start(call="c", row=0, brief=brief), brief.thinking)

        async def reply() -> None:
            async for _ in model.reply([Message("user", "hello")], []):
                pass

        if refusals == 2:
            with pytest.raises(VendorError) as failure:
                await reply()
            assert failure.value.fault is Fault.AUTH
        else:
            await reply()
            await reply()
        await model.close()
        await catalog.close()
        tried = [r.headers["authorization"] for r in cloud.requests if r.method == "POST"]
        assert tried == [f"Bearer {THEIRS}-{number}" for number in shown]
