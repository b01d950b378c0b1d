"""A webhook server written for Vapi, as its public examples are, serves a real call unchanged."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.site import Answer, Asked, a_site
from tests.peers.daemon import Daemon
from tests.peers.softphone import Softphone

pytestmark = pytest.mark.peers

Json = dict[str, Any]


class Example:
    """Reads ``message.type`` and little else; ``assistant_id`` is set when there is one."""

    def __init__(self) -> None:
        self.assistant_id = ""
        self.served: list[tuple[str, Json]] = []
        self.reports: list[Json] = []

    def answer(self, asked: Asked) -> Answer:
        message = asked.json["message"]
        match message["type"]:
            case "assistant-request":
                return 200, {"assistantId": self.assistant_id}
            case "tool-calls":
                return 200, {"results": [self.result(message, call) for call in calls(message)]}
            case "end-of-call-report":
                self.reports.append(message)
        return 200, {}

    def result(self, message: Json, call: Json) -> Json:
        arguments = call["function"]["arguments"]
        if isinstance(arguments, str):  # older messages have them as text
            arguments = json.loads(arguments)
        named = {one["toolCall"]["id"]: one["name"] for one in message["toolWithToolCallList"]}
        assert named[call["id"]] == call["function"]["name"]
        self.served.append((call["function"]["name"], arguments))
        return {"toolCallId": call["id"], "result": f"Order {arguments['number']} is on its way."}


def calls(message: Json) -> list[Json]:
    return list(message["toolCallList"])


async def test_a_server_written_for_vapi_serves_a_call(tmp_path: Path) -> None:
    example = Example()
    look = {"name": "find_order", "arguments": {"number": 42}}
    script = {
        "start": "a",
        "states": {"a": {"rules": [{"keys": ["1"], "say": "I look.", "tool": look}]}},
    }
    function = {
        "name": "find_order",
        "parameters": {"type": "object", "properties": {"number": {"type": "integer"}}},
    }
    (tmp_path / "phone").mkdir()
    async with (
        a_site(example.answer) as site,
        Daemon(tmp_path / "gateway") as gateway,
        Softphone(tmp_path / "phone") as phone,
    ):
        server = {"url": site.url}
        tool = {"type": "function", "function": function, "server": server}
        assistant = {
            "name": "Shop",
            "firstMessage": "Hello, this is the shop.",
            "model": {"provider": "script", "script": script, "tools": [tool]},
            "keypadInputPlan": {"enabled": True, "timeoutSeconds": 1},
            "server": server,
        }
        made = await gateway.api.post("/assistant", json=assistant)
        assert made.status_code == 201, made.text
        example.assistant_id = made.json()["id"]
        number = {"provider": "vapi", "sipUri": gateway.uri("shop"), "server": server}
        assert (await gateway.api.post("/phone-number", json=number)).status_code == 201
        call = await phone.dial(gateway.uri("shop"))
        await call.confirmed()
        await gateway.until_said("Hello, this is the shop.")
        await call.press("1")
        await gateway.until(
            lambda record: "Order 42 is on its way." in json.dumps(record["artifact"]["messages"]),
            "told what the server found",
        )
        await call.hang_up()
        await call.disconnected()
        (record,) = await gateway.ended_calls(1)
    assert example.served == [("find_order", {"number": 42})]
    (report,) = example.reports  # the daemon leaves when what it had to send has been sent
    assert report["endedReason"] == record["endedReason"] == "customer-ended-call"
    assert report["call"]["id"] == record["id"]
    assert "Hello, this is the shop." in report["artifact"]["transcript"]
