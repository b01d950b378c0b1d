"""``/phone-number``: which SIP users and telephone numbers are answered, and by whom."""

from uuid import UUID

from gateway.api.errors import BadRequest
from gateway.api.resources import Body, Resource
from gateway.store import Store
from gateway.store.numbers import sip_address
from gateway.trunks.book import Trunks


def phone_numbers(store: Store, trunks: Trunks) -> Resource:
    async def accept(body: Body) -> None:
        found = list(_unusable(body))
        assistant_id = body.get("assistantId")
        if assistant_id is not None and not await _exists(store, assistant_id):
            found.append(f"assistantId {assistant_id} does not exist")
        # Of the API's trunks, or of those in the configuration.
        credential_id = body.get("credentialId")
        if credential_id is not None and trunks.named(credential_id) is None:
            found.append(f"credentialId {credential_id} does not exist")
        if found:
            raise BadRequest(found)

    return Resource(
        path="phone-number",
        name="Phone number",
        shape="CreatePhoneNumber",
        rows=store.phone_numbers,
        accept=accept,
        added=lambda stored: {"status": "active"},
    )


async def _exists(store: Store, assistant_id: str) -> bool:
    try:
        return await store.assistants.get(str(UUID(assistant_id))) is not None
    except ValueError:
        return False


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
