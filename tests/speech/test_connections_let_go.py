"""A transcriber that answers nothing any more, not even a farewell, keeps no connection of ours."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr
from websockets.utils import accept_key

from gateway.errors import Fault, VendorError
from gateway.speech import catalog, driver
from gateway.speech.contract import Hearing
from gateway.speech.settings import VendorSettings

PATIENCE_S = 9.0  # for what takes a second at most; Deepgram's SDK alone would take 11 s


class Deaf:
    """Takes connections, and upgrades them to websockets if it ``answers``; nothing else."""

    port: int
    answers = True

    def __init__(self) -> None:
        self.spoken_to = asyncio.Event()  # since the handshake
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await reader.readuntil(b"\r\n\r\n")
            if self.answers:
                writer.write(_upgrade(asked.decode()))
            while await reader.read(1 << 16):
                self.spoken_to.set()
        except ConnectionError:
            pass
        finally:
            self.gone.set()
            writer.transport.abort()


def _upgrade(asked: str) -> bytes:
    headers = dict(line.split(": ", 1) for line in asked.split("\r\n")[1:-2])
    key = next(v for name, v in headers.items() if name.lower() == "sec-websocket-key")
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {accept_key(key)}", "", "")  # fmt: skip
    return "\r\n".join(lines).encode()


@pytest.fixture
async def deaf() -> AsyncIterator[Deaf]:
    made = Deaf()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture(params=["deepgram", "soniox"])  # through an SDK of its own, and the shared way
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ear(vendor: str, deaf: Deaf, timeout_s: float = 30.0) -> Hearing:
    url = f"{'http' if vendor == 'deepgram' else 'ws'}://127.0.0.1:{deaf.port}"
    settings = VendorSettings(base_url=url, api_key=SecretStr("k"), timeout_s=timeout_s)
    return catalog.hearing(vendor, "", {}, settings, "call-1")


async def test_one_that_does_not_even_shake_hands(deaf: Deaf, vendor: str) -> None:
    deaf.answers = False
    hearing = ear(vendor, deaf, timeout_s=0.1)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(VendorError) as failure:
            await hearing.open()
        await deaf.gone.wait()
    assert failure.value.fault is Fault.OVERLOAD
    await hearing.close()


async def test_one_that_does_not_close(deaf: Deaf, vendor: str) -> None:
    hearing = ear(vendor, deaf)
    await hearing.open()
    async with asyncio.timeout(PATIENCE_S):
        await hearing.close()
        await deaf.gone.wait()


async def test_a_farewell_that_is_cut_short(
    deaf: Deaf, vendor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the end of the call, while the transcriber before the present one is being left."""
    monkeypatch.setattr(driver, "LETTING_GO_S", 1000.0)
    hearing = ear(vendor, deaf)
    await hearing.open()
    leaving = asyncio.create_task(hearing.close())
    await deaf.spoken_to.wait()
    leaving.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(leaving, return_exceptions=True)
        await deaf.gone.wait()
