"""A server is told which call's trace its message belongs to, if calls are traced."""

import httpx
import pytest

from gateway.api.targets import Target
from gateway.api.wire import Wire
from gateway.logs import about

CALL = "6f1e6d0a-2f0c-4f5e-9d3b-0a1b2c3d4e5f"
PARENT = "00-6f1e6d0a2f0c4f5e9d3b0a1b2c3d4e5f-9d3b0a1b2c3d4e5f-01"


async def nothing(*_: str) -> None:
    return None


@pytest.mark.parametrize(
    ("traced", "call", "parent"),
    [(True, CALL, PARENT), (True, "", None), (False, CALL, None)],
    ids=["of a call", "of no call", "not traced"],
)
async def test_a_message_carries_its_calls_trace(
    traced: bool, call: str, parent: str | None
) -> None:
    got: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(200)

    wire = Wire(httpx.AsyncClient(transport=httpx.MockTransport(answer)), nothing, traced)
    with about(call):
        await wire.send(Target("http://there"), b"{}", 5.0)
    await wire.close()
    assert got[0].headers.get("traceparent") == parent
