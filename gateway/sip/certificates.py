"""What a certificate says: whose it is (RFC 5922) and when it ends. Nothing is verified here;
that it is genuine, TLS has seen to."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.sip.grammar import SipSyntaxError
from gateway.sip.uri import Uri

_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)  # fmt: skip


def identities(certificate: Mapping[str, Any]) -> list[str]:
    """Whom it is of, in lower case: its SIP URIs without a user and its DNS names and addresses;
    the subject's common name only where there are none (RFC 5922 section 7.1). ``certificate``
    is what ``ssl`` gives as ``getpeercert()``."""
    names: Sequence[tuple[str, str]] = certificate.get("subjectAltName", ())
    domains = [domain for kind, value in names if kind == "URI" if (domain := _sip(value))]
    found = domains or [value.lower() for kind, value in names if kind == "DNS"]
    found += [value.lower() for kind, value in names if kind == "IP Address"]
    if found or names:
        return found
    subject = (pair for part in certificate.get("subject", ()) for pair in part)
    return [value.lower() for kind, value in subject if kind == "commonName"]


def is_of(certificate: Mapping[str, Any], name: str, *, wildcards: bool = False) -> bool:
    """Whether it is of this domain. RFC 5922 section 7.2 forbids wildcards; ``wildcards`` lets
    ``*.example.org`` stand for one label all the same."""
    name = name.lower().strip("[]").rstrip(".")
    known = identities(certificate)
    return name in known or (wildcards and f"*.{name.partition('.')[2]}" in known)


def _sip(uri: str) -> str:
    try:
        parsed = Uri.parse(uri)
    except SipSyntaxError:
        return ""
    return parsed.address.lower() if parsed.scheme == "sip" and parsed.userinfo is None else ""


def ends(pem: bytes) -> datetime | None:
    """When the first certificate in a PEM file ends (X.509's notAfter); None if there is none."""
    match = _PEM.search(pem)
    if match is None:
        return None
    try:
        body = _inside(_inside(base64.b64decode(match[1]))[0][1])[0][1]
        fields = [field for field in _inside(body) if field[0] != 0xA0]  # the version is optional
        # serial number, signature, issuer, validity: RFC 5280 section 4.1
        kind, text = _inside(fields[3][1])[1]
        form = "%y%m%d%H%M%SZ" if kind == 0x17 else "%Y%m%d%H%M%SZ"
        return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC)
    except (ValueError, IndexError):
        return None


def _inside(der: bytes) -> list[tuple[int, bytes]]:
    """The tags and contents in a stretch of DER."""
    found = []
    while der:
        kind, length, head = der[0], der[1], 2
        if length & 0x80:
            head += length & 0x7F
            length = int.from_bytes(der[2:head])
        found.append((kind, der[head : head + length]))
        der = der[head + length :]
    return found
