"""Errors that say who is at fault and what to do about it. Caught at edges only."""

from enum import StrEnum


class GatewayError(Exception):
    """Anything the gateway raises on purpose."""


class ConfigError(GatewayError):
    """The operator's configuration cannot be used; ``str()`` names the key and the remedy."""


class NoRoom(GatewayError):
    """Every line is taken; the caller is told 486 or 503 (RFC 3261 21.4.18, 21.5.4)."""

    status = 486


class Fault(StrEnum):
    """Whose fault a vendor's failure is, which decides whether trying again can help."""

    OURS = "ours"  # a bad request: the same again will fail again
    THEIRS = "theirs"  # 5xx, a cut connection, nonsense on the wire
    AUTH = "auth"  # the key is missing, wrong or not allowed
    QUOTA = "quota"  # the account has run dry
    OVERLOAD = "overload"  # 429, or too slow


class VendorError(GatewayError):
    """A vendor did not do its part. ``vendor`` is its name in the assistant, e.g. ``deepgram``."""

    def __init__(
        self, vendor: str, fault: Fault, detail: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{vendor}: {detail}")
        self.vendor = vendor
        self.fault = fault
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def worth_retrying(self) -> bool:
        return self.fault in (Fault.THEIRS, Fault.OVERLOAD)
