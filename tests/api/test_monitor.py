"""Listening to a call and steering it, over real sockets; the call itself is a pretence."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
import websockets
from pydantic import SecretStr

from gateway.agent.messages import Add, Follow, Live, Say, Spoken
from gateway.api import monitor
from gateway.api.gateway_api import Api
from gateway.api.settings import ApiSettings
from gateway.calls.actions.sip_request import Wanted
from gateway.calls.record import CallRecord, Status
from gateway.store import Store


class Tap:
    def __init__(self) -> None:
        self.ended = False
        self.closed = asyncio.Event()

    def stereo(self) -> Any:
        return np.tile(np.array([[1, -2]], np.int16), (320, 1))

    def mixed(self) -> Any:
        return np.full(320, -1, np.int16)

    def __enter__(self) -> "Tap":
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()


class Steered:
    """A call as ``Steering`` shows it, that remembers what was done to it."""

    def __init__(self, record: CallRecord, papers: dict[str, Any]) -> None:
        self.record, self.papers = record, papers
        self.brief: Any = SimpleNamespace(greeting="Hello!", language="en")
        self.told: list[Any] = []
        self.done: list[Any] = []
        self.taps: list[Tap] = []

    def tell(self, message: Any) -> None:
        self.told.append(message)

    def noted(self, what: str, **facts: Any) -> None:
        self.done.append((what, facts["type"]))

    def listen(self) -> Tap:
        self.taps.append(Tap())
        return self.taps[-1]

    def mute_agent(self, muted: bool) -> None:
        self.done.append(("agent", muted))

    def mute_peer(self, muted: bool) -> None:
        self.done.append(("peer", muted))

    held = False

    def hold(self) -> bool:
        changed, self.held = not self.held, True
        return changed

    def resume(self) -> bool:
        changed, self.held = self.held, False
        return changed

    def request(self, method: str, headers: dict[str, str], body: str) -> None:
        Wanted.of(method, headers, body)
        self.done.append((method, headers, body))

    def transfer(self, to: Any) -> bool:
        self.done.append(to)
        return True

    def hand_over(self, successor: Any) -> None:
        self.done.append(successor)


class Scene:
    def __init__(self, api: Api, switchboard: Any, http: httpx.AsyncClient) -> None:
        self.api, self.switchboard, self.http = api, switchboard, http

    async def call(self, **plan: Any) -> Steered:
        model = {"provider": "script", "script": {"start": "a", "states": {"a": {"rules": []}}}}
        assistant = {"name": "Ann", "model": model, "monitorPlan": plan}
        record = CallRecord(id=str(uuid4()), direction="inbound", status=Status.IN_PROGRESS)
        papers = {"assistant": assistant}
        call = Steered(record, papers)
        self.switchboard.running[record.id] = record
        self.switchboard.steered[record.id] = call
        self.api._store.calls.save(record.model_dump(mode="json"), papers)
        return call

    async def links(self, call: Steered) -> Any:
        return (await self.http.get(f"/call/{call.record.id}")).json().get("monitor")

    def end(self, call: Steered) -> None:
        self.switchboard.running.pop(call.record.id)
        self.switchboard.steered.pop(call.record.id)
        call.record.status, call.record.ended_reason = Status.ENDED, "customer-ended-call"
        for tap in call.taps:
            tap.ended = True
        for listener in self.switchboard.listeners:
            listener.ended(call.record, call.papers)


@pytest.fixture
async def scene(store: Store, switchboard: Any, tmp_path: Path) -> AsyncIterator[Scene]:
    api = Api(ApiSettings(listen="127.0.0.1:0", key=SecretStr("the-key")), tmp_path, store)
    await api.start(switchboard, dict)
    http = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{api.port}", headers={"Authorization": "Bearer the-key"}
    )
    async with http:
        yield Scene(api, switchboard, http)
    await api.stop()
    await api.close()


async def test_several_listen_until_the_call_ends(scene: Scene) -> None:
    call = await scene.call()
    url = (await scene.links(call))["listenUrl"]
    async with (
        websockets.connect(url, proxy=None) as stereo,
        websockets.connect(f"{url}?channels=1", proxy=None) as mono,
    ):
        start = {"type": "start", "encoding": "linear16", "container": "raw", "sampleRate": 16000}
        assert json.loads(await stereo.recv()) == start | {"channels": 2}
        assert json.loads(await mono.recv()) == start | {"channels": 1}
        assert await stereo.recv() == b"\x01\x00\xfe\xff" * 320
        assert await mono.recv() == b"\xff\xff" * 320
        scene.end(call)
        for socket in (stereo, mono):
            async for _ in socket:
                pass
            assert socket.close_code == 1000
    assert all(tap.closed.is_set() for tap in call.taps)
    with pytest.raises(websockets.InvalidStatus, match="404"):
        await websockets.connect(url, proxy=None)


async def test_who_leaves_is_listened_for_no_more(scene: Scene) -> None:
    call = await scene.call()
    async with websockets.connect((await scene.links(call))["listenUrl"], proxy=None) as socket:
        await socket.recv()
        await socket.recv()
    async with asyncio.timeout(30):
        await call.taps[0].closed.wait()


async def test_a_slow_listener_is_dropped_and_delays_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow one's sound is too much for any buffer, and it reads nothing of it."""
    monkeypatch.setattr(monitor, "SLOW_S", 0.05)
    call = await scene.call()
    url = (await scene.links(call))["listenUrl"]
    async with websockets.connect(url, proxy=None, max_queue=1, max_size=None) as slow:
        await slow.recv()
        async with asyncio.timeout(30):
            while not call.taps:
                await asyncio.sleep(0)
        call.taps[0].stereo = lambda: np.zeros((1_000_000, 2), np.int16)  # type: ignore[method-assign]
        async with asyncio.timeout(30):  # unanswered pings would drop it after 40 s
            await call.taps[0].closed.wait()
        monkeypatch.setattr(monitor, "SLOW_S", 60.0)
        async with websockets.connect(url, proxy=None) as other:
            await other.recv()
            assert await other.recv() == b"\x01\x00\xfe\xff" * 320
        slow.transport.abort()


