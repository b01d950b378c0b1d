"""How one deals with the peers of a trunk: codecs, digits, and what they may ask of us."""

from dataclasses import dataclass
from typing import Literal

from gateway.sdp import G711, Codec
from gateway.trunks.settings import TrunkSettings

# The codecs that there are, by their names in a trunk's list.
CODECS: dict[str, Codec] = {codec.name: codec for codec in G711}


@dataclass(frozen=True)
class Manner:
    """How one deals with this peer."""

    codecs: tuple[Codec, ...] = G711
    dtmf: Literal["auto", "rfc4733", "info", "inband"] = "auto"
    refer: bool = False


USUAL = Manner()


def manner_of(settings: TrunkSettings | None) -> Manner:
    """Raises LookupError if none of the trunk's codecs is there."""
    if settings is None:
        return USUAL
    names = settings.codecs
    codecs = tuple(CODECS[name] for name in names if name in CODECS)
    if not codecs:
        raise LookupError(f"none of {', '.join(names)} is there, only {', '.join(CODECS)}")
    return Manner(codecs, settings.dtmf, settings.refer)
