"""Who answers a dialled user, and what its headers tell the agent."""

from collections.abc import Mapping

from gateway.agent.brief import Brief, Choice
from gateway.calls.ports import Route
from gateway.calls.record import Party
from gateway.calls.routes import Echo, Routes
from gateway.calls.variables import from_headers

BRIEF = Brief(hearing=Choice(vendor="a"), thinking=Choice(vendor="b"), speaking=Choice(vendor="c"))
DEMO, OWN = Route(brief=BRIEF, assistant_id="demo"), Route(brief=BRIEF, assistant_id="own")


class Book:
    def __init__(self, **entries: Route) -> None:
        self.entries = entries

    async def find(
        self, user: str, host: str, headers: Mapping[str, str], caller: Party
    ) -> Route | None:
        return self.entries.get(user)


async def test_the_built_in_users_answer() -> None:
    routes = Routes(Book(), DEMO)
    assert await routes.find("Demo", "host", {}, Party()) is DEMO
    assert await routes.find("echo", "host", {}, Party()) == Echo()
    assert await routes.find("nobody", "host", {}, Party()) is None


async def test_an_owner_may_have_a_demo_of_its_own() -> None:
    assert await Routes(Book(demo=OWN), DEMO).find("demo", "host", {}, Party()) is OWN


async def test_the_built_in_users_can_be_switched_off() -> None:
    routes = Routes(Book(), None)
    assert await routes.find("demo", "host", {}, Party()) is None
    assert await routes.find("echo", "host", {}, Party()) is None


def test_x_headers_are_variables() -> None:
    found = from_headers([("X-Name", "Ann"), ("x-Customer-Id", "7"), ("From", "x"), ("X-", "")])
    assert found == {"Name": "Ann", "name": "Ann", "Customer-Id": "7", "customer_id": "7"}


def test_a_trunk_may_have_other_headers_made_variables() -> None:
    """Who sent the call on, say (RFC 5806, 7044)."""
    came = [("Diversion", "<tel:+1202>;reason=no-answer"), ("History-Info", "<sip:a@b>;index=1")]
    assert from_headers(came) == {}
    found = from_headers([*came, ("X-Tier", "gold")], ("Diversion", "History-*"))
    assert found["Diversion"] == found["diversion"] == "<tel:+1202>;reason=no-answer"
    assert found["history_info"] == "<sip:a@b>;index=1"
    assert "Tier" not in found
