"""``[sip]``: where the gateway listens and how it introduces itself."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from gateway import __version__
from gateway.listed import Networks, Texts
from gateway.sip.message import Limits
from gateway.sip.policy import Policy
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


class CertificateSettings(BaseModel):
    """A certificate and its key, in files."""

    model_config = ConfigDict(extra="forbid")

    certificate: str = Field("", description="PEM file: ours, and those up to a known authority")
    key: str = Field("", description="PEM file; empty: it is in the file of the certificate")


class TlsSettings(CertificateSettings):
    """``[sip.tls]``: both sides of TLS."""

    names: dict[str, CertificateSettings] = Field(
        {}, description="certificates for clients that ask for another name (SNI)"
    )
    ca: str = Field("", description="PEM file of whom to trust; empty: the system's")
    verify: bool = Field(True, description="whether a server must prove who it is")
    wildcards: bool = Field(False, description="take *.example.org, which RFC 5922 forbids")
    client_certificates: Literal["no", "optional", "required"] = "no"


class HepSettings(BaseModel):
    """``[sip.hep]``: a copy of every message to Homer."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field("", description="address:port; empty: none")
    capture_id: int = Field(2001, ge=0, lt=2**32)
    auth_key: SecretStr = SecretStr("")

    @field_validator("target")
    @classmethod
    def _address(cls, value: str) -> str:
        if value:
            parse_listen(value)
        return value


class SipSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    listen: Texts = Field(
        default=["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"],
        description="transport:address:port each; without a transport, UDP and TCP; port 0: any",
    )
    public_address: str = Field(
        default="",
        description="the address peers are told to reach us at; empty: the one that routes to them",
    )
    unknown: Literal["answer", "refuse", "drop"] = Field(
        default="answer", description="what is done with requests of strangers"
    )
    local_networks: Networks = Field(
        default=["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1"],
        description="peers in these are told a local address all the same",
    )
    user_agent: str = f"Trunkline/{__version__}"
    max_message_bytes: int = Field(default=65_535, ge=1_500, description="of one SIP message")
    max_connections: int = Field(default=1_000, ge=1, description="open TCP connections")
    tcp_idle_s: float = Field(
        default=600.0, gt=0, description="seconds after which a silent connection is closed"
    )
    message_s: float = Field(
        default=10.0, gt=0, description="how long one message may take to arrive on a connection"
    )
    keep_alive_s: float = Field(
        default=110.0, gt=0, description="silence after which a connection we opened is pinged"
    )
    dns_servers: Texts = Field(
        default=[], description="address or address:port each; empty: those in /etc/resolv.conf"
    )
    reliable_provisional: Literal["never", "required", "supported"] = Field(
        "required", description="when our ringing is sent reliably: RFC 3262, PRACK"
    )
    session_expires_s: int = Field(1800, ge=0, description="session timer to ask for; 0: none")
    min_session_expires_s: int = Field(
        90, ge=90, description="the shortest that a peer may ask for"
    )
    max_redirects: int = Field(5, ge=0, description="3xx of one call that are followed")
    capture: bool = Field(True, description="keep each call's messages as a pcap file")
    capture_bytes: int = Field(262_144, ge=4_096, description="of one call, the newest messages")
    tls: TlsSettings = Field(default_factory=TlsSettings)
    hep: HepSettings = Field(default_factory=HepSettings)

    @field_validator("listen")
    @classmethod
    def _listen_somewhere(cls, value: list[str]) -> list[str]:
        if not value:
            raise ValueError("name at least one address to listen on")
        for entry in value:
            parse_listen(entry)
        return value

    @property
    def inside(self) -> list[IPv4Network | IPv6Network]:
        return [ip_network(text, strict=False) for text in self.local_networks]

    @property
    def places(self) -> list[Listen]:
        return [place for entry in self.listen for place in parse_listen(entry)]

    @property
    def policy(self) -> Policy:
        return Policy(
            reliable=self.reliable_provisional,
            session_expires_s=self.session_expires_s,
            min_se_s=self.min_session_expires_s,
            redirects=self.max_redirects,
        )

    @property
    def limits(self) -> Limits:
        return Limits(message=self.max_message_bytes)
