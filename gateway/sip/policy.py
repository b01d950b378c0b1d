"""What a session allows its peer and asks of it: the stack's default, or the trunk's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gateway.sip.uri import Uri


@dataclass(frozen=True, slots=True)
class Policy:
    # When our 1xx are sent reliably (RFC 3262): never (and then nobody may require it of us), if
    # the peer requires it, or as soon as it can.
    reliable: Literal["never", "required", "supported"] = "required"
    session_expires_s: int = 1800  # what we ask for (RFC 4028); 0: only what the peer asks for
    min_se_s: int = 90  # the shortest session timer we take; RFC 4028 section 5 allows no less
    trusted: bool = False  # P-Asserted-Identity is believed (RFC 3325: a trust domain)
    refer: bool = False  # whether its REFERs reach the owner, or are declined at once
    replace: bool = False  # whether its INVITE may take over a call (Replaces)
    redirects: int = 5  # how many 3xx of one INVITE are followed; 0: none
    may_redirect: Callable[[Uri], bool] | None = None  # whereto; None: only within the host called
