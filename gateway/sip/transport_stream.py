"""The connections of one transport: listening, opening, keeping, closing.

A message to an address goes through the connection that is open to it, whoever opened it (RFC
3261 section 18, RFC 5923), and else through a new one; but a WebSocket cannot be opened to a
browser. Over TLS a connection serves only the name whose certificate it showed.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from gateway.sip import metrics
from gateway.sip.message import Limits
from gateway.sip.routing import Address
from gateway.sip.settings import Listen
from gateway.sip.stream import Stream
from gateway.sip.transport import Bounds, Broken, Received, taken

CONNECT_S = 10.0  # longer than a TCP handshake takes with three SYNs lost


class Security(Protocol):
    """Both sides of TLS."""

    server: ssl.SSLContext
    client: ssl.SSLContext

    def objection(self, stream: Stream) -> str: ...


class Streams:
    """Every connection and listener of ``transport``: tcp, tls, ws or wss. ``admits`` is asked
    whether a source that has so many may open one more."""

    def __init__(
        self,
        transport: str,
        received: Received,
        broken: Broken,
        limits: Limits,
        bounds: Bounds,
        *,
        admits: Callable[[str, int], bool] = lambda host, others: True,
        security: Security | None = None,
        kind: type[Stream] = Stream,
        dials: bool = True,
    ) -> None:
        self.transport = transport
        self._received = received
        self._broken = broken
        self._limits = limits
        self._bounds = bounds
        self._admits = admits
        self._security = security
        self._kind = kind
        self._dials = dials
        self._listeners: list[asyncio.Server] = []
        self._all: set[Stream] = set()
        self._open: dict[Address, Stream] = {}
        self._aliases: dict[Address, Stream] = {}
        self._sources: Counter[str] = Counter()  # of those that the peer opened
        self._dialling: dict[tuple[Address, str], list[bytes]] = {}  # what waits for a connection
        self._tasks: set[asyncio.Task[None]] = set()

    async def bind(self, place: Listen) -> Address:
        loop = asyncio.get_running_loop()
        security = self._security.server if self._security else None
        try:
            server = await loop.create_server(
                lambda: self._kind(self, self._limits), place.host, place.port, ssl=security,
                ssl_handshake_timeout=self._bounds.message_s if security else None,
            )  # fmt: skip
        except OSError as error:
            raise taken(place, error) from error
        self._listeners.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        return host, port

    def send(self, data: bytes, destination: Address, name: str = "") -> None:
        if stream := self._to(destination, name):
            stream.send(data)
        elif (destination, name) in self._dialling:
            self._dialling[destination, name].append(data)
        elif not self._dials:
            why = "no connection, and a browser cannot be called back"
            asyncio.get_running_loop().call_soon(
                self._broken, destination, self.transport, why
            )  # fmt: skip
        else:
            self._dialling[destination, name] = [data]
            task = asyncio.get_running_loop().create_task(self._dial(destination, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def alias(self, source: Address, port: int) -> None:
        """The peer at the other end says that it can also be reached by this connection for its
        own listening port (RFC 5923). Over TLS only who proved who it is may say so."""
        stream = self._open.get(source)
        if stream is not None and (self._security is None or stream.proven):
            self._aliases.setdefault((source[0], port), stream)

    def look_over(self, needed: set[Address], now: float) -> None:
        """Close what is idle and not needed, too slow or dead; keep the rest alive."""
        for stream in list(self._all):
            begun, silent_s = stream.begun_at, now - stream.heard_at
            if begun is not None and now - begun > self._bounds.message_s:
                self.garbled(stream, f"a message took longer than {self._bounds.message_s:g} s")
            elif silent_s > self._bounds.idle_s and stream.peer not in needed:
                stream.close()
            elif stream.ours and not stream.keep_alive(self._bounds.keep_alive_s, now):
                self._gone(stream, "it does not answer keep-alives any more")
                stream.abort()

    async def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stream in list(self._all):
            stream.close()

    # What a stream tells

    def opened(self, stream: Stream) -> None:
        self._all.add(stream)
        metrics.CONNECTIONS.labels(self.transport).inc()
        host = stream.peer[0]
        why = ""
        if len(self._all) > self._bounds.most:
            why = f"more than {self._bounds.most} connections"
        elif not stream.ours and not self._admits(host, self._sources[host]):
            why = f"more connections from {host} than {self._sources[host]}"
        if not stream.ours:
            self._sources[host] += 1
        if why:
            metrics.CONNECTIONS_REFUSED.labels(self.transport).inc()
            self._broken(stream.peer, self.transport, why)
            stream.close()
            return
        self._open[stream.peer] = stream

    def closed(self, stream: Stream, why: str) -> None:
        if stream in self._all:
            self._all.remove(stream)
            metrics.CONNECTIONS.labels(self.transport).dec()
            if not stream.ours:
                self._sources[stream.peer[0]] -= 1
                self._sources += Counter()  # forgets the zeros
        self._gone(stream, why)

    def garbled(self, stream: Stream, why: str) -> None:
        self._gone(stream, f"closed by us: {why}")
        stream.begun_at = None
        stream.close()

    def received(self, data: bytes, stream: Stream) -> None:
        if self._open.get(stream.peer) is stream:
            self._received(data, stream.peer, self.transport)

    # Inside

    def _to(self, destination: Address, name: str) -> Stream | None:
        stream = self._open.get(destination) or self._aliases.get(destination)
        if stream is None or not self._security or not stream.ours:
            return stream
        return stream if name in ("", destination[0], stream.name) else None

    def _gone(self, stream: Stream, why: str) -> None:
        for address in [a for a, other in self._aliases.items() if other is stream]:
            del self._aliases[address]
            self._broken(address, self.transport, why)
        if self._open.get(stream.peer) is stream:
            del self._open[stream.peer]
            self._broken(stream.peer, self.transport, why)

    async def _dial(self, destination: Address, name: str) -> None:
        loop = asyncio.get_running_loop()
        security = self._security.client if self._security else None
        why = ""
        stream = None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, stream = await loop.create_connection(
                    lambda: self._kind(self, self._limits, ours=True, name=name), *destination,
                    ssl=security, server_hostname=(name or destination[0]) if security else None,
                )  # fmt: skip
            why = self._security.objection(stream) if self._security else ""
        except ssl.SSLCertVerificationError as error:
            why = f"its certificate is not trusted: {error.verify_message}"
        except ssl.SSLError as error:
            why = f"TLS: {error.reason or error}"
        except TimeoutError:
            why = f"no connection within {CONNECT_S:g} s"
        except OSError as error:
            why = error.strerror or str(error)
        waiting = self._dialling.pop((destination, name))
        if why or stream is None:
            if stream is not None:
                self._open.pop(stream.peer, None)
                stream.abort()
            self._broken(destination, self.transport, why)
            return
        for data in waiting:
            stream.send(data)
