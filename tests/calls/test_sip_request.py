"""The ``sipRequest`` tool, and keys by INFO: what is sent, and what the model is told of it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.agent.brief import ToolBrief
from gateway.agent.messages import Action
from gateway.calls import actions
from gateway.calls.actions import digits
from gateway.calls.leg import Answer, Headers, Up
from gateway.errors import GatewayError
from tests.calls import stage


class Leg(stage.FakeLeg):
    answer: Answer | Exception = Answer(200, "OK", b'{"queue": 4}')

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.by_info: list[bool] = []

    async def request(self, method: str, headers: Headers, body: bytes) -> Answer:
        self.asked.append((method, dict(headers), body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def dial(self, digits: str, *, by_info: bool = False) -> None:
        self.by_info.append(by_info)
        await super().dial(digits)


class Scene(stage.Scene):
    def __init__(self, kind: str, **options: Any) -> None:
        tool = ToolBrief(kind=kind, name="ask", options=options)
        super().__init__(stage.BRIEF.model_copy(update={"tools": (tool,)}))
        self.leg = Leg()
        self.call.leg = cast(Any, self.leg)
        self.call.leg_event(Up())
        self.kind = kind

    async def told(self, **arguments: Any) -> tuple[bool, str]:
        action = Action(call="c1", action="a", tool="ask", kind=self.kind, arguments=arguments)
        result = await actions.perform(self.call, action)
        self.call.end("manually-canceled")
        await self.finished()
        return result.ok, result.content


async def test_headers_and_body_as_given_and_the_answer_to_the_model() -> None:
    scene = Scene("sipRequest", verb="INFO", headers={"X-Ask": "queue"}, body=None)
    ok, content = await scene.told(body={"caller": 7}, headers={"X-More": 1})
    assert ok
    assert content == 'INFO was answered with 200 OK.\n{"queue": 4}'
    assert scene.leg.asked == [
        (
            "INFO",
            {"X-Ask": "queue", "X-More": "1", "Content-Type": "application/json"},
            b'{"caller": 7}',
        )
    ]
    (event,) = [e for e in scene.call.record.events if e.what == "sip_request"]
    assert event.facts == {"method": "INFO", "status": 200}


async def test_a_notify_has_what_every_notify_must_have() -> None:
    scene = Scene("sipRequest", verb="NOTIFY", headers={"Event": "talk"}, body=None)
    await scene.told()
    assert scene.leg.asked[0][1] == {"Event": "talk", "Subscription-State": "active"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(488, "Not Acceptable Here", b""), "488 Not Acceptable Here"),
        (GatewayError("the call is not up"), "the call is not up"),
    ],
)
async def test_what_fails_is_told(answer: Answer | Exception, words: str) -> None:
    scene = Scene("sipRequest", verb="MESSAGE", body="hello")
    scene.leg.answer = answer
    ok, content = await scene.told()
    assert not ok
    assert words in content
    assert scene.leg.asked[0][1:] == ({"Content-Type": "text/plain"}, b"hello")


@pytest.mark.parametrize("name", ["Via", "call-id", "CSeq", "f"])
async def test_the_dialogs_own_headers_are_refused(name: str) -> None:
    scene = Scene("sipRequest", verb="INFO", headers={name: "x"})
    ok, content = await scene.told()
    assert not ok
    assert name in content
    assert not scene.leg.asked


async def test_another_method_is_refused() -> None:
    ok, content = await Scene("sipRequest", verb="BYE").told()
    assert (ok, "'BYE'" in content) == (False, True)


@pytest.mark.parametrize("by_info", [True, False])
async def test_keys_by_info_if_the_owner_wants_it(
    by_info: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene("dtmf", by_info=by_info)

    async def sleep(seconds: float) -> None:
        scene.leg.dialled.append(f"{seconds} s")

    monkeypatch.setattr(digits, "asyncio", SimpleNamespace(sleep=sleep))
    assert await scene.told(keys="1w2#W3") == (True, "Pressed 1w2#W3.")
    assert scene.leg.dialled == ["1", "0.5 s", "2#", "1.0 s", "3"]
    assert scene.leg.by_info == [by_info] * 3
