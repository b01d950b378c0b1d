"""What the peer says that it can do."""

from dataclasses import dataclass

from gateway.sip.message import Message


@dataclass(slots=True)
class Peer:
    """The newest word counts (RFC 3261 sections 20.5 and 20.37); None: it has not said."""

    allow: frozenset[str] | None = None
    supported: frozenset[str] = frozenset()

    def learn(self, message: Message) -> None:
        if "Allow" in message.headers:
            self.allow = frozenset(method.upper() for method in message.headers.values("Allow"))
        if "Supported" in message.headers:
            self.supported = tags(message, "Supported")

    def takes(self, method: str) -> bool:
        """Whether it has said so."""
        return self.allow is not None and method in self.allow


def tags(message: Message, header: str) -> frozenset[str]:
    """The option tags in Require or Supported."""
    return frozenset(tag.lower() for tag in message.headers.values(header))
