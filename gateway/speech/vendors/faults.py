"""What a vendor's failure means: HTTP status and headers into ``VendorError``, stalls as well."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar

from gateway.errors import Fault, VendorError
from gateway.speech.settings import VendorSettings

T = TypeVar("T")

_BY_STATUS = {401: Fault.AUTH, 402: Fault.QUOTA, 403: Fault.AUTH, 408: Fault.OVERLOAD,
              429: Fault.OVERLOAD, 529: Fault.OVERLOAD}  # fmt: skip
_QUOTA_CODES = {"insufficient_quota", "billing_hard_limit_reached", "ASR_PAYMENT_REQUIRED"}


def key_of(vendor: str, settings: VendorSettings) -> str:
    """The key for a vendor. A server of one's own may need none; a cloud without one is not
    worth a connection."""
    if settings.key or settings.base_url:
        return settings.key or "none"
    raise VendorError(vendor, Fault.AUTH, f"no key: set api_key in [vendors.{vendor}]")


def refused(
    vendor: str, status: int, detail: str, headers: Mapping[str, str] | None = None, code: str = ""
) -> VendorError:
    """A vendor's answer that is not 2xx. ``code`` is the vendor's own word for it."""
    if code in _QUOTA_CODES:
        fault = Fault.QUOTA  # OpenAI says it with status 429
    elif status in _BY_STATUS:
        fault = _BY_STATUS[status]
    else:
        fault = Fault.THEIRS if status >= 500 else Fault.OURS
    after = retry_after_s(headers or {}) if fault in (Fault.OVERLOAD, Fault.THEIRS) else None
    return VendorError(vendor, fault, f"{status} {detail}".strip(), after)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """RFC 9110 10.2.3, its seconds form; the date form is of no use within a call."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            continue
    return None


def broken(vendor: str, error: BaseException) -> VendorError:
    """A cut connection, nonsense on the wire, or silence for too long."""
    if isinstance(error, VendorError):
        return error
    if isinstance(error, TimeoutError):
        return VendorError(vendor, Fault.OVERLOAD, "no answer in time")
    return VendorError(vendor, Fault.THEIRS, f"{type(error).__name__}: {error}".rstrip(": "))


async def patiently(
    items: AsyncIterator[T], timeout_s: float, blame: Callable[[Exception], VendorError]
) -> AsyncIterator[T]:
    """Each of ``items``, waited for no longer than ``timeout_s``; failures as VendorError."""
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                item = await anext(items)
        except StopAsyncIteration:
            return
        except Exception as error:
            raise blame(error) from error
        yield item
