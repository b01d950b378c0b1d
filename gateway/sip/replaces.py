"""Replaces (RFC 3891): an INVITE that takes the place of a dialog, and the dialog it means."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from gateway.sip.grammar import SipSyntaxError, param, parse_params, shown
from gateway.sip.uri import Uri

if TYPE_CHECKING:
    from gateway.sip.usage import Usage


@dataclass(frozen=True, slots=True)
class Replaces:
    """The tags are as whoever receives it sees them: ``to_tag`` is its own."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @staticmethod
    def parse(text: str) -> "Replaces":
        call_id, semicolon, rest = text.partition(";")
        params = parse_params(semicolon + rest, "Replaces")
        to_tag, from_tag = param(params, "to-tag"), param(params, "from-tag")
        if not call_id.strip() or not to_tag or not from_tag:
            raise SipSyntaxError("Replaces", f"needs Call-ID and both tags: {shown(text)}")
        return Replaces(call_id.strip(), to_tag, from_tag, param(params, "early-only") is not None)

    @staticmethod
    def carried_by(uri: Uri) -> "Replaces | None":
        """The one among the headers of a Refer-To URI. Raises SipSyntaxError."""
        for field in (uri.query or "").split("&"):
            name, _, value = field.partition("=")
            if unquote(name).lower() == "replaces":
                return Replaces.parse(unquote(value))
        return None

    @staticmethod
    def of(session: "Usage") -> "Replaces":
        """What the peer of this session is asked to replace. ValueError if there is no dialog."""
        dialog = session.dialog
        if dialog is None:
            raise ValueError("this session has no dialog yet that could be replaced")
        return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)

    def __str__(self) -> str:
        flag = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{flag}"

    def within(self, target: str) -> str:
        """A Refer-To URI that carries this as a header (RFC 3261 section 19.1.1)."""
        return f"{target}{'&' if '?' in target else '?'}Replaces={quote(str(self), safe='')}"
