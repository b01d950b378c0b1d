"""``/phone-number``: which SIP users and telephone numbers are answered, and by whom."""

from collections.abc import Iterator
from operator import attrgetter
from uuid import UUID

from gateway.api import routing
from gateway.api.credentials import TRUNK
from gateway.api.errors import BadRequest
from gateway.api.resources import Body, Resource
from gateway.store import Holdings
from gateway.store.numbers import digits, sip_address
from gateway.store.rows import Rows
from gateway.store.tables import LONGEST_NUMBER, LONGEST_URI
from gateway.trunks.book import Trunks


def phone_numbers(trunks: Trunks) -> Resource:
    async def accept(holdings: Holdings, body: Body) -> None:
        found = [*_unusable(body), *_too_long(body)]
        rules = body.get("routing") or []
        found += routing.problems(rules)
        for at, named in _named(body):
            for field, rows in (
                ("assistantId", holdings.assistants),
                ("squadId", holdings.squads),
                ("fallbackAssistantId", holdings.assistants),
            ):
                value = named.get(field)
                if value is not None and not await exists(rows, value):
                    found.append(f"{at}{field} {value} does not exist")
        credential_id = body.get("credentialId")
        if credential_id is not None and not (
            await exists(holdings.credentials, credential_id) or _of_the_file(trunks, credential_id)
        ):
            found.append(f"credentialId {credential_id} does not exist")
        if (
            not found
            and body.get("number")
            and await holdings.phone_numbers.foreign(body["number"])
        ):
            found.append("number is already in use by another organisation")
        if found:
            raise BadRequest(found)

    return Resource(
        path="phone-number",
        name="Phone number",
        shape="CreatePhoneNumber",
        rows=attrgetter("phone_numbers"),
        accept=accept,
        shown=lambda stored: {"status": "active"} | stored.body,
        searched=("name", "number", "sipUri"),
    )


async def trunk_of(holdings: Holdings, number: Body) -> str:
    """The trunk that a number's calls come and go by; empty: any may bring them, and the default
    one takes them. That is so of a credential that is no trunk: a provider's own login."""
    credential_id = str(number.get("credentialId") or "")
    try:
        credential = await holdings.credentials.get(str(UUID(credential_id)))
    except ValueError:  # a trunk of the configuration goes by its name
        return credential_id
    return "" if credential and credential.body["provider"] != TRUNK else credential_id


async def exists(rows: Rows, row_id: str) -> bool:
    """In the usual spelling only: the id is stored as it is written."""
    try:
        canonical = str(UUID(row_id))
    except ValueError:
        return False
    return canonical == row_id.lower() and await rows.get(canonical) is not None


def _named(number: Body) -> Iterator[tuple[str, Body]]:
    """Whatever in it names an assistant or a squad, and where that stands."""
    yield "", number
    for index, rule in enumerate(number.get("routing") or ()):
        yield f"routing.{index}.", rule
        for share, one in enumerate(rule.get("shares") or ()):
            yield f"routing.{index}.shares.{share}.", one


def _of_the_file(trunks: Trunks, name: str) -> bool:
    trunk = trunks.named(name)
    return trunk is not None and trunk.origin == "file"


def _too_long(body: Body) -> Iterator[str]:
    """What Postgres would not take, and no telephone would dial."""
    if len(digits(body.get("number") or "")) > LONGEST_NUMBER:
        yield f"number must be shorter than or equal to {LONGEST_NUMBER} characters"
    address = sip_address(body.get("sipUri") or "")
    if address and len("@".join(address)) > LONGEST_URI:
        yield f"sipUri must be shorter than or equal to {LONGEST_URI} characters"


def _unusable(body: Body) -> list[str]:
    """What a shape cannot say of a number that is to be answered."""
    match body["provider"]:
        case "vapi" if not body.get("sipUri"):
            return ["sipUri should not be empty: this gateway cannot buy a number"]
        case "vapi" if sip_address(body["sipUri"]) is None:
            return ["sipUri must be a SIP URI with a user, e.g. sip:reception@example.org"]
        case "byo-phone-number" if not body.get("number"):
            return ["number should not be empty"]
    return []
