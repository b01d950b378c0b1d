"""``[rtp]`` and ``[media]``: what the operator may choose about sound."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.media.lines import MOST_BEATERS


def _port_range(text: str) -> str:
    match = re.fullmatch(r"(\d+)-(\d+)", text.replace(" ", ""))
    if not match or not 1024 <= int(match[1]) < int(match[2]) <= 65535:
        raise ValueError("want FIRST-LAST, two ports between 1024 and 65535, such as 20000-29999")
    if int(match[2]) - int(match[1]) < 1 + int(match[1]) % 2:
        raise ValueError("the range has no even port followed by an odd one")
    return text


class RtpSettings(BaseModel):
    """``[rtp]``: packets and ports."""

    model_config = ConfigDict(extra="forbid")

    ports: Annotated[str, AfterValidator(_port_range)] = Field(
        "20000-29999", description="UDP ports for sound: each call takes an even one and the next"
    )
    jitter_ms: int = Field(
        0, ge=0, le=200, description="how long a packet waits for those behind it, at first"
    )
    jitter_most_ms: int = Field(
        200, ge=20, le=600, description="how far that may grow while packets come late"
    )
    relearn_s: float = Field(
        5.0, ge=0, description="silence of the peer after which its sound may come from a new "
        "address (a NAT forgot it, a PBX moved it); 0: never without a re-INVITE",
    )  # fmt: skip
    learn_s: float = Field(
        30.0, ge=0, description="how long after an answer or re-INVITE the peer's first sound may "
        "come from elsewhere than its description says, if that is a public address; 0: for ever",
    )  # fmt: skip
    drain_s: float = Field(
        2.0, ge=0, description="how long a port rests after a call, so that no straggler is heard "
        "in the next one",
    )  # fmt: skip
    srtp: Literal["off", "optional", "required"] = Field(
        "optional", description="encryption of sound (SRTP, keys in SDP) with peers that belong to "
        "no trunk: never, where the peer wants it, or else no call",
    )  # fmt: skip
    dscp: int = Field(46, ge=0, le=63, description="mark of outgoing packets; 46: voice (EF)")

    @property
    def port_pairs(self) -> range:
        """The even ports whose odd neighbour is in the range too."""
        first, last = (int(n) for n in self.ports.split("-"))
        return range(first + first % 2, last, 2)


class MediaSettings(BaseModel):
    """``[media]``: the process that beats."""

    model_config = ConfigDict(extra="forbid")

    capacity: int = Field(512, ge=1, le=8192, description="lines, that is calls, at once")
    processes: int = Field(
        1, ge=1, le=MOST_BEATERS, description="that beat, each on a core of its own and with its "
        "share of the lines",
    )  # fmt: skip
    realtime: bool = Field(
        True, description="ask for real-time priority and locked memory; without the right to "
        "them it goes on without",
    )  # fmt: skip
    budget: float = Field(
        0.75, gt=0, le=1, description="share of every 20 ms that the beat may take; a call with "
        "which it would take more is refused",
    )  # fmt: skip
    io: Literal["auto", "loop"] = Field(
        "auto", description="auto: packets come and go by io_uring, all of a beat in one call, "
        "where the kernel has it (Linux 6.1) and allows it; loop: one call a packet",
    )  # fmt: skip
    vad_mode: int = Field(
        2, ge=0, le=3, description="how sure webrtcvad must be that it hears speech: 3 is strict"
    )
    speech_level_db: float = Field(
        -50.0, ge=-90, le=-20, description="below this level (dBFS) nothing is speech"
    )
    tones: Literal["us", "eu"] = Field(
        "us", description="whose ringing and busy tone are played to a caller"
    )
