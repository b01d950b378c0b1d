"""A process of a peer: started, read line by line, and always stopped, also if we are killed."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

STOP_S = 5.0  # after TERM, before KILL


def tied(command: Sequence[str | Path], sign: str = "KILL") -> list[str]:
    """The command, so that its process gets this signal when the one that starts it dies, in
    whatever way (prctl(2), PR_SET_PDEATHSIG). Where util-linux is missing, as it was given."""
    words = [str(word) for word in command]
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", sign, "--", *words] if setpriv else words


class Gone(Exception):
    """The peer's process ended although it was still needed."""


class Child:
    """``on_line`` gets each line of standard output; standard error goes to ``log``."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.command = [str(word) for word in command]
        self.log = log
        self.lines: list[str] = []
        self._env = {**os.environ, **(env or {})}
        self._cwd = cwd
        self._on_line = on_line
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        with self.log.open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *tied(self.command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self._env,
                cwd=self._cwd,
            )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def _read(self) -> None:
        assert self._process
        assert self._process.stdout
        try:
            async for line in self._process.stdout:
                self.lines.append(line.decode(errors="replace").rstrip())
                self._on_line(self.lines[-1])
                self._tell()
            await self._process.wait()
        finally:
            self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def write(self, text: str) -> None:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(text.encode())

    @property
    def runs(self) -> bool:
        return self._reader is not None and not self._reader.done()

    def terminate(self) -> None:
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    async def until(self, true: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for something that this peer's output makes true.

        Raises TimeoutError, or Gone if the process ended first; both show its last words.
        """
        try:
            async with asyncio.timeout(within_s):
                while not true():
                    if not self.runs:
                        raise Gone(f"{self.command[0]} ended before {what}\n{self.last_words()}")
                    await self._news.wait()
        except TimeoutError:
            raise TimeoutError(f"no {what} within {within_s} s\n{self.last_words()}") from None

    def last_words(self) -> str:
        errors = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([*self.lines[-30:], *errors[-30:]])

    async def ended(self, within_s: float) -> int:
        """Wait for the process to end by itself; its exit code."""
        assert self._process
        assert self._reader
        try:
            async with asyncio.timeout(within_s):
                await asyncio.shield(self._reader)
        except TimeoutError:
            message = f"{self.command[0]} runs on after {within_s} s\n{self.last_words()}"
            raise TimeoutError(message) from None
        return await self._process.wait()

    async def stop(self) -> int:
        """TERM, then KILL; its exit code."""
        assert self._process
        if self._process.returncode is None:
            self.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        if self._reader:
            await self._reader
            self._reader = None
        return await self._process.wait()