async def test_so_many_may_listen_to_a_call_and_one_who_leaves_makes_room(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "MOST_LISTENERS", 1)
    call, other = await scene.call(), await scene.call()
    url, elsewhere = [(await scene.links(one))["listenUrl"] for one in (call, other)]
    async with websockets.connect(url, proxy=None) as first:
        await first.recv()
        async with websockets.connect(elsewhere, proxy=None) as of_another:
            await of_another.recv()
        async with websockets.connect(url, proxy=None) as second:
            with pytest.raises(websockets.ConnectionClosed) as refused:
                await second.recv()
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 1013
    async with asyncio.timeout(30):
        for _ in itertools.count():  # it may take a moment until it is known that the first left
            async with websockets.connect(url, proxy=None) as again:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await again.recv()
                    break


async def test_a_call_is_steered(scene: Scene) -> None:
    call = await scene.call()
    url, id_ = (await scene.links(call))["controlUrl"], call.record.id

    async def post(**message: Any) -> None:
        answer = await scene.http.post(url, json=message, headers={"Authorization": ""})
        assert answer.status_code == 200, answer.text

    await post(type="say", content="One.")
    await post(
        type="say", message="Two.", endCallAfterSpoken=True, interruptionsEnabled=True,
        interruptAssistantEnabled=True,
    )  # fmt: skip
    await post(type="add-message", message={"role": "system", "content": "He is rich."})
    await post(
        type="add-message",
        message={"role": "user", "content": "Hm."},
        triggerResponseEnabled=False,
    )
    await post(type="append-context", kind="instructions", content="Be brief.")
    await post(type="append-context", kind="commentary", content="He smiles.")
    await post(type="control", control="say-first-message")
    assert call.told == [
        Say(call=id_, text="One.", firm=True),
        Say(call=id_, text="Two.", then_end=True, interrupt=True),
        Add(call=id_, messages=({"role": "system", "content": "He is rich."},), answer=True),
        Add(call=id_, messages=({"role": "user", "content": "Hm."},)),
        Add(call=id_, messages=({"role": "system", "content": "Be brief."},)),
        Add(call=id_, messages=({"role": "system", "content": "Commentary: He smiles."},)),
        Say(call=id_, text="Hello!"),
    ]
    call.done.clear()
    for control in ("mute-assistant", "unmute-assistant", "mute-customer", "unmute-customer"):
        await post(type="control", control=control)
    switched = [one for one in call.done if one[0] != "control"]
    assert switched == [("agent", True), ("agent", False), ("peer", True), ("peer", False)]
    assert ("control", "mute-customer") in call.done
    await post(type="hold")
    twice = await scene.http.post(url, json={"type": "hold"})
    assert (twice.status_code, "cannot be put on hold" in twice.text) == (400, True)
    call.brief = None  # the agent has left: the two who talk can be held, too
    await post(type="resume")
    assert (await scene.http.post(url, json={"type": "resume"})).status_code == 400
    info = {"transport": "vapi.sip", "sipVerb": "INFO", "headers": {"X-A": "1"}, "body": "{}"}
    await post(type="send-transport-message", message=info)
    assert ("INFO", {"X-A": "1"}, "{}") in call.done
    await post(type="end-call")
    assert scene.switchboard.hung_up == [id_]


