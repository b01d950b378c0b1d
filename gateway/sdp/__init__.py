"""SDP: session descriptions (RFC 8866), and offer and answer (RFC 3264)."""

from gateway.sdp.description import Codec, Description, SdpError
from gateway.sdp.formats import (
    G711,
    G722,
    L16,
    L16_NARROW,
    OPUS,
    PCMA,
    PCMU,
    USUAL,
    OpusWishes,
    opus_wishes,
)
from gateway.sdp.negotiation import (
    Agreed,
    Local,
    NoCommonCodec,
    agree,
    make_answer,
    make_offer,
)

__all__ = ["G711", "G722", "L16", "L16_NARROW", "OPUS", "PCMA", "PCMU", "USUAL", "Agreed", "Codec",
           "Description", "Local", "NoCommonCodec", "OpusWishes", "SdpError", "agree",
           "make_answer", "make_offer", "opus_wishes"]  # fmt: skip
