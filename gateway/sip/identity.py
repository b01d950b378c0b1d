"""Who calls, and on whose behalf, as the INVITE tells it: read, and believed as far as trusted."""

from dataclasses import dataclass

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.headers import NameAddr, Reason
from gateway.sip.message import Request


@dataclass(frozen=True, slots=True)
class Diversion:
    """One who sent the call on (RFC 5806), or one entry of History-Info (RFC 7044)."""

    uri: str
    user: str
    name: str = ""
    reason: str = ""  # of Diversion: unconditional, user-busy, no-answer …
    index: str = ""  # of History-Info: 1, 1.1 …


@dataclass(frozen=True, slots=True)
class Identity:
    """``number`` and ``name`` are the caller's: the asserted ones, from a peer that is trusted to
    assert them (RFC 3325), or else what From says, which anybody can write."""

    uri: str
    number: str
    name: str
    asserted: bool = False
    private: bool = False  # it shall not be shown (Privacy: id, user, header, session)
    diversions: tuple[Diversion, ...] = ()  # the newest first
    history: tuple[Diversion, ...] = ()  # the oldest first
    reasons: tuple[Reason, ...] = ()

    @staticmethod
    def of(request: Request, *, trusted: bool) -> "Identity":
        """Never raises for a broken header beside From: that one counts as absent."""
        asserted = _asserted(request) if trusted else None
        caller = asserted or request.from_
        privacy = {
            word.strip().lower()
            for value in request.headers.all("Privacy")
            for word in value.split(";")
        }
        private = bool(privacy & {"id", "user", "header", "session"}) or _hidden(request, trusted)
        return Identity(
            uri=str(caller.uri),
            number=caller.uri.user,
            name=caller.display,
            asserted=asserted is not None,
            private=private,
            diversions=tuple(
                Diversion(str(at.uri), at.uri.user, at.display, at.param("reason") or "")
                for at in _addresses(request, "Diversion")
            ),
            history=tuple(
                Diversion(str(at.uri), at.uri.user, at.display, index=at.param("index") or "")
                for at in _addresses(request, "History-Info")
            ),
            reasons=_reasons(request),
        )


def _asserted(request: Request) -> NameAddr | None:
    """P-Asserted-Identity, where there may be a sip and a tel URI: the number is worth more.
    Remote-Party-ID is its predecessor, and still what older equipment sends."""
    found = _addresses(request, "P-Asserted-Identity")
    found.sort(key=lambda at: at.uri.scheme != "tel")
    if found:
        name = next((at.display for at in found if at.display), "")
        return NameAddr(found[0].uri, name)
    old = _addresses(request, "Remote-Party-ID")
    return next((at for at in old if at.param("party") in (None, "calling")), None)


def _hidden(request: Request, trusted: bool) -> bool:
    if request.from_.uri.address.lower() == "anonymous.invalid":  # RFC 3323 section 4.1.1.3
        return True
    old = _addresses(request, "Remote-Party-ID") if trusted else []
    return any((at.param("privacy") or "off") != "off" for at in old)


def _addresses(request: Request, header: str) -> list[NameAddr]:
    found = []
    for value in _values(request, header):
        try:
            found.append(NameAddr.parse(value, header))
        except SipSyntaxError:
            continue
    return found


def _reasons(request: Request) -> tuple[Reason, ...]:
    found = []
    for value in _values(request, "Reason"):
        try:
            found.append(Reason.parse(value))
        except SipSyntaxError:
            continue
    return tuple(found)


def _values(request: Request, header: str) -> list[str]:
    try:
        return request.headers.values(header)
    except SipSyntaxError:  # a quoted string does not end: there is no telling them apart
        return []
