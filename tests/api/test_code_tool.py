"""The code tool: what a function in TypeScript may do on this machine, and what it may not."""

import asyncio
import shutil
from functools import cache
from typing import Any

import pytest

from gateway.api.settings import ToolSettings
from gateway.api.tools.code import OUTPUT, Code, found, program
from gateway.api.tools.errand import ToolFailed
from gateway.calls.ports import ToolReply
from tests.api.errands import run
from tests.api.hooks import wire


@cache
def why_not() -> str:
    """What this machine lacks to run code without a network; empty: nothing."""
    try:
        asyncio.run(found(network=False))
    except ToolFailed as error:
        return str(error)
    return ""


async def does(
    source: str, arguments: dict[str, Any] | None = None, on: bool = True, **more: Any
) -> ToolReply:
    tool = {"type": "code", "function": {"name": "compute"}, "code": source, **more}
    settings = ToolSettings(code=on)
    if on and (lack := await asyncio.to_thread(why_not)):
        pytest.skip(lack)
    to = wire()
    try:
        return await run(tool, arguments or {}, to, {"code": Code(settings)})
    finally:
        await to.close()


async def test_off_it_is_refused_by_name() -> None:
    reply = await does("return 1", on=False)
    assert not reply.ok
    assert "[tools] code" in reply.content


async def test_what_the_function_returns_is_the_result() -> None:
    source = (
        "const { a, b } = args; console.log('no result'); return { sum: a + b, q: `'${b}\\n` };"
    )
    reply = await does(source, {"a": 1, "b": 2, "__proto__": "</script>"})
    assert (reply.ok, reply.content) == (True, r'{"sum":3,"q":"' + "'" + r'2\n"}')


async def test_it_may_wait_and_return_nothing() -> None:
    reply = await does("await new Promise((done) => setTimeout(done, 1));")
    assert (reply.ok, reply.content) == (True, "Done: the code returned nothing.")


async def test_the_environment_is_the_tools_own_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    own = [
        {"name": "SHOP", "value": "{{ customer.number }}!"},
        {"name": "NODE_OPTIONS", "value": "--require=/etc/passwd"},
    ]
    reply = await does("return [process.env, env]", environmentVariables=own)
    shown = '{"SHOP":"!","NODE_OPTIONS":"--require=/etc/passwd"}'
    assert reply.content.replace("+4930111", "") == f"[{shown},{shown}]"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("throw new Error('no such shop')", "no such shop"),
        ("return nothing.at.all", "nothing is not defined"),
        ("return (", "SyntaxError"),
        ("return 'x'.repeat(" + str(OUTPUT + 1) + ")", f"more than {OUTPUT} bytes"),
        # Written at once: what waits to be would fill its memory where nobody reads for a while.
        ("const { writeSync } = await import('node:fs'); for (;;) writeSync(1, 'x'.repeat(65536))",
         f"more than {OUTPUT} bytes"),
        ("const all = []; for (;;) all.push(new Array(1e6).fill(Math.random()))", "heap"),
        ("return (await import('node:fs')).readFileSync('/etc/passwd', 'utf8')", "restricted"),
        ("(await import('node:fs')).writeFileSync('here', 'x')", "restricted"),
        ("(await import('node:child_process')).execSync('/bin/true')", "restricted"),
        ("const { Worker } = await import('node:worker_threads'); new Worker('0', {eval: true})",
         "restricted"),
        ("await fetch('http://127.0.0.1:9/')", "fetch failed"),
        ("process.kill(1, 0); process.kill(4000000, 0)", "ESRCH"),
    ],
)  # fmt: skip
async def test_what_it_may_not_do_fails_and_says_so(source: str, told: str) -> None:
    reply = await does(source)
    assert not reply.ok
    assert told in reply.content
    assert len(reply.content) < 3000


async def test_an_endless_loop_ends_with_the_time_of_the_tool() -> None:
    reply = await does("for (;;);", timeoutSeconds=1)
    assert not reply.ok


async def test_there_is_no_other_network_and_no_other_process() -> None:
    source = "return [Object.keys((await import('node:os')).networkInterfaces()), process.pid]"
    assert (await does(source)).content == "[[],1]"


async def test_a_machine_without_node_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolFailed, match="no node"):
        await found(network=False)


def test_what_the_model_wrote_stays_a_string_of_the_program() -> None:
    text = program("return 1", {"x": '"); process.exit(3); ("'}, {})
    assert text.splitlines()[0].startswith(
        'const args = JSON.parse("{\\"x\\": \\"\\\\\\"); process'
    )
