"""How one deals with the peers of a trunk: codecs, digits, and what they may ask of us."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import gateway_codecs
from gateway import sdp
from gateway.sdp import Codec
from gateway.sip.policy import Policy
from gateway.sip.uri import Uri
from gateway.trunks.settings import TrunkSettings


def _there(codec: Codec) -> bool:
    known = gateway_codecs.codec_named(codec.name, codec.rate)
    return known is not None and gateway_codecs.CODECS[known] in gateway_codecs.available()


# The codecs that there are, by their names in a trunk's list.
CODECS: dict[str, Codec] = {
    name: codec
    for name, codec in (*((codec.name, codec) for codec in (*sdp.USUAL, sdp.L16)),
                        ("L16/8000", sdp.L16_NARROW))
    if _there(codec)
}  # fmt: skip


@dataclass(frozen=True)
class Manner:
    """How one deals with this peer."""

    codecs: tuple[Codec, ...] = tuple(codec for codec in sdp.USUAL if _there(codec))
    dtmf: Literal["auto", "rfc4733", "info", "inband"] = "auto"
    refer: bool = False  # whether the peer may have its call transferred
    dtx: bool = False  # comfort noise instead of silence, if the peer has it too
    srtp: str | None = None  # off, optional or required; None: as [rtp] srtp says
    trusted: bool = False  # whether it is believed whom it says its caller is

    def policy(self, usual: Policy, may_redirect: Callable[[Uri], bool] | None = None) -> Policy:
        """What a session allows this peer; the rest is as usual."""
        return replace(usual, refer=self.refer, trusted=self.trusted, may_redirect=may_redirect)

    def preferring(self, names: Sequence[str]) -> "Manner":
        """With just these codecs, the best first; as it is, if none of them is there."""
        codecs = tuple(CODECS[name] for name in names if name in CODECS)
        return replace(self, codecs=codecs) if codecs else self


USUAL = Manner()


def manner_of(settings: TrunkSettings | None) -> Manner:
    """Raises LookupError if none of the trunk's codecs is there."""
    if settings is None:
        return USUAL
    names = settings.codecs
    if not any(name in CODECS for name in names):
        raise LookupError(f"none of {', '.join(names)} is there, only {', '.join(CODECS)}")
    manner = Manner(
        dtmf=settings.dtmf,
        refer=settings.refer,
        srtp=settings.srtp,
        trusted=settings.trust_identity,
        dtx=settings.dtx,
    )
    return manner.preferring(names)
