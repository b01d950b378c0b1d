"""Who answers: the built-in users for diagnosis, then whatever the directory knows."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.calls.ports import Directory, Enquiry, Route
from gateway.calls.record import Party


@dataclass(frozen=True)
class Echo:
    """Nobody answers: the line returns what it hears."""


@dataclass(frozen=True)
class Routes:
    """``demo`` None: the built-in users are switched off."""

    directory: Directory
    demo: Route | None

    async def find(
        self, user: str, host: str, headers: Mapping[str, str], caller: Party
    ) -> Route | Enquiry | Echo | None:
        """The answer to a dialled user; a route that its owner made wins over a built-in one."""
        if route := await self.directory.find(user, host, headers, caller):
            return route
        match user.lower():
            case "demo" if self.demo:
                return self.demo
            case "echo" if self.demo:
                return Echo()
        return None
