"""Server messages that nobody took are kept, shown, sent again and forgotten."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI, Request

from gateway.api import errors
from gateway.api.callers import Caller
from gateway.api.letters import Letters
from gateway.api.targets import Targets
from gateway.store import Store
from tests.api.hooks import Peer, a_call, wire

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)

ORG = str(uuid4())


@pytest.fixture
async def letters(store: Store) -> AsyncIterator[Letters]:
    to = wire()
    yield Letters(store, to, Targets())
    await to.close()


@pytest.fixture
async def http(store: Store, letters: Letters) -> AsyncIterator[httpx.AsyncClient]:
    """The routes, asked by whoever the header names."""
    app = FastAPI()
    errors.install(app)
    app.include_router(letters.routes())

    @app.middleware("http")
    async def let_in(request: Request, call_next: Any) -> Any:
        request.state.caller = Caller(store.of(request.headers["org"]))
        return await call_next(request)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://x", headers={"org": ORG}
    ) as client:
        yield client


async def a_letter(letters: Letters, store: Store, peer: Peer) -> str:
    record = a_call(org_id=ORG)
    store.calls.save(record.model_dump(mode="json"), peer.papers())
    body = json.dumps({"message": {"type": "end-of-call-report"}}).encode()
    await letters.keep(ORG, record.id, "end-of-call-report", body, "HTTP status 500")
    return record.id


async def test_what_was_not_taken_is_shown_and_sent_again(
    letters: Letters, store: Store, peer: Peer, http: httpx.AsyncClient
) -> None:
    call_id = await a_letter(letters, store, peer)
    (shown,) = (await http.get("/undelivered")).json()
    assert (shown["callId"], shown["type"], shown["why"], shown["orgId"]) == (
        call_id, "end-of-call-report", "HTTP status 500", ORG,
    )  # fmt: skip
    assert (await http.get("/undelivered", params={"callId": str(uuid4())})).json() == []
    peer.answers = [(503, b""), (200, b"")]
    again = f"/undelivered/{shown['id']}/send"
    refused = await http.post(again)
    assert (refused.status_code, refused.json()["message"]) == (
        502, "Still not taken: HTTP status 503",
    )  # fmt: skip
    assert (await http.post(again)).status_code == 200
    assert peer.messages == [{"type": "end-of-call-report"}] * 2
    assert (await http.get("/undelivered")).json() == []
    assert (await http.post(again)).status_code == 404


async def test_each_organisation_sees_its_own(
    letters: Letters, store: Store, peer: Peer, http: httpx.AsyncClient
) -> None:
    await a_letter(letters, store, peer)
    (shown,) = (await http.get("/undelivered")).json()
    other = {"org": str(uuid4())}
    assert (await http.get("/undelivered", headers=other)).json() == []
    for verb in ("POST", "DELETE"):
        path = f"/undelivered/{shown['id']}" + ("/send" if verb == "POST" else "")
        assert (await http.request(verb, path, headers=other)).status_code == 404
    assert (await http.delete(f"/undelivered/{shown['id']}")).status_code == 200
    assert (await http.get("/undelivered")).json() == []


async def test_of_a_call_that_is_gone_nothing_can_be_sent(
    letters: Letters, store: Store, peer: Peer, http: httpx.AsyncClient
) -> None:
    call_id = await a_letter(letters, store, peer)
    (shown,) = (await http.get("/undelivered")).json()
    await store.calls.flush()
    await store.calls.delete(call_id)
    assert (await http.post(f"/undelivered/{shown['id']}/send")).status_code == 404
    assert peer.requests == []


async def test_they_are_listed_oldest_first_by_call_and_by_time(
    http: httpx.AsyncClient, store: Store
) -> None:
    one, other = str(uuid4()), str(uuid4())
    rows = store.of(ORG).letters
    made = [
        await rows.create({"callId": call, "type": "x", "message": {}, "why": "y"})
        for call in (one, other, one, other)
    ]

    async def found(**query: Any) -> list[int]:
        answer = await http.get("/undelivered", params=query)
        assert answer.status_code == 200, answer.text
        ids = [letter.id for letter in made]
        return [ids.index(letter["id"]) for letter in answer.json()]

    assert await found() == [0, 1, 2, 3]
    assert await found(callId=other, limit=1) == [1]
    assert await found(callId=one, createdAtGt=made[0].created_at.isoformat()) == [2]
    answer = await http.get("/undelivered?callid=x")
    assert answer.json()["message"] == ["property callid should not exist"]
