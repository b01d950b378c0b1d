"""``[sip]``: where the gateway listens and how it introduces itself."""

from typing import Annotated, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from gateway import __version__
from gateway.sip.message import Limits
from gateway.sip.routing import TRANSPORTS, default_port


class Listen(NamedTuple):
    transport: str
    host: str
    port: int


def parse_listen(text: str) -> list[Listen]:
    """``udp:0.0.0.0:5060``, ``tcp:[::]:5060``; without a transport, both. ValueError if not."""
    first, _, rest = text.partition(":")
    transports, place = (
        ([first.lower()], rest) if first.lower() in TRANSPORTS else (["udp", "tcp"], text)
    )
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError(f"{text!r}: expected [address]:port")
        port = port[1:]
    else:
        host, _, port = place.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and int(port) < 65536)):
        raise ValueError(f"{text!r}: expected transport:address:port, such as udp:0.0.0.0:5060")
    return [Listen(t, host, int(port) if port else default_port(t)) for t in transports]


def _as_list(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class SipSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    listen: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default=["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"],
        description="transport:address:port each; without a transport, UDP and TCP; port 0: any",
    )
    public_address: str = Field(
        default="",
        description="the address peers are told to reach us at; empty: the one that routes to them",
    )
    user_agent: str = f"Trunkline/{__version__}"
    max_message_bytes: int = Field(default=65_535, ge=1_500, description="of one SIP message")
    max_connections: int = Field(default=1_000, ge=1, description="open TCP connections")
    tcp_idle_s: float = Field(
        default=600.0, gt=0, description="seconds after which a silent TCP connection is closed"
    )

    @field_validator("listen")
    @classmethod
    def _listen_somewhere(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("name at least one address to listen on")
        for entry in value:
            parse_listen(entry)
        return value

    @property
    def places(self) -> list[Listen]:
        return [place for entry in self.listen for place in parse_listen(entry)]

    @property
    def limits(self) -> Limits:
        return Limits(message=self.max_message_bytes)
