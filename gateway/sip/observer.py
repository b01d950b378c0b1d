"""Looks on at the endpoint's messages: counts them, keeps each call's, and copies them to Homer."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from gateway.errors import ConfigError
from gateway.sip import hep, metrics, pcap
from gateway.sip.capture import Captures, Seen, call_id_of
from gateway.sip.routing import Address
from gateway.sip.settings import SipSettings, parse_listen

log = logging.getLogger(__name__)

HOMER_PORT = 9060


class Observer(asyncio.DatagramProtocol):
    """``ours`` gives our own end of what goes to, or comes from, an address by a transport."""

    def __init__(self, settings: SipSettings, ours: Callable[[str, str], Address]) -> None:
        self._settings = settings
        self._ours = ours
        self._captures = Captures(settings.capture_bytes) if settings.capture else None
        self._wanted: dict[str, Path] = {}  # by Call-ID: to be written when all is said
        self._homer: asyncio.DatagramTransport | None = None
        self._saves: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises ConfigError if Homer's address is none."""
        if target := self._settings.hep.target:
            place = parse_listen(f"udp:{target}")[0]
            port = place.port if ":" in target.rpartition("]")[2] else HOMER_PORT
            loop = asyncio.get_running_loop()
            try:
                homer, _ = await loop.create_datagram_endpoint(
                    lambda: self, remote_addr=(place.host, port)
                )
            except OSError as error:
                raise ConfigError(f"[sip.hep] target {target}: {error.strerror or error}") from None
            self._homer = homer

    async def close(self) -> None:
        for call_id in list(self._wanted):
            self._write(call_id)
        await asyncio.gather(*self._saves)
        if self._homer:
            self._homer.close()

    def error_received(self, exc: Exception) -> None:
        """Homer is away. That is no harm to a call, and UDP says it for every packet."""

    def saw(self, data: bytes, peer: Address, transport: str, *, incoming: bool) -> None:
        metrics.message(data, "in" if incoming else "out", transport)
        if self._captures is None and self._homer is None:
            return
        call_id = call_id_of(data)
        kept = self._captures is not None and self._captures.wants(call_id, data)
        if not kept and (self._homer is None or not call_id):
            return
        ours = self._ours(peer[0], transport)
        ends = (peer, ours) if incoming else (ours, peer)
        seen = Seen(time.time(), *ends, transport, data)
        if kept and self._captures is not None:
            self._captures.add(call_id, seen)
        if self._homer is not None:
            told = self._settings.hep
            key = told.auth_key.get_secret_value()
            self._homer.sendto(hep.encode(seen, told.capture_id, key, call_id))

    def keep(self, call_id: str, path: Path, *, over: bool) -> bool:
        """Have this call's messages written once all is said; False if there are none."""
        if self._captures is None or not self._captures.wants(call_id, b""):
            return False
        self._wanted[call_id] = path
        if over:
            self._write(call_id)
        return True

    def forget(self, call_id: str) -> None:
        """What this call's messages were is nobody's business."""
        if self._captures is not None:
            self._captures.take(call_id)

    def over(self, call_id: str) -> None:
        """Nothing is left to be said in this call."""
        if call_id in self._wanted:
            self._write(call_id)

    def _write(self, call_id: str) -> None:
        path = self._wanted.pop(call_id)
        if self._captures is not None and (messages := self._captures.take(call_id)):
            task = asyncio.get_running_loop().create_task(self._save(path, messages))
            self._saves.add(task)
            task.add_done_callback(self._saves.discard)

    async def _save(self, path: Path, messages: list[Seen]) -> None:
        try:
            await asyncio.to_thread(pcap.write, path, messages)
        except OSError as error:
            log.error("a call's messages could not be written: %s", error)
