"""The ``code`` tool: a function in TypeScript, written by the tool's owner, run by Node.

Its body has ``args``, what the model filled in, and ``env``, the tool's own variables; what it
returns is the result. Each run is a process of its own that lives no longer than the call of the
tool, and may do nothing but compute: Node's permission model keeps it from files, processes and
threads, namespaces from the network and from any process that is not its own, limits from using
the machine up. Nothing of the gateway's environment is passed on, and the tool's variables are
given to the program, not to the process: a ``NODE_OPTIONS`` among them would otherwise rule Node.
"""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.api.settings import ToolSettings
from gateway.api.tools.errand import Json, ToolFailed
from gateway.calls.errand import Errand
from gateway.calls.ports import ToolReply

log = logging.getLogger(__name__)

LIMITS = (
    "--cpu=10",  # seconds
    f"--as={4 << 30}",  # V8 reserves far more than it uses; what it uses is HEAP_MB
    "--nproc=64",  # its threads
    f"--fsize={1 << 20}",
    "--nofile=64",
    "--core=0",
)
HEAP_MB = 128
OUTPUT = 64 << 10  # bytes of a result
COMPLAINT = 2000  # bytes of what is told about a failure
AT_ONCE = 4  # runs; more wait, within their time

# Who is alone in these namespaces sees no network and no other process, and takes along, at its
# end, whatever it has begun.
ALONE = ("--user", "--map-current-user", "--net", "--ipc", "--pid", "--fork", "--kill-child")

_ABLE = "JSON.stringify([process.version, ...process.argv.slice(1).map(n => process.allowedNodeEnvironmentFlags.has(n))])"  # noqa: E501
_FLAGS = ("--permission", "--experimental-permission", "--experimental-strip-types")

_PROGRAM = """\
const args = JSON.parse(%s), env = JSON.parse(%s);
for (const name of ["log", "info", "debug"]) console[name] = console.error;
for (const name in process.env) delete process.env[name];
Object.assign(process.env, env);
(async () => {
%s
})().then(
  (value) => process.stdout.write(JSON.stringify(value) ?? "", () => process.exit(0)),
  (error) => process.stderr.write(String(error?.stack ?? error), () => process.exit(1)),
);
"""


@dataclass(frozen=True)
class Node:
    version: str
    command: tuple[str, ...]  # the program's path goes behind it
    suffix: str  # of the program
    reads_types: bool


class Code:
    """A worker. Raises ToolFailed."""

    def __init__(self, settings: ToolSettings) -> None:
        self._settings = settings
        self._node: Node | None = None
        self._places = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, errand: Errand) -> ToolReply:
        if not self._settings.code:
            raise ToolFailed("code is not run on this gateway: its operator has [tools] code off")
        node = self._node = self._node or await found(self._settings.code_network)
        given = errand.written.get("environmentVariables") or ()
        env = {one["name"]: errand.fill(one.get("value") or "") for one in given}
        async with self._places:
            return await self._run(node, program(errand.written["code"], errand.arguments, env))

    async def _run(self, node: Node, text: str) -> ToolReply:
        with tempfile.TemporaryDirectory(prefix="trunkline-code-") as place:
            path = _written(Path(place, "tool" + node.suffix), text)
            command = [*node.command, f"--allow-fs-read={place}/*", str(path)]
            status, out, complaint = await run(command, place)
        if status != 0:
            told = complaint.strip() or f"it ended with status {status}"
            log.info("code failed: %s", told)
            if "SyntaxError" in told and not node.reads_types:
                told += f" (Node {node.version} reads no types of TypeScript; 22.6 and later do)"
            raise ToolFailed(f"its code failed: {told}")
        return ToolReply(True, out or "Done: the code returned nothing.")


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def program(source: str, arguments: Json, env: Json) -> str:
    return _PROGRAM % (json.dumps(json.dumps(arguments)), json.dumps(json.dumps(env)), source)


async def found(network: bool) -> Node:
    """How code can be run on this machine. Raises ToolFailed if it cannot be kept apart."""
    node, prlimit, unshare = (shutil.which(name) for name in ("node", "prlimit", "unshare"))
    if node is None or prlimit is None:
        raise ToolFailed("this gateway has no node, or no prlimit (of util-linux), to run code")
    _, out, _ = await run([node, "-p", _ABLE, "--", *_FLAGS], "/")
    version, permission, experimental, strips = json.loads(out or '["?", false, false, false]')
    if not (permission or experimental):
        raise ToolFailed(f"code needs Node 20 or later on this gateway, and there is {version}")
    apart: list[str] = []
    if not network:
        apart = [unshare or "unshare", *ALONE]
        if unshare is None or (await run([*apart, "/bin/true"], "/"))[0] != 0:
            raise ToolFailed(
                "this gateway cannot run code without a network: the machine permits no namespaces"
            )
    flags = ["--permission" if permission else "--experimental-permission", "--no-warnings"]
    flags += ["--experimental-strip-types"] if strips else []
    command = (*apart, prlimit, *LIMITS, node, *flags, f"--max-old-space-size={HEAP_MB}")
    return Node(version, command, ".mts" if strips else ".mjs", strips)


async def run(command: Sequence[str], place: str) -> tuple[int, str, str]:
    """Status, output and complaint of a command with an empty environment, which is dead when
    this returns or is cancelled. Raises ToolFailed if there is too much output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=place,
        env={},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    if process.stdout is None or process.stderr is None:
        raise AssertionError("both are pipes")
    try:
        out, complaint = await asyncio.gather(
            _read(process.stdout, OUTPUT, process), _read(process.stderr, COMPLAINT)
        )
        if len(out) > OUTPUT:
            raise ToolFailed(f"its code returned more than {OUTPUT} bytes")
        status = await process.wait()
    finally:
        _end(process)
        await process.wait()
    return status, out.decode(errors="replace"), complaint[:COMPLAINT].decode(errors="replace")


async def _read(
    stream: asyncio.StreamReader, most: int, culprit: asyncio.subprocess.Process | None = None
) -> bytes:
    """To the end, of which no more is kept than tells that there is more than ``most``; a
    ``culprit`` who writes more than that is ended."""
    kept = b""
    while piece := await stream.read(65536):
        kept = (kept + piece)[: most + 1]
        if culprit and len(kept) > most:
            _end(culprit)
    return kept


def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:  # else the number may be another's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
