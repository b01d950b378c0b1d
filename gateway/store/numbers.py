"""Phone numbers in the store: how what was dialled finds its number."""

import re
from typing import Any

from sqlalchemy import case, or_, select

from gateway.store.connections import Connections
from gateway.store.rows import Body, Rows, Stored
from gateway.store.tables import phone_numbers
from gateway.store.vault import Vault

_SIP_URI = re.compile(r"(?i)^sips?:([^@;?\s]+)@([^:;?\s]+|\[[^\]]+\])")


def sip_address(uri: str) -> tuple[str, str] | None:
    """User and host of a SIP URI, in lower case, for the API takes ``sipUri`` so; None if it is
    no SIP URI or names no user."""
    match = _SIP_URI.match(uri)
    return (match[1].lower(), match[2].lower()) if match else None


def digits(number: str) -> str:
    """What two spellings of one phone number have in common."""
    return re.sub(r"[\s().+-]", "", number).lower()


class PhoneNumbers(Rows):
    def __init__(self, connections: Connections, vault: Vault | None = None) -> None:
        super().__init__(connections, phone_numbers, _columns, vault)

    async def dialled(self, user: str, host: str) -> Stored | None:
        """The number that a SIP user or telephone number means, of whatever organisation.

        The host decides only among several of the same user: a ``sipUri`` that was made for
        another gateway's name is answered too, since the call has come here.
        """
        table, user = phone_numbers, user.lower()
        query = (
            select(table)
            .where(or_(table.c.sip_user == user, table.c.number == digits(user)))
            .order_by(
                case((table.c.sip_uri == f"{user}@{host.lower()}", 0), else_=1),
                case((table.c.sip_user == user, 0), else_=1),
                table.c.created_at.desc(),
            )
            .limit(1)
        )
        return next(iter(await self._read(query)), None)

    async def foreign(self, number: str) -> bool:
        """Whether another organisation has this telephone number: it is called there."""
        table = phone_numbers
        query = select(table).where(
            table.c.number == digits(number), table.c.org_id != self._org_id
        )
        return bool(await self._read(query.limit(1)))


def _columns(body: Body) -> dict[str, Any]:
    address = sip_address(body.get("sipUri") or "")
    return {
        "assistant_id": body.get("assistantId"),
        "number": digits(body["number"]) if body.get("number") else None,
        "sip_uri": "@".join(address) if address else None,
        "sip_user": address[0] if address else None,
    }
