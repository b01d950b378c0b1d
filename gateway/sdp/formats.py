"""The codecs that we offer and answer with, and what Opus's parameters mean (RFC 7587)."""

import re
from dataclasses import dataclass

from gateway.sdp.description import Codec

PCMU = Codec("PCMU", 8000, 0)
PCMA = Codec("PCMA", 8000, 8)
G722 = Codec("G722", 8000, 9)  # 16 kHz in truth (RFC 3551 section 4.5.2)
# What we want to be sent: 16 kHz is all that we can use, and losses can be mended.
OPUS = Codec("opus", 48_000, 107, 2,
             "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1")  # fmt: skip
L16 = Codec("L16", 16_000, 108)
L16_NARROW = Codec("L16", 8000, 109)

G711 = (PCMU, PCMA)
WIDEBAND = (OPUS, G722)
# Good sound first. Trunks to the telephone network, which has none of it, list G.711 only.
USUAL = (*WIDEBAND, *G711)

COMFORT = Codec("CN", 8000, 13)  # RFC 3389; static at 8 kHz
# RFC 4733: 0-9 * # A-D and flash, on the clock of the sound among which they are sent.
DIGITS = Codec("telephone-event", 8000, 101, fmtp="0-16")
DIGITS_48 = Codec("telephone-event", 48_000, 110, fmtp="0-16")


@dataclass(frozen=True)
class OpusWishes:
    """What a peer's fmtp says that it would be sent."""

    playback_rate: int = 48_000  # Hz at the most
    bitrate: int = 0  # bits/s at the most; 0: no limit
    fec: bool = False
    dtx: bool = False
    constant: bool = False
    stereo: bool = False


def opus_wishes(fmtp: str) -> OpusWishes:
    """What cannot be read is as good as absent, and so is what no Opus could do."""
    given = {
        name.strip().lower(): value.strip()
        for name, equals, value in (part.partition("=") for part in fmtp.split(";"))
        if equals
    }

    def number(name: str, least: int, most: int, otherwise: int) -> int:
        text = given.get(name, "")
        value = int(text) if re.fullmatch("[0-9]{1,7}", text) else -1
        return value if least <= value <= most else otherwise

    return OpusWishes(
        playback_rate=number("maxplaybackrate", 8000, 48_000, 48_000),
        bitrate=number("maxaveragebitrate", 6000, 510_000, 0),
        fec=given.get("useinbandfec") == "1",
        dtx=given.get("usedtx") == "1",
        constant=given.get("cbr") == "1",
        stereo=given.get("stereo") == "1",
    )
