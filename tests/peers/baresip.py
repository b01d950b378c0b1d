"""baresip as a peer: a third SIP stack (libre), driven over its control socket.

It plays one file into every call and writes what it hears to others.
Protocol: netstrings of JSON, https://github.com/baresip/baresip/blob/v1.0.0/modules/ctrl_tcp.
"""

import asyncio
import contextlib
import json
import re
import struct
from pathlib import Path
from typing import Any, Self

import numpy as np

from tests.peers import sound
from tests.peers.child import Child, free_port, free_ports

MODULES = Path("/usr/lib/baresip/modules")
CONFIG = """
poll_method epoll
sip_listen {host}:{sip}
net_interface {address}
call_local_timeout 30
call_max_calls 8
{sound}
snd_path {hears}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 1-10
module_path {modules}
module g711.so
module g722.so
module opus.so
module aufile.so
module sndfile.so
module srtp.so
module uuid.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""
RETURN = """\
audio_source aubridge,loop
audio_player aubridge,loop
module plc.so
module aubridge.so"""
BIT_RATE = re.compile(r"audio=\d+/(\d+) \(bit/s\)")  # of the call's state, as it is shown
WAV_HEADER = 44  # bytes
WAV_FORMAT = struct.Struct("<HI")  # at 22: channels, rate
ACCOUNT = "<sip:baresip@{host}:{sip}>;regint=0;audio_codecs={codec};answermode={mode}"


class Baresip:
    """``async with Baresip(tmp_path) as peer: await peer.dial("sip:demo@...")``."""

    def __init__(
        self,
        folder: Path,
        says: sound.Pcm | None = None,
        codec: str = "pcmu/8000/1",
        answers: bool = True,
        encryption: str = "",
        cafile: Path | None = None,
        returns: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        """``codec``: one, or several in its order. ``encryption``: srtp (wished for), srtp-mand or
        srtp-mandf (required); empty: none. ``cafile``: who must have signed the certificates of
        others, in TLS. ``returns``: it says what it hears, repaired as it would play it, in place
        of ``says``. ``address``: where it listens, and speaks from."""
        folder = folder / "baresip"
        folder.mkdir()
        self._heard = folder / "heard"
        self._heard.mkdir()
        self.events: list[dict[str, Any]] = []
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._control = free_port()
        sip, rtp = free_port(), free_ports(16)
        host = f"[{address}]" if ":" in address else address
        self.uri = f"sip:baresip@{host}:{sip}"
        says_path = folder / "says.wav"
        sound.write_wav(says_path, sound.tone(10.0) if says is None else says)
        config = CONFIG.format(
            host=host,
            address=address,
            sip=sip,
            sound=RETURN if returns else f"audio_source aufile,{says_path}",
            hears=self._heard,
            rtp=rtp,
            rtp_end=rtp + 16,
            modules=MODULES,
            control=self._control,
        )
        if cafile:
            config += f"sip_cafile {cafile}\n"
        (folder / "config").write_text(config)
        mode = "auto" if answers else "manual"
        account = ACCOUNT.format(host=host, sip=sip, codec=codec, mode=mode)
        if encryption:
            account += f";mediaenc={encryption}"
        (folder / "accounts").write_text(account + "\n")
        family = "-6" if ":" in address else "-4"
        self.child = Child(["baresip", family, "-f", folder], folder / "baresip.err")

    async def __aenter__(self) -> Self:
        await self.child.__aenter__()
        try:
            async with asyncio.timeout(40):
                reader, self._writer = await self._connect()
        except BaseException:
            await self.child.stop()
            raise
        self._reader = asyncio.create_task(self._read(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reader
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        await self.child.stop()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            with contextlib.suppress(ConnectionError):
                return await asyncio.open_connection("127.0.0.1", self._control)
            await asyncio.sleep(0.02)  # nothing but the open port says that it has started

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                facts = json.loads((await reader.readexactly(length + 1))[:-1])
                if facts.get("response"):
                    if self._answer and not self._answer.done():
                        self._answer.set_result(facts)
                else:
                    self.events.append(facts)
                    news, self._news = self._news, asyncio.Event()
                    news.set()

    async def order(self, command: str, params: str = "") -> str:
        """One of baresip's own commands; what it said."""
        words = {"command": command, "params": params, "token": command}
        text = json.dumps(words).encode()
        self._answer = asyncio.get_running_loop().create_future()
        self._writer.write(b"%d:%s," % (len(text), text))
        async with asyncio.timeout(40):
            answer = await self._answer
        if not answer["ok"]:
            raise RuntimeError(f"baresip cannot {command} {params}: {answer['data']}")
        return str(answer["data"])

    async def until(self, kind: str, within_s: float = 10.0) -> dict[str, Any]:
        """The first event of this type, e.g. CALL_ESTABLISHED; TimeoutError shows what came."""

        def found() -> dict[str, Any] | None:
            return next((e for e in self.events if e.get("type") == kind), None)

        try:
            async with asyncio.timeout(within_s):
                while (event := found()) is None:
                    await self._news.wait()
        except TimeoutError:
            came = [(e.get("type"), e.get("param")) for e in self.events]
            raise TimeoutError(f"no {kind}; came: {came}\n{self.child.last_words()}") from None
        return event

    async def hears(self, seconds: float, within_s: float = 15.0) -> None:
        """Wait until this much sound has come, silence included."""
        async with asyncio.timeout(within_s):
            while len(self.heard()) < seconds * sound.RATE:
                await asyncio.sleep(0.05)

    def heard(self) -> sound.Pcm:
        """What has been heard so far, in all calls, one after the other."""
        parts = [pcm[:: rate // sound.RATE] for rate, pcm in self._recorded()]
        return np.concatenate([np.empty(0, np.int16), *parts])

    def rates(self) -> list[int]:
        """Hz, of the codecs that it has heard by, one after the other."""
        return [rate for rate, _ in self._recorded()]

    def _recorded(self) -> list[tuple[int, sound.Pcm]]:
        """Rate and sound of each file. While a call lasts, its header lacks only how long it is."""
        files = [path.read_bytes() for path in sorted(self._heard.glob("*-dec.wav"))]
        parts = []
        for octets in files:
            if len(octets) >= WAV_HEADER:
                channels, rate = WAV_FORMAT.unpack_from(octets, 22)
                pcm = np.frombuffer(octets, "<i2", (len(octets) - WAV_HEADER) // 2, WAV_HEADER)
                parts.append((rate, pcm[::channels].astype(np.int16)))
        return parts

    async def dial(self, uri: str) -> None:
        await self.order("dial", uri)

    async def hang_up(self) -> None:
        await self.order("hangup")

    async def transfer(self, uri: str) -> None:
        """Have the peer call somebody else, by REFER."""
        await self.order("transfer", uri)

    async def say(self, wav: Path) -> None:
        """Play this from now on."""
        await self.order("ausrc", f"aufile,{wav}")

    async def receives(self, least: int, most: int, within_s: float = 90.0) -> None:
        """Wait until so many bit/s of sound came in the last three seconds: what it hears it does
        not write down any more once a call has changed its codec."""
        async with asyncio.timeout(within_s):
            while not (rates := self._bit_rates()) or not least <= rates[-1] <= most:
                await asyncio.sleep(0.05)

    def _bit_rates(self) -> list[int]:
        said = self.child.log.read_text(errors="replace")
        return [int(rate) for rate in BIT_RATE.findall(said)]

    async def press(self, digit: str) -> None:
        """One key, by RFC 4733; it is held until the next one or the call's end."""
        await self.order("sndcode", digit)
