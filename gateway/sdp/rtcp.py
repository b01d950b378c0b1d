"""Where a peer wants its RTCP, and what in it: ``a=rtcp`` (RFC 3605), ``a=rtcp-mux`` (RFC 5761),
``a=rtcp-rsize`` (RFC 5506) and ``a=rtcp-xr`` (RFC 3611 section 5.1)."""

import re

from gateway.sdp.description import Attribute, Media


def port_of(media: Media) -> int | None:
    """None: on the port after that of RTP. An address in ``a=rtcp`` is not heeded: RTCP goes
    where RTP goes, which is what a NAT lets through."""
    match = re.match(r"([0-9]{1,5})(?:\s|$)", media.attribute("rtcp") or "")
    return int(match[1]) if match and 0 < int(match[1]) < 65536 else None


def shares(media: Media) -> bool:
    """It wants, or takes, RTCP on the port of RTP."""
    return media.attribute("rtcp-mux") is not None


def may_reduce(media: Media) -> bool:
    """It understands RTCP that is not compound."""
    return media.attribute("rtcp-rsize") is not None


def wants_metrics(media: Media) -> bool:
    """It wishes for the VoIP metrics of what it sends."""
    wished = (media.attribute("rtcp-xr") or "").split()
    return any(block.partition("=")[0] == "voip-metrics" for block in wished)


def answered(theirs: Media) -> list[Attribute]:
    """What of this the answer to an offer says."""
    said: list[Attribute] = []
    if shares(theirs):
        said.append(("rtcp-mux", None))
    if may_reduce(theirs):
        said.append(("rtcp-rsize", None))
    if wants_metrics(theirs):
        said.append(("rtcp-xr", "voip-metrics"))
    return said
