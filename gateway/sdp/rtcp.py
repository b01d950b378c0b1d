"""Where a peer wants its RTCP: ``a=rtcp`` (RFC 3605) and ``a=rtcp-mux`` (RFC 5761)."""

import re

from gateway.sdp.description import Media


def port_of(media: Media) -> int | None:
    """None: on the port after that of RTP. An address in ``a=rtcp`` is not heeded: RTCP goes
    where RTP goes, which is what a NAT lets through."""
    match = re.match(r"([0-9]{1,5})(?:\s|$)", media.attribute("rtcp") or "")
    return int(match[1]) if match and 0 < int(match[1]) < 65536 else None


def shares(media: Media) -> bool:
    """It wants, or takes, RTCP on the port of RTP."""
    return media.attribute("rtcp-mux") is not None
