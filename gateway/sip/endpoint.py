"""The SIP endpoint: a stack on real sockets, with one timer and a resolver."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from gateway.sip.defence import Defence
from gateway.sip.events import SessionEvent
from gateway.sip.routing import Address, Hop, Sent
from gateway.sip.session import Session
from gateway.sip.settings import Listen, SipSettings
from gateway.sip.stack import Stack
from gateway.sip.transport import Tcp, Udp

__all__ = ["Endpoint", "Session", "SessionEvent"]

log = logging.getLogger(__name__)

NAMES_S = 60.0  # how long a resolved name is believed; getaddrinfo does not tell its TTL
WILD = ("0.0.0.0", "::")
# Addresses for documentation (RFC 5737, 3849): whatever routes to them is the default route.
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


class Endpoint:
    """Listens, calls, and hands each INVITE to ``on_invite`` once it is found acceptable."""

    def __init__(
        self,
        settings: SipSettings,
        on_invite: Callable[[Session], None],
        gate: Defence | None = None,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._on_invite = on_invite
        self._udp: list[Udp] = []
        self._tcp = Tcp(
            self._received, self._broken, settings.limits,
            most=settings.max_connections, idle_s=settings.tcp_idle_s,
        )  # fmt: skip
        self._stack = Stack(
            on_invite=self._invited,
            sent_by=self._sent_by,
            clock=time.monotonic,
            stir=self._stir,
            user_agent=settings.user_agent,
            limits=settings.limits,
            gate=gate,
        )
        self.ports: list[Listen] = []  # what is bound, with the real port numbers
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._stirred = False
        self._names: dict[tuple[str, int, str], tuple[float, str]] = {}
        self._waiting: dict[Address, list[Sent]] = {}  # for their name to be resolved
        self._lookups: set[asyncio.Task[None]] = set()
        self._routes: dict[str, tuple[float, str]] = {}

    async def start(self) -> None:
        """Open every port. Raises ConfigError that names the one which cannot be had."""
        try:
            for place in self._settings.places:
                if place.transport == "udp":
                    udp = await Udp.bind(place, self._received, self._broken)
                    self._udp.append(udp)
                    self.ports.append(Listen("udp", *udp.address))
                else:
                    self.ports.append(Listen("tcp", *await self._tcp.bind(place)))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop at once: what is still open is left to the peers' timers. End sessions before."""
        if self._timer:
            self._timer.cancel()
        for task in self._lookups:
            task.cancel()
        await asyncio.gather(*self._lookups, return_exceptions=True)
        self._flush()
        for udp in self._udp:
            udp.close()
        await self._tcp.close()
        await asyncio.sleep(0)  # the loop closes a transport's socket in its next round

    @property
    def live(self) -> int:
        """Sessions with anything left to be said."""
        return len(self._stack.sessions)

    @property
    def stack(self) -> Stack:
        """For what lives on its alarms: registrations, OPTIONS."""
        return self._stack

    @property
    def open_transactions(self) -> int:
        return self._stack.open_transactions

    def invite(
        self,
        target: str,
        *,
        from_uri: str = "",
        from_name: str = "",
        sdp: bytes | None,
        headers: Sequence[tuple[str, str]] = (),
        hop: Hop | None = None,
    ) -> Session:
        """Call ``target``. Failure comes as an event; only a URI that is none raises
        (SipSyntaxError)."""
        return self._stack.invite(
            target, from_uri=from_uri, from_name=from_name, sdp=sdp, headers=headers, hop=hop
        )

    def local_address_for(self, host: str) -> str:
        """The address by which that host reaches us, for SDP and Contact.

        A name that has not been resolved yet counts as being elsewhere: on the default route.
        """
        if self._settings.public_address:
            return self._settings.public_address
        host = host.strip("[]")
        family = _family(host)
        if family is None:
            known = next((ip for (name, _, _), (_, ip) in self._names.items() if name == host), "")
            family = _family(known) or socket.AF_INET
            host = known or ELSEWHERE[family]
        bound = [port.host for port in self.ports if _family(port.host) == family]
        if len(set(bound)) == 1 and bound[0] not in WILD:
            return bound[0]
        until, address = self._routes.get(host, (0.0, ""))
        if time.monotonic() >= until:
            address = _route_to(host, family)
            if len(self._routes) > 10_000:
                self._routes.clear()
            self._routes[host] = (time.monotonic() + NAMES_S, address)
        return address

    # What the stack asks for

    def _sent_by(self, host: str, transport: str) -> Address:
        address = self.local_address_for(host)
        family = _family(address)
        ports = [port for port in self.ports if port.transport == transport]
        fitting = [port for port in ports if _family(port.host) == family] or ports or self.ports
        return address, fitting[0].port

    def _invited(self, session: Session) -> None:
        try:
            self._on_invite(session)
        except Exception:
            log.exception("an INVITE could not be handled", extra={"sip_call_id": session.id})
            session.refuse(500, "Internal error while the call was being set up")

    def _stir(self) -> None:
        if not self._stirred:
            self._stirred = True
            asyncio.get_running_loop().call_soon(self._settle)

    # What the world brings

    def _received(self, data: bytes, source: Address, transport: str) -> None:
        try:
            self._stack.receive(data, source, transport, time.monotonic())
        except Exception:  # a message that finds a bug must not end the others' calls
            log.exception("a message could not be handled", extra={"source": source})
        self._settle()

    def _broken(self, destination: Address, transport: str, why: str) -> None:
        host, port = destination
        names = [name for (name, *rest), (_, ip) in self._names.items()
                 if ip == host and rest == [port, transport]]  # fmt: skip
        for name in (host, *names):
            self._stack.unreachable((name, port), transport, why, time.monotonic())
        self._settle()

    def _wake(self) -> None:
        self._timer = None
        try:
            self._stack.wake(time.monotonic())
        except Exception:
            log.exception("a timer could not be handled")
        self._settle()

    def _settle(self) -> None:
        """After anything happened: tell the owners, log, send, and set the alarm."""
        self._stirred = False
        while True:
            try:
                self._stack.deliver()
                break
            except Exception:
                log.exception("the owner of a session failed in its event")
        notes, self._stack.events[:] = list(self._stack.events), []
        for note in notes:
            log.info(note.what, extra=note.facts)
        self._flush()
        at = self._stack.wake_at()
        if at is not None and (self._timer is None or at < self._timer_at):
            if self._timer:
                self._timer.cancel()
            loop = asyncio.get_running_loop()
            self._timer_at = at
            self._timer = loop.call_later(max(0.0, at - time.monotonic()), self._wake)

    # Sending

    def _flush(self) -> None:
        outbox, self._stack.outbox[:] = list(self._stack.outbox), []
        for sent in outbox:
            self._send(sent)

    def _send(self, sent: Sent) -> None:
        host, port = sent.destination
        if _family(host) is None:
            until, address = self._names.get((host, port, sent.transport), (0.0, ""))
            if time.monotonic() >= until:
                self._resolve(sent)
                return
            sent = sent._replace(destination=(address, port))
        if self._gate and not self._gate.lets_out(
            sent.data, sent.destination[0], sent.transport == "udp", time.monotonic()
        ):
            return
        if sent.transport == "tcp":
            self._tcp.send(sent.data, sent.destination)
            return
        family = _family(sent.destination[0])
        socket_ = next((udp for udp in self._udp if _family(udp.address[0]) == family), None)
        if socket_ is None:
            self._broken(sent.destination, "udp", "no UDP socket of that address family")
        else:
            socket_.send(sent.data, sent.destination)

    def _resolve(self, sent: Sent) -> None:
        queue = self._waiting.setdefault(sent.destination, [])
        queue.append(sent)
        if len(queue) == 1:
            task = asyncio.get_running_loop().create_task(self._look_up(sent))
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)

    async def _look_up(self, sent: Sent) -> None:
        host, port = sent.destination
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            self._waiting.pop(sent.destination, None)
            self._broken(sent.destination, sent.transport, f"{host}: {error.strerror or error}")
            return
        families = {_family(place.host) for place in self.ports}
        fitting = [entry for entry in found if entry[0] in families] or found
        address = str(fitting[0][4][0])
        for waiting in self._waiting.pop(sent.destination, []):
            key = (host, port, waiting.transport)
            self._names[key] = (time.monotonic() + NAMES_S, address)
            self._send(waiting)


def _family(host: str) -> socket.AddressFamily | None:
    """Of an address; None for a name."""
    try:
        version = ip_address(host.partition("%")[0]).version
    except ValueError:
        return None
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _route_to(host: str, family: socket.AddressFamily) -> str:
    """The local address the kernel would send from. Connecting a UDP socket sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1" if family == socket.AF_INET else "::1"
