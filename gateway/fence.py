"""Which addresses the gateway may be sent to by a URL that somebody else wrote.

A webhook's URL, a tool's, an image's: whoever may write one could otherwise have the gateway ask
the machines around it (server-side request forgery, OWASP A10:2021). What is refused is every
address that is not public, unless the operator allows its network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pydantic import BaseModel, ConfigDict, Field

from gateway.listed import Networks

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_TRANSLATED = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


@dataclass(frozen=True)
class Fence:
    """``allowed`` are networks that may be reached although they are not public."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Sequence[str]) -> "Fence":
        """Raises ValueError naming what is no network."""
        return cls(tuple(ip_network(text, strict=False) for text in networks))

    def objection(self, address: str) -> str:
        """Why this IP address may not be reached, or ""."""
        meant = _inner(ip_address(address.partition("%")[0]))
        if meant.is_global and not meant.is_multicast:
            return ""
        if any(meant.version == network.version and meant in network for network in self.allowed):
            return ""
        return f"{address} is not a public address, and no allowed network has it"


class FenceSettings(BaseModel):
    """``[fence]``: where URLs of webhooks and tools may lead."""

    model_config = ConfigDict(extra="forbid")

    allowed: Networks = Field(
        ["127.0.0.0/8", "::1/128"], description="networks that may be reached though not public"
    )

    @property
    def fence(self) -> Fence:
        return Fence.of(self.allowed)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv6Address):
        if inner := address.ipv4_mapped or address.sixtofour:
            return inner
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
