"""What was agreed with a peer, as its line has to know it."""

from ipaddress import ip_address

from gateway.calls.manner import Manner
from gateway.media.line import Line, Srtp
from gateway.sdp import Agreed, opus_wishes
from gateway_codecs import codec_named
from gateway_codecs.opus import Wishes


def tune(line: Line, agreed: Agreed, manner: Manner, *, echo: bool) -> None:
    """Have the line speak to this peer from now on."""
    codec = codec_named(agreed.codec, agreed.rate)
    assert codec is not None, "agreed on what was never offered"
    others = {c.payload: codec_named(c.name, c.rate) for c in agreed.others}
    wishes = opus_wishes(agreed.fmtp)
    line.agree(
        host=_address(agreed.host),
        port=agreed.port,
        codec=codec,
        payload_out=agreed.payload_out,
        payload_in=agreed.payload_in,
        digits_out=None if manner.dtmf == "inband" else agreed.digits_out,
        digits_in=agreed.digits_in,
        speaks=agreed.speaks,
        hears=agreed.hears,
        echo=echo,
        digits_clock=agreed.digits_rate,
        also_in={payload: index for payload, index in others.items() if index is not None},
        comfort_in=agreed.comfort,
        comfort_out=agreed.comfort,
        ptime_ms=agreed.ptime_ms,
        rtcp_port=agreed.rtcp_port,
        rtcp_mux=agreed.rtcp_mux,
        rtcp_rsize=agreed.rtcp_rsize,
        rtcp_xr=agreed.rtcp_xr,
        srtp=srtp_of(agreed),
        opus=Wishes(wishes.bitrate, wishes.playback_rate, wishes.fec, wishes.dtx, wishes.constant),
    )


def srtp_of(agreed: Agreed) -> Srtp | None:
    if agreed.key_out is None or agreed.key_in is None:
        return None
    return Srtp(agreed.key_in.suite, agreed.key_out.key, agreed.key_in.key)


def _address(host: str) -> str:
    """A description may name its host (RFC 8866 5.7); then we speak to wherever its first packet
    comes from (symmetric RTP, RFC 4961) rather than wait for a resolver. ``::`` is the old hold
    (RFC 2543) on a line of either family."""
    try:
        address = ip_address(host)
    except ValueError:
        return "0.0.0.0"
    return "0.0.0.0" if address.is_unspecified else str(address)
