"""A process that computes for the calls of this one, so that none waits for another's sums.

It answers one request after the other: a JSON object behind its length, and as many bytes of sound
as the object's ``bytes`` says; both ways alike.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import gateway
from gateway.errors import Fault, VendorError

Json = dict[str, Any]


def framed(head: Json, sound: bytes = b"") -> bytes:
    body = json.dumps(head | {"bytes": len(sound)}).encode()
    return len(body).to_bytes(4, "big") + body + sound


class Worker:
    """Started when it is first needed, and again if it dies. ``module`` is run with ``words``."""

    def __init__(self, vendor: str, module: str, *words: str) -> None:
        self._vendor = vendor
        self._command = (sys.executable, "-m", module, *words)
        self._turn = asyncio.Lock()
        self._starting = asyncio.Lock()  # calls that begin together start one process
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> asyncio.subprocess.Process:
        """Raises OSError."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                ours = str(Path(gateway.__file__).parent.parent)
                paths = [ours, *filter(None, [os.environ.get("PYTHONPATH")])]
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                )
            return self._process

    async def ask(self, head: Json, sound: bytes, timeout_s: float) -> tuple[Json, bytes]:
        """The answer. A call that ends meanwhile leaves its answer to be read: it is not
        another's. Raises VendorError; the answer's ``error`` is ours."""
        asking = asyncio.ensure_future(self._in_turn(head, sound, timeout_s))
        asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        answer, pcm = await asyncio.shield(asking)
        if "error" in answer:
            raise VendorError(self._vendor, Fault.OURS, answer["error"])
        return answer, pcm

    async def _in_turn(self, head: Json, sound: bytes, timeout_s: float) -> tuple[Json, bytes]:
        async with self._turn:
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._exchange(head, sound)
            except TimeoutError as error:
                await self.close()
                raise VendorError(self._vendor, Fault.OVERLOAD, "its process is stuck") from error
            except (OSError, EOFError) as error:
                await self.close()
                raise VendorError(self._vendor, Fault.THEIRS, "its process died") from error

    async def _exchange(self, head: Json, sound: bytes) -> tuple[Json, bytes]:
        process = await self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(framed(head, sound))
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(4), "big")
        answer = json.loads(await process.stdout.readexactly(size))
        return answer, await process.stdout.readexactly(answer.pop("bytes", 0))

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()  # reads to the end, so that the pipes are closed
