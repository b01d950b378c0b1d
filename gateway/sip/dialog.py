"""A dialog: what two user agents remember of each other (RFC 3261 section 12).

Plain data: ``asdict`` writes it down and ``Dialog.read`` takes it back, in this process or in
its successor.
"""

from dataclasses import asdict, dataclass
from typing import Any

from gateway.sip.headers import Headers, NameAddr
from gateway.sip.message import Request, Response
from gateway.sip.uri import Uri


@dataclass(slots=True)
class Dialog:
    call_id: str
    local: str  # our From or To, with our tag, as it is written in requests
    remote: str  # the peer's; its tag is missing if it is an RFC 2543 peer
    local_tag: str
    remote_tag: str
    target: str  # the peer's Contact: the Request-URI of what we send
    routes: tuple[str, ...] = ()  # Route values, first hop first
    local_cseq: int = 0
    remote_cseq: int | None = None  # None: the peer has not sent a request yet

    @classmethod
    def as_server(cls, request: Request, tag: str) -> "Dialog":
        """Section 12.1.1: from the INVITE that came, and the tag that our responses carry."""
        contact = request.contact
        return cls(
            call_id=request.call_id,
            local=str(request.to.with_tag(tag)),
            remote=request.headers.get("From") or "",
            local_tag=tag,
            remote_tag=request.from_.tag,
            target=str(contact.uri) if contact else str(request.from_.uri),
            routes=tuple(request.headers.values("Record-Route")),
            remote_cseq=request.cseq.number,
        )

    @classmethod
    def as_client(cls, request: Request, response: Response) -> "Dialog":
        """Section 12.1.2: from our INVITE and a response that carries a To tag."""
        contact = response.contact
        return cls(
            call_id=request.call_id,
            local=request.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            local_tag=request.from_.tag,
            remote_tag=response.to.tag,
            target=str(contact.uri) if contact else request.target,
            routes=tuple(reversed(response.headers.values("Record-Route"))),
            local_cseq=request.cseq.number,
        )

    @classmethod
    def read(cls, plain: dict[str, Any]) -> "Dialog":
        """What ``write`` wrote, also after a journey through JSON."""
        return cls(**plain | {"routes": tuple(plain["routes"])})

    def write(self) -> dict[str, Any]:
        return asdict(self)

    def request(self, method: str, *, cseq: int | None = None) -> Request:
        """A request within the dialog, still without Via (section 12.2.1.1).

        ``cseq`` is given for an ACK, which repeats its INVITE's number.
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        target, routes = self.target, list(self.routes)
        if routes:
            first = NameAddr.parse(routes[0], "Route").uri
            if first.param("lr") is None:  # a strict router (RFC 2543) wants to be the target
                target, routes = str(first), [*routes[1:], f"<{self.target}>"]
        headers = Headers()
        for route in routes:
            headers.take("Route", route)
        headers.take("Max-Forwards", "70")
        headers.take("From", self.local)
        headers.take("To", self.remote)
        headers.take("Call-ID", self.call_id)
        headers.take("CSeq", f"{cseq} {method}")
        return Request(method=method, target=target, headers=headers)

    @property
    def next_hop(self) -> Uri:
        """Where requests go: the first route, strict or loose, or else the target."""
        if self.routes:
            return NameAddr.parse(self.routes[0], "Route").uri
        return Uri.parse(self.target, "Contact")

    def admits(self, request: Request) -> bool:
        """Whether a request comes in order; if so, its CSeq is remembered (section 12.2.2)."""
        number = request.cseq.number
        if self.remote_cseq is not None and number < self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh(self, message: Request | Response) -> None:
        """Take the Contact of a re-INVITE, or of its 2xx, as the new target."""
        if contact := message.contact:
            self.target = str(contact.uri)
