"""An HTTP client for URLs that somebody else wrote: behind a fence, and without redirections.

Names are resolved here, each address is held against the fence, and the connection is made to the
address that was looked at: a name that answers differently the second time (DNS rebinding) gains
nothing. Proxies of the environment are not used, since they would do the resolving.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable

import httpcore
import httpx

from gateway.fence import Fence


async def addresses(fence: Fence, host: str, port: int) -> list[str]:
    """Where this name may be reached. Raises OSError, which says why not."""
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host}: {error}") from error
    known = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    objections = [why for address in known if (why := fence.objection(address))]
    if objections:  # one public address beside a private one is an attack, not a second chance
        raise PermissionError(f"{host} may not be reached: {objections[0]}")
    return known


class _Dialler(httpcore.AsyncNetworkBackend):
    def __init__(self, fence: Fence) -> None:
        self._fence = fence
        self._wire = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception | None = None
        try:
            known = await addresses(self._fence, host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        for address in known:
            try:
                return await self._wire.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("unix sockets are not reached by a URL")

    async def sleep(self, seconds: float) -> None:
        await self._wire.sleep(seconds)


class _Transport(httpx.AsyncHTTPTransport):
    def __init__(self, fence: Fence, limits: httpx.Limits, tls: ssl.SSLContext | bool) -> None:
        super().__init__(limits=limits, verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(verify=tls, trust_env=False),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Dialler(fence),
        )


def client(
    fence: Fence, *, connections: int = 500, tls: ssl.SSLContext | bool = True
) -> httpx.AsyncClient:
    """Follows no redirection; an address behind the fence is an ``httpx.ConnectError``."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=50)
    return httpx.AsyncClient(
        transport=_Transport(fence, limits, tls), follow_redirects=False, trust_env=False
    )
