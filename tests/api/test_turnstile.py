"""Requests wait in line, so that the telephone does not."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.api.app import create_app
from gateway.api.turnstile import WAITING, Turnstile
from gateway.store import Store

PATIENCE_S = 20.0
BODY: Message = {"type": "http.request", "body": b"x", "more_body": False}
GONE: Message = {"type": "http.disconnect"}


class House:
    """An app that says who is in it, and lets each go when it is told to."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.most = 0
        self.begin: dict[str, asyncio.Event] = {}  # its answer
        self.end: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"]
        self.inside.append(name)
        self.most = max(self.most, len(self.inside))
        try:
            body = (await receive())["body"]
            if name in self.begin:
                await self.begin[name].wait()
            if name == "/broken":
                raise ValueError("broken")
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if name in self.end:
                await self.end[name].wait()
            await send({"type": "http.response.body", "body": body})
        finally:
            self.inside.remove(name)


@pytest.fixture
def house() -> House:
    return House()


class Asked:
    """One request, and what came back."""

    def __init__(self, turnstile: Turnstile, path: str, *body: Message, kind: str = "http") -> None:
        self.sent: list[Message] = []
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        for message in body:
            self.incoming.put_nowait(message)
        scope = {"type": kind, "method": "GET", "path": path, "headers": []}
        self.task = asyncio.create_task(turnstile(scope, self.incoming.get, self._send))

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def answered(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            await self.task
        status: int = self.sent[0]["status"]
        return status


async def settled() -> None:
    """Everybody has gone as far as they get."""
    for _ in range(20):
        await asyncio.sleep(0)


def waiting() -> float:
    """What the metric says."""
    (sample,) = next(iter(WAITING.collect())).samples
    return sample.value


def turnstile_of(
    house: House, at_once: int = 1, most_waiting: int = 100, held_s: float = PATIENCE_S
) -> Turnstile:
    return Turnstile(house, at_once, most_waiting, held_s)


async def test_no_more_are_inside_than_may_be_and_they_come_in_their_order(house: House) -> None:
    turnstile = turnstile_of(house, at_once=2)
    names = [f"/{number}" for number in range(6)]
    house.begin = {name: asyncio.Event() for name in names}
    asked = [Asked(turnstile, name, BODY) for name in names]
    for number, name in enumerate(names):
        await settled()
        assert house.inside == names[number : number + 2]
        assert waiting() == max(0, 4 - number)
        house.begin[name].set()
    assert [await each.answered() for each in asked] == [200] * 6
    assert house.most == 2


async def test_a_place_is_free_when_an_answer_begins(house: House) -> None:
    """However slowly the client takes the rest."""
    turnstile = turnstile_of(house)
    house.end = {"/download": asyncio.Event()}
    download = Asked(turnstile, "/download", BODY)
    assert await Asked(turnstile, "/next", BODY).answered() == 200
    house.end["/download"].set()
    assert await download.answered() == 200


async def test_who_waits_for_somebody_else_gives_the_place_back_and_only_once(
    house: House,
) -> None:
    turnstile = turnstile_of(house, held_s=0.01)
    house.begin = {name: asyncio.Event() for name in ("/vendor", "/a", "/b")}
    slow = Asked(turnstile, "/vendor", BODY)
    assert await Asked(turnstile, "/next", BODY).answered() == 200
    house.begin["/vendor"].set()
    assert await slow.answered() == 200
    turnstile._held_s = PATIENCE_S
    asked = [Asked(turnstile, name, BODY) for name in ("/a", "/b")]
    await settled()
    assert house.inside == ["/a"]
    house.begin["/a"].set()
    house.begin["/b"].set()
    assert [await each.answered() for each in asked] == [200, 200]


async def test_a_body_that_does_not_come_holds_no_place(house: House) -> None:
    turnstile = turnstile_of(house)
    silent = Asked(turnstile, "/silent")
    await settled()
    assert await Asked(turnstile, "/next", BODY).answered() == 200
    silent.incoming.put_nowait(BODY)
    assert await silent.answered() == 200
    gone = Asked(turnstile, "/gone", GONE)
    await gone.task
    assert not gone.sent


async def test_a_line_that_is_too_long_is_refused_in_the_form_of_every_error(house: House) -> None:
    turnstile = turnstile_of(house, most_waiting=2)
    house.begin = {"/first": asyncio.Event()}
    served = [Asked(turnstile, name, BODY) for name in ("/first", "/second", "/third")]
    await settled()
    refused = Asked(turnstile, "/fourth", BODY)
    assert await refused.answered() == 503
    assert (b"retry-after", b"1") in refused.sent[0]["headers"]
    assert json.loads(refused.sent[1]["body"]) == {
        "message": "2 requests are waiting to be answered; try again later",
        "error": "Service Unavailable",
        "statusCode": 503,
    }
    house.begin["/first"].set()
    assert [await each.answered() for each in served] == [200] * 3


async def test_who_watches_the_gateway_and_who_listens_do_not_stand_in_line(house: House) -> None:
    turnstile = turnstile_of(house)
    house.begin = {"/first": asyncio.Event()}
    first = Asked(turnstile, "/first", BODY)
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert await Asked(turnstile, path, BODY).answered() == 200
    assert await Asked(turnstile, "/monitor/a/b/listen", BODY, kind="websocket").answered() == 200
    house.begin["/first"].set()
    assert await first.answered() == 200


async def test_who_fails_or_goes_leaves_no_place_taken(house: House) -> None:
    turnstile = turnstile_of(house)
    with pytest.raises(ValueError, match="broken"):
        await Asked(turnstile, "/broken", BODY).answered()
    house.begin = {"/inside": asyncio.Event()}
    inside, in_line = Asked(turnstile, "/inside", BODY), Asked(turnstile, "/in-line", BODY)
    await settled()
    for asked in (in_line, inside):
        asked.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked.task
    assert await Asked(turnstile, "/next", BODY).answered() == 200
    assert waiting() == 0


async def test_the_api_has_one(store: Store, switchboard: Any, tmp_path: Path) -> None:
    app = create_app(store, switchboard, key="k", state_dir=tmp_path, readiness=dict,
                     at_once=2, most_waiting=3)  # fmt: skip
    (turnstile,) = (one for one in app.user_middleware if one.cls is Turnstile)
    assert turnstile.kwargs == {"at_once": 2, "most_waiting": 3}
