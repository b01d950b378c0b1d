"""What carries OpenAI's SDK: its HTTP client's connections, right on the loop's own transports.

The client's default goes through anyio, which has TLS in Python and puts up a scope for each read,
of which a stream of tokens has one a token; and which asks the kernel about every connection of the
pool, once when a request begins and once when it is over.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterable, Iterator
from typing import cast
from urllib.request import getproxies

import httpcore2
import httpx2

KEPT = 1 << 18  # bytes that nobody has read; with more, the other side has to wait
LEAVE_S = 1.0  # after which an address that does not answer is left for the next


class Stream(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    """One connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._data = bytearray()
        self._over = False  # nothing more will come,
        self._error: Exception | None = None  # because of this
        self._held = False  # there is too much already
        self._news: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no instance

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > KEPT and not self._held:
            self._held = True
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> None:
        self._over = True
        self._tell()

    def connection_lost(self, error: Exception | None) -> None:
        self._over, self._error = True, error
        self._room.set()
        self._tell()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def _tell(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)

    # What the client asks for

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if not (self._data or self._over):
            self._news = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._news
            except TimeoutError:
                raise httpcore2.ReadTimeout from None
            finally:
                self._news = None
        if self._error and not self._data:
            raise httpcore2.ReadError(str(self._error)) from self._error
        data = bytes(self._data[:max_bytes])
        del self._data[:max_bytes]
        if self._held and not self._over:
            self._held = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if self._transport.is_closing():
            raise httpcore2.WriteError("the connection is closed")
        self._transport.write(buffer)
        if not self._room.is_set():
            try:
                async with asyncio.timeout(timeout):
                    await self._room.wait()
            except TimeoutError:
                raise httpcore2.WriteTimeout from None

    async def aclose(self) -> None:
        self._transport.close()
        await asyncio.sleep(0)  # a farewell of TLS goes out, and is not waited for
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        try:
            with _connecting():
                async with asyncio.timeout(timeout):
                    secured = await loop.start_tls(
                        self._transport, self, ssl_context, server_hostname=server_hostname
                    )
        except BaseException:
            self._transport.abort()
            raise
        if secured is None:
            raise httpcore2.ConnectError("the connection was lost")
        self._transport = secured
        return self

    def get_extra_info(self, info: str) -> object:
        if info == "is_readable":  # an idle connection that is, has been closed at the other end
            return bool(self._data) or self._over or self._transport.is_closing()
        known = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(known.get(info, info))


class Network(httpcore2.AsyncNetworkBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        local = (local_address, 0) if local_address else None
        with _connecting():
            async with asyncio.timeout(timeout):
                return await _reached(host, port, local)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _reached(host: str, port: int, local: tuple[str, int] | None) -> Stream:
    """By the first of its addresses that answers; the last is given all the time there is."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    *others, last = dict.fromkeys(str(entry[4][0]) for entry in found)
    for address in others:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(LEAVE_S):
                return (await loop.create_connection(Stream, address, port, local_addr=local))[1]
    return (await loop.create_connection(Stream, last, port, local_addr=local))[1]


@contextlib.contextmanager
def _connecting() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout from error
    except (OSError, ValueError) as error:
        raise httpcore2.ConnectError(str(error)) from error


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, limits: httpx2.Limits) -> None:
        tls = httpx2.create_ssl_context()
        super().__init__(verify=tls, limits=limits)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=Network(),
        )


def client(limits: httpx2.Limits, timeout_s: float) -> httpx2.AsyncClient:
    """As the SDK needs one. Where proxies are set, they are the client's own affair."""
    transport = None if getproxies() else _Transport(limits)
    return httpx2.AsyncClient(limits=limits, timeout=timeout_s, transport=transport)
