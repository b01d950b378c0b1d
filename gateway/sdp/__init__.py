"""SDP: session descriptions (RFC 8866), and offer and answer (RFC 3264)."""

from gateway.sdp.description import Codec, Description, SdpError
from gateway.sdp.negotiation import (
    G711,
    PCMA,
    PCMU,
    Agreed,
    Local,
    NoCommonCodec,
    agree,
    make_answer,
    make_offer,
)

__all__ = ["G711", "PCMA", "PCMU", "Agreed", "Codec", "Description", "Local", "NoCommonCodec",
           "SdpError", "agree", "make_answer", "make_offer"]  # fmt: skip
