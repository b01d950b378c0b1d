"""The gateway itself, whole: started as its owner starts it, called, and made to leave."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

from tests.peers.child import Child, free_port, free_ports, retire

ROOT = Path(__file__).parent.parent.parent
KEY = "key-of-the-tests"
# Of a machine that may be busy with much else.
READY_S = 180.0
LEAVE_S = 90.0
ENDED_S = 90.0  # for a record to be complete after the last packet


class Daemon:
    """``async with Daemon(folder) as gateway``. ``env`` adds to or overrides its environment,
    ``config`` is more TOML at the end of its configuration.

    At the end it gets TERM, and must leave with status 0 and nothing left open.
    """

    def __init__(self, folder: Path, env: dict[str, str] | None = None, config: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.sip_address = f"127.0.0.1:{free_port()}"
        self.api_url = f"http://127.0.0.1:{free_port()}"
        self.state = folder / "state"
        self.killed = False
        first = free_ports(240)
        settings = {
            "GATEWAY_STATE_DIR": str(self.state),
            "GATEWAY_SIP__LISTEN": self.sip_address,
            "GATEWAY_RTP__PORTS": f"{first}-{first + 239}",
            "GATEWAY_API__LISTEN": self.api_url.removeprefix("http://"),
            "GATEWAY_API__KEY": KEY,
            "GATEWAY_LOG__LEVEL": "debug",
            "GATEWAY_MEDIA__CAPACITY": "120",
            "GATEWAY_AGENTS__PROCESSES": "1",
            "GATEWAY_AGENTS__LAG_MS": "10000",  # the machine may be as busy as it likes
        }
        toml = folder / "gateway.toml"
        toml.write_text(f"{(ROOT / 'config/gateway.toml').read_text()}\n{config}")
        toml.chmod(0o600)  # there may be passwords in it
        self.child = Child(
            [sys.executable, "-m", "gateway.cli", "run", "--config", toml],
            folder / "gateway.log",
            env=settings | (env or {}),
            cwd=ROOT,
        )
        self.api = httpx.AsyncClient(
            base_url=self.api_url,
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=60.0,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        try:
            async with asyncio.timeout(READY_S):
                while not await self._ready():
                    assert self.child.runs, f"it did not start:\n{self.child.last_words()}"
                    await asyncio.sleep(0.05)
        except BaseException:
            await self.api.aclose()
            await self.child.stop()
            raise
        return self

    async def kill(self) -> None:
        """No TERM, no farewell: the machine is gone."""
        self.killed = True
        retire(int(self.sip_address.rpartition(":")[2]))
        os.kill(self.child.pid, signal.SIGKILL)
        await self.child.ended(LEAVE_S)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.api.aclose()
        if self.killed:
            await self.child.stop()
            return
        self.child.terminate()
        try:
            status = await self.child.ended(LEAVE_S)
        finally:
            await self.child.stop()
        if kind is None:
            assert status == 0, self.log()[-4000:]
            assert "nothing left open" in self.log(), self.log()[-4000:]

    def uri(self, user: str) -> str:
        return f"sip:{user}@{self.sip_address}"

    def log(self) -> str:
        return self.child.log.read_text(errors="replace")

    async def _ready(self) -> bool:
        try:
            return (await self.api.get("/health/ready")).status_code == 200
        except httpx.TransportError:
            return False

    async def get(self, path: str) -> Any:
        answer = await self.api.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def only_call(self) -> dict[str, Any]:
        """The record of the one call there has been."""
        calls: list[dict[str, Any]] = await self.get("/call")
        assert len(calls) == 1, [(call["id"], call["status"]) for call in calls]
        return calls[0]

    async def ended_calls(self, count: int) -> list[dict[str, Any]]:
        """The records of this many calls, once all have ended."""
        calls: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(ENDED_S):
                while True:
                    calls = await self.get("/call?limit=1000")
                    if len(calls) == count and all(call["status"] == "ended" for call in calls):
                        return calls
                    await asyncio.sleep(0.05)
        except TimeoutError:
            shown = [(call["id"], call["status"]) for call in calls]
            raise AssertionError(
                f"not {count} ended calls: {shown}\n{self.log()[-4000:]}"
            ) from None

    async def until(
        self, true: Callable[[dict[str, Any]], bool], what: str, within_s: float = 90.0
    ) -> None:
        """Until this is true of the one call."""
        call: dict[str, Any] = {}
        try:
            async with asyncio.timeout(within_s):
                while not true(call := await self.only_call()):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            messages = call.get("messages")
            raise AssertionError(f"not {what}: {messages}\n{self.log()[-4000:]}") from None

    async def until_said(self, beginning: str, within_s: float = 90.0, count: int = 1) -> None:
        """Until the agent of the one call has said something that begins like this, so often."""

        def said(call: dict[str, Any]) -> bool:
            texts = [m["message"] for m in call["artifact"]["messages"] if m["role"] == "bot"]
            return sum(text.startswith(beginning) for text in texts) >= count

        await self.until(said, f"said {beginning!r}", within_s)

    async def attentive(self) -> None:
        """Until the one call's agent is there: a key pressed before that meets nobody."""
        async with asyncio.timeout(90):
            url = (await self.only_call())["monitor"]["controlUrl"]
            say = {"type": "say", "content": "Hello."}
            while (await self.api.post(url, json=say)).status_code != 200:
                await asyncio.sleep(0.05)
        await self.until_said("Hello.")

    async def metric(self, name: str) -> float:
        """The sum of a Prometheus metric over its labels."""
        lines = (await self.api.get("/metrics")).text.splitlines()
        found = [line for line in lines if line.split("{")[0].split(" ")[0] == name]
        assert found, f"no metric {name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)
