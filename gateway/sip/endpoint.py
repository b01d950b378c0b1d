"""The SIP endpoint: a stack on real sockets, with one timer and a resolver."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from socket import AF_INET6
from typing import Literal

from gateway.sip import metrics
from gateway.sip.chatter import Chatter
from gateway.sip.credentials import Credentials
from gateway.sip.defence import Defence
from gateway.sip.events import SessionEvent
from gateway.sip.observer import Observer
from gateway.sip.own_address import OwnAddress
from gateway.sip.policy import Policy
from gateway.sip.resolver import Ask, Resolver, dns_ask
from gateway.sip.routing import Address, Hop, Sent
from gateway.sip.session import Session
from gateway.sip.settings import Listen, SipSettings
from gateway.sip.stack import Stack
from gateway.sip.uri import Uri
from gateway.sip.wires import Wires, family

__all__ = ["Endpoint", "Session", "SessionEvent"]

log = logging.getLogger(__name__)


class Endpoint:
    """Listens, calls, and hands each INVITE to ``on_invite`` once it is found acceptable."""

    def __init__(
        self,
        settings: SipSettings,
        on_invite: Callable[[Session], None],
        gate: Defence | None = None,
        ask: Ask | None = None,
    ) -> None:
        """``ask`` is who knows DNS; by default, the servers in the settings."""
        self._gate = gate
        self._chatter = Chatter(gate.friend) if gate else Chatter()
        self._on_invite = on_invite
        self._resolver = Resolver(
            ask or dns_ask(settings.dns_servers), self._families, self._settle
        )
        self._own = OwnAddress(settings, lambda: self.ports, self._resolver.known)
        self._observer = Observer(settings, self._own_end)
        self._wires = Wires(
            settings, self._received, self._broken,
            admits=gate.connects if gate else lambda host, others: True,
            needed=lambda: [
                (session.hop.address, session.hop.transport)
                for session in self._stack.sessions.values()
            ],
            leaves_by=self._own.leaving,
        )  # fmt: skip
        self._stack = Stack(
            on_invite=self._invited,
            sent_by=self._own.sent_by,
            clock=time.monotonic,
            stir=self._stir,
            locate=self._resolver.locate,
            user_agent=settings.user_agent,
            limits=settings.limits,
            gate=gate,
            policy=settings.policy,
        )
        self._stack.saw = partial(self._observer.saw, incoming=True)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._stirred = False

    async def start(self) -> None:
        """Open every port. Raises ConfigError that names the one which cannot be had."""
        try:
            await self._observer.start()
            await self._wires.open()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop at once: what is still open is left to the peers' timers. End sessions before."""
        if self._timer:
            self._timer.cancel()
        await self._resolver.close()
        self._flush()
        await self._wires.close()
        await self._observer.close()

    @property
    def ports(self) -> list[Listen]:
        """What is bound, with the real port numbers."""
        return self._wires.ports

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
        policy: Policy | None = None,
        credentials: Credentials | None = None,
    ) -> Session:
        """Call ``target``; ``credentials`` answer whoever challenges us in the call. Failure comes
        as an event; only a URI that is none raises (SipSyntaxError)."""
        return self._stack.invite(
            target, from_uri=from_uri, from_name=from_name, sdp=sdp, headers=headers, hop=hop,
            policy=policy, credentials=credentials,
        )  # fmt: skip

    def local_address_for(self, host: str) -> str:
        """The address by which that host reaches us, for SDP and Contact.

        A name that has not been resolved yet counts as being elsewhere: on the default route.
        """
        return self._own.towards(host)

    def keep_capture(self, call_id: str, path: Path | None) -> bool:
        """Write the messages of this SIP Call-ID there, as pcap, once nothing is left to be said;
        without a path, forget them. False if none are kept."""
        if path is None:
            self._observer.forget(call_id)
            return False
        over = all(session.id != call_id for session in self._stack.sessions.values())
        return self._observer.keep(call_id, path, over=over)

    def renew_certificates(self) -> None:
        """Look now whether the files have changed, which is done now and then anyway."""
        self._wires.renew()

    # What the stack asks for

    def _families(self) -> list[Literal["A", "AAAA"]]:
        """Of the addresses we can reach, in the order in which we listen."""
        found = dict.fromkeys(family(port.host) for port in self.ports)
        return ["AAAA" if kind == AF_INET6 else "A" for kind in found]

    def _own_end(self, host: str, transport: str) -> Address:
        return self._own.leaving(host), self._own.sent_by(host, transport)[1]

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
        self._stack.unreachable(destination, transport, why, time.monotonic())
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
            metrics.noted(note)
            if (facts := self._chatter.facts(note, time.monotonic())) is not None:
                log.info(note.what, extra=facts)
        for hop, port in self._stack.aliases:
            self._wires.alias(hop.address, hop.transport, port)
        self._stack.aliases.clear()
        self._flush()
        for call_id in self._stack.over:
            self._observer.over(call_id)
        self._stack.over.clear()
        metrics.SESSIONS.set(len(self._stack.sessions))
        metrics.TRANSACTIONS.set(self._stack.open_transactions)
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
        if family(host) is None:
            # An ACK, or a response to a Via with a name (RFC 3263 section 5).
            params = (("transport", sent.transport),)
            uri = Uri("sip", None, host, port or None, params)
            self._resolver.locate(uri, partial(self._located, sent))
            return
        if self._gate and not self._gate.lets_out(
            sent.data, host, sent.transport == "udp", time.monotonic()
        ):
            return
        self._observer.saw(sent.data, sent.destination, sent.transport, incoming=False)
        self._wires.send(sent.data, sent.destination, sent.transport, sent.name)

    def _located(self, sent: Sent, hops: Sequence[Hop], why: str) -> None:
        if hops:
            hop = hops[0]
            self._send(sent._replace(destination=hop.address, name=hop.name))
        else:
            log.info("unreachable", extra={"to": sent.destination, "why": why})
