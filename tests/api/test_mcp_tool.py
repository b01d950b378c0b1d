"""The tools of a Model Context Protocol server, by the official server on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from gateway.agent.brief import ToolBrief
from gateway.api.call_view import CallView
from gateway.api.server_messages import Messages
from gateway.api.targets import Targets
from gateway.api.tool_briefs import elsewhere, tool_briefs
from gateway.api.tool_server import ToolServer
from gateway.api.tools.mcp import McpTools
from gateway.api.wire import Wire
from gateway.calls.errand import Errand
from gateway.fence import Fence
from tests.api.hooks import a_call, wire
from tests.api.site import Asked, a_site

CREDENTIALS = {"key": {"authenticationPlan": {"type": "bearer", "token": "T"}}}
SEEN: list[dict[str, str]] = []


def a_server() -> MCPServer:
    server = MCPServer("shop")

    @server.tool(name="stock.count", description="How many there are.")
    async def count(item: str, ctx: Context) -> str:
        request: Any = ctx.request_context.request
        SEEN.append(dict(request.headers))
        return f"7 of {item}"

    @server.tool()
    async def broken() -> str:
        raise ValueError("no stock today")

    return server


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def to() -> AsyncIterator[Wire]:
    to = wire(CREDENTIALS)
    yield to
    await to.close()


@pytest.fixture(params=["shttp", "sse"])
async def tool(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Any]]:
    SEEN.clear()
    sse = request.param == "sse"
    app = a_server().sse_app() if sse else a_server().streamable_http_app(stateless_http=True)
    async with served(app) as port:
        yield {
            "type": "mcp",
            "server": {
                "url": f"http://127.0.0.1:{port}/{'sse' if sse else 'mcp'}",
                "headers": {"X-Own": "mine"},
                "credentialId": "key",
            },
            "metadata": {"protocol": request.param},
            "toolMessages": [
                {
                    "name": "stock.count",
                    "messages": [{"type": "request-start", "content": "Let me count."}],
                }
            ],
        }


def a_tool_server(to: Wire) -> ToolServer:
    mcp = McpTools(to)
    return ToolServer(Messages(CallView("org", "")), to, Targets(), {"mcp": mcp}, mcp)


async def discover(server: ToolServer, *tools: dict[str, Any]) -> dict[str, ToolBrief]:
    model = {"tools": list(tools)}
    assert tool_briefs(model) == ()
    found = await server.discover(a_call(), {}, elsewhere(model))
    return {brief.name: brief for brief in found}


async def test_its_tools_are_offered_and_called(to: Wire, tool: dict[str, Any]) -> None:
    server = a_tool_server(to)
    found = await discover(server, tool)
    assert set(found) == {"stock_count", "broken"}
    count = found["stock_count"]
    assert count.description == "How many there are."
    assert count.parameters["properties"]["item"]["type"] == "string"
    assert [m.content for m in count.messages if m.at == "start"] == ["Let me count."]
    record = a_call()
    reply = await server.call(Errand(record, {}, count, {"item": "tea"}, "t1"))
    assert (reply.ok, reply.content) == (True, "7 of tea")
    (headers,) = SEEN
    assert headers["x-call-id"] == record.id
    assert headers["authorization"] == "Bearer T"
    assert headers["x-own"] == "mine"
    reply = await server.call(Errand(record, {}, found["broken"], {}, "t2"))
    assert not reply.ok
    assert reply.content == "Error executing tool broken"


async def test_a_list_is_kept_for_the_next_call(to: Wire) -> None:
    app = a_server().streamable_http_app(stateless_http=True)
    async with served(app) as port:
        tool = {"type": "mcp", "server": {"url": f"http://127.0.0.1:{port}/mcp"}}
        server = a_tool_server(to)
        first = await discover(server, tool)
    assert await discover(server, tool) == first
    reply = await server.call(Errand(a_call(), {}, first["broken"], {}, "t1"))
    assert "The tool broken failed: its MCP server: " in reply.content


async def test_what_cannot_be_reached_is_left_out(
    to: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    gone = {"type": "mcp", "server": {"url": "http://127.0.0.1:9/mcp"}}
    program = {"type": "mcp", "server": {"url": "npx -y some-server"}}
    none = {"type": "mcp"}
    sort = {"type": "mcp", "server": gone["server"], "metadata": {"protocol": "stdio"}}
    assert await discover(a_tool_server(to), gone, program, none, sort) == {}
    told = caplog.text
    for why in ("its MCP server: ", "not reached by http or https", "(stdio) are not started",
                "protocol stdio is not one of"):  # fmt: skip
        assert why in told
    guarded = wire(fence=Fence())
    assert await discover(a_tool_server(guarded), gone) == {}
    assert "127.0.0.1 is not a public address" in caplog.text
    await guarded.close()


@pytest.mark.parametrize("protocol", ["shttp", "sse"])
async def test_a_token_that_its_server_refuses_is_had_anew(protocol: str) -> None:
    made = a_server()
    inner = made.sse_app() if protocol == "sse" else made.streamable_http_app(stateless_http=True)
    shown: list[bytes] = []

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        token = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http":
            shown.append(token)
        if scope["type"] != "http" or token == good:
            await inner(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    count = iter(range(1, 10))

    def token(asked: Asked) -> tuple[int, Any]:
        return 200, {"access_token": f"T{next(count)}", "expires_in": 3600}

    good = b"Bearer T2"
    async with a_site(token) as site, served(guarded) as port:
        plan = {"type": "oauth2", "url": site.url, "clientId": "me", "clientSecret": "S"}
        to = wire({"key": {"authenticationPlan": plan}})
        url = f"http://127.0.0.1:{port}/{'sse' if protocol == 'sse' else 'mcp'}"
        tool = {
            "type": "mcp", "server": {"url": url, "credentialId": "key"},
            "metadata": {"protocol": protocol},
        }  # fmt: skip
        server = a_tool_server(to)
        found = await discover(server, tool)
        assert (shown[0], shown[-1]) == (b"Bearer T1", good)
        good = b"Bearer T3"  # the token has been taken back
        reply = await server.call(Errand(a_call(), {}, found["stock_count"], {"item": "tea"}, "t"))
        assert (reply.ok, reply.content) == (True, "7 of tea")
        good = b"Bearer of nobody"
        reply = await server.call(Errand(a_call(), {}, found["stock_count"], {"item": "tea"}, "t"))
        assert not reply.ok
        assert "its MCP server: " in reply.content
        assert len(site.asked) == 4
        await to.close()


@pytest.mark.parametrize("protocol", ["shttp", "sse"])
async def test_a_server_that_is_silent_is_told_in_the_tool_s_own_time(
    to: Wire, protocol: str
) -> None:
    async def never(asked: Asked) -> tuple[int, Any]:
        await asyncio.Event().wait()
        return 200, {}

    async with a_site(never) as site:
        tool = {
            "type": "mcp", "server": {"url": site.url, "timeoutSeconds": 0.05},
            "metadata": {"protocol": protocol}, "mcpName": "x", "function": {"name": "x"},
        }  # fmt: skip
        (brief,) = tool_briefs({"tools": [tool]})
        reply = await a_tool_server(to).call(Errand(a_call(), {}, brief, {}, "t"))
        assert not reply.ok
        assert "did not answer within 0.05 s" in reply.content