async def test_a_call_is_sent_on(scene: Scene) -> None:
    call = await scene.call()
    url = (await scene.links(call))["controlUrl"]
    to = {"type": "sip", "sipUri": "sip:a@b.org"}
    bob = {"name": "Bob", "model": call.papers["assistant"]["model"], "firstMessage": "I am Bob."}
    for message in (
        {"type": "transfer", "destination": to, "content": "One moment."},
        {"type": "transfer", "destination": {"type": "assistant", "assistant": bob}},
        {"type": "handoff", "destination": {"type": "assistant", "assistant": bob}},
        {"type": "assistant-overrides", "assistantOverrides": {"firstMessage": "New."}},
    ):
        answer = await scene.http.post(url, json=message)
        assert answer.status_code == 200, answer.text
    away, transferred, handed, altered = (one for one in call.done if not isinstance(one, tuple))
    assert (away.target, away.announcement) == ("sip:a@b.org", "One moment.")
    assert transferred.name == handed.name == "Bob"
    assert (altered.name, altered.brief.greeting) == ("Ann", "New.")


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"type": "sing"}, "type"),
        ({"type": "say"}, "content"),
        ({"type": "say", "content": "x", "endCallAfterSpoken": 1}, "endCallAfterSpoken"),
        ({"type": "say", "content": "x", "loud": True}, "loud"),
        ({"type": "add-message", "message": {"role": "cat", "content": "x"}}, "message.role"),
        ({"type": "control", "control": "explode"}, "control"),
        ({"type": "append-context", "kind": "song", "content": "x"}, "kind"),
        ({"type": "append-context", "kind": "thinking"}, "content"),
        (
            {
                "type": "send-transport-message",
                "message": {"transport": "twilio", "twiml": "<Response/>"},
            },
            "transport",
        ),
        (
            {
                "type": "send-transport-message",
                "message": {"transport": "vapi.sip", "sipVerb": "INFO", "headers": {"Via": "x"}},
            },
            "Via",
        ),
        ({"type": "transfer", "destination": {"type": "number", "number": "1"}}, "number"),
        ({"type": "handoff", "destination": {"assistantName": "Nobody"}}, "destination"),
    ],
)
async def test_a_wrong_message_is_told_its_field(
    scene: Scene, message: dict[str, Any], named: str
) -> None:
    call = await scene.call()
    answer = await scene.http.post((await scene.links(call))["controlUrl"], json=message)
    assert answer.status_code == 400
    assert named in str(answer.json()["message"])
    assert call.told == call.done == []


async def test_who_follows_at_the_control_address_is_told_live(scene: Scene) -> None:
    call = await scene.call()
    record, papers = call.record, call.papers
    papers["assistant"]["clientMessages"] = ["transcript", "status-update"]
    url = (await scene.links(call))["controlUrl"].replace("http", "ws", 1)
    async with websockets.connect(url, proxy=None) as socket:
        await socket.send("[]")
        assert json.loads(await socket.recv())["statusCode"] == 400
        assert [type(one) for one in call.told] == [Follow]
        assert set(call.told[0].live) >= {"partial"}
        await socket.send(json.dumps({"type": "control", "control": "explode"}))
        assert "control" in json.loads(await socket.recv())["message"][0]
        for said in (
            Live(call=record.id, what="partial", facts={"text": "Good mor"}),
            Live(call=record.id, what="speech", facts={"status": "started", "role": "user"}),
            Spoken(call=record.id, role="user", text="Good morning", began_at=1, ended_at=2),
        ):
            for listener in scene.switchboard.listeners:
                listener.told(record, papers, said)
        scene.end(call)
        got = [json.loads(text) async for text in socket]
    kinds = [(one["type"], one.get("transcriptType") or one.get("status")) for one in got]
    assert kinds == [("transcript", "partial"), ("transcript", "final"), ("status-update", "ended")]
    assert got[1]["transcript"] == "Good morning"


async def test_the_address_must_be_right_and_may_be_forbidden(scene: Scene) -> None:
    call = await scene.call()
    url = (await scene.links(call))["controlUrl"]
    end = {"type": "end-call"}
    token = url.split("/")[-2]
    assert (await scene.http.post(url.replace(token, "0" * 64), json=end)).status_code == 404
    other = await scene.call(listenEnabled=False)
    assert set(await scene.links(other)) == {"controlUrl"}
    third = await scene.call(listenEnabled=False, controlEnabled=False)
    assert await scene.links(third) is None
    assert scene.switchboard.hung_up == []


async def test_a_plan_may_ask_for_a_key(scene: Scene) -> None:
    call = await scene.call(controlAuthenticationEnabled=True, listenAuthenticationEnabled=True)
    links = await scene.links(call)
    made = await scene.http.post("/token", json={"tag": "public", "name": "browser"})
    public = made.json()["value"]
    end = {"type": "end-call"}
    for given, status in (("", 401), ("Bearer wrong", 401), (f"Bearer {public}", 200)):
        answer = await scene.http.post(
            links["controlUrl"], json=end, headers={"Authorization": given}
        )
        assert answer.status_code == status
    with pytest.raises(websockets.InvalidStatus, match="401"):
        await websockets.connect(links["listenUrl"], proxy=None)
    key = {"Authorization": "Bearer the-key"}
    async with websockets.connect(links["listenUrl"], additional_headers=key, proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "start"
