"""Vendors of a call as the API introduces the gateway to them, and what their simulators saw."""

import json
from contextlib import aclosing
from typing import Any

from gateway.agent.brief import Brief
from gateway.agent.messages import Start
from gateway.agent.vendors import Catalog
from gateway.api import briefs
from gateway.api.briefs import Defaults
from gateway.api.vendor_keys import keys_of
from gateway.fence import Fence
from gateway.speech import catalog
from gateway.speech.contract import Message
from gateway.speech.settings import VendorSettings
from gateway.store import Holdings
from tests.simulators.wire import Server

LOCAL = Fence.of(["127.0.0.0/8"])
MODEL = {"provider": "script", "script": {"start": "a", "states": {"a": {}}}}
OURS = "the-operators-key"
THEIRS = "their-own-key"


async def brief_of(assistant: Any, holdings: Holdings, defaults: Defaults) -> Brief:
    keys = await keys_of(assistant, holdings)
    return await briefs.brief_of(assistant, defaults, keys, holdings.org_id)


def vendors(cloud: Server, *names: str) -> Catalog:
    url = getattr(cloud, "base_url", None)
    settings = VendorSettings(base_url=url, api_key=OURS, region="ours", user="us")  # type: ignore[arg-type]
    return Catalog(dict.fromkeys(names, settings), lambda used: None, lambda: 0.0, ["127.0.0.0/8"])


def seen(cloud: Server) -> str:
    said = [(r.path, r.query, r.headers, r.body.decode("latin-1")) for r in cloud.requests]
    return json.dumps(said) + repr(getattr(cloud, "starts", ""))


async def think(cloud: Server, brief: Brief) -> str:
    choice = brief.thinking
    thinking = vendors(cloud, choice.vendor).thinking(Start(call="c", row=0, brief=brief), choice)
    async with aclosing(thinking.reply([Message("user", "hello")], [])) as deltas:
        async for _ in deltas:
            pass
    await catalog.close()
    return seen(cloud)


async def speak(cloud: Server, brief: Brief) -> str:
    choice = brief.speaking
    speaking = vendors(cloud, choice.vendor).speaking(Start(call="c", row=0, brief=brief), choice)
    try:
        async with aclosing(speaking.speak("Hello there.")) as sound:
            async for _ in sound:
                pass
    finally:
        await speaking.close()
        await catalog.close()
    return seen(cloud)


async def listen(cloud: Server, brief: Brief) -> str:
    choice = brief.hearing
    hearing = vendors(cloud, choice.vendor).hearing(Start(call="c", row=0, brief=brief), choice)
    await hearing.open()
    await hearing.close()
    await catalog.close()
    return seen(cloud)
