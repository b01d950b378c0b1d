"""Endpoints on real sockets of this machine, and what their sessions tell."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.sip.defence import Defence
from gateway.sip.endpoint import Endpoint
from gateway.sip.events import SessionEvent
from gateway.sip.resolver import Ask
from gateway.sip.session import Session
from gateway.sip.settings import SipSettings

PATIENCE_S = 20.0  # for what takes milliseconds unless it is broken


class Ear:
    """What a session told its owner, to be waited for."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._queue: asyncio.Queue[SessionEvent] = asyncio.Queue()
        session.on_event = self._queue.put_nowait

    async def next(self) -> SessionEvent:
        async with asyncio.timeout(PATIENCE_S):
            return await self._queue.get()


def refusing(session: Session) -> None:
    session.refuse(404)


class Answering:
    """Answers every call; ``ears`` hear what becomes of them."""

    def __init__(self) -> None:
        self.ears: list[Ear] = []

    def __call__(self, session: Session) -> None:
        self.ears.append(Ear(session))
        session.answer(b"answer")


@asynccontextmanager
async def endpoint(
    on_invite: Callable[[Session], None] = refusing,
    listen: str = "127.0.0.1:0",
    ask: Ask | None = None,
    gate: Defence | None = None,
    **more: object,
) -> AsyncIterator[Endpoint]:
    settings = SipSettings(listen=listen, **more)  # type: ignore[arg-type]
    opened = Endpoint(settings, on_invite, gate, ask=ask)
    await opened.start()
    try:
        yield opened
    finally:
        await opened.close()


def port_of(of: Endpoint, transport: str) -> int:
    return next(place.port for place in of.ports if place.transport == transport)


def request(
    method: str, transport: str, *more: str, via: str = "127.0.0.1", tag: str = "1"
) -> bytes:
    """A small one, of a peer that a test writes by hand."""
    lines = [
        f"{method} sip:x@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{transport} {via};branch=z9hG4bK{tag}{method}",
        f"From: <sip:a@b>;tag={tag}", "To: <sip:x@127.0.0.1>", f"Call-ID: {tag}",
        f"CSeq: 1 {method}", *more, "Content-Length: 0", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()
