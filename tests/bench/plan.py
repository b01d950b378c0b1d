"""What the phones are told to do, and what they report: plain data between two processes."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

BEAT_S = 0.020
FRAME = 160  # bytes of µ-law in one beat
LOUD = 256  # a packet whose peak is at least this is sound, not silence; full scale is 32767


@dataclass(frozen=True)
class Wait:
    """Be silent for so long."""

    seconds: float


@dataclass(frozen=True)
class Say:
    """Play ``Plan.clips[clip]`` to its end."""

    clip: int


@dataclass(frozen=True)
class Press:
    """Send these keys by RFC 4733, 100 ms each."""

    digits: str


@dataclass(frozen=True)
class Until:
    """Be silent until the other end has been loud for this many seconds in all since the step
    began (``loud_s``), or silent for so long without a break (``quiet_s``)."""

    loud_s: float = 0.0
    quiet_s: float = 0.0
    within_s: float = 30.0  # then go on all the same, and note it in ``Outcome.timeouts``


Step = Wait | Say | Press | Until


@dataclass(frozen=True)
class Caller:
    """One call: dial ``at_s`` after the start, do the steps, hang up."""

    at_s: float
    steps: tuple[Step, ...]
    longest_s: float = math.inf  # then it hangs up, wherever in the steps it is
    user: str = ""  # that is called, if not the plan's


@dataclass(frozen=True)
class Plan:
    target: tuple[str, int]  # address of the gateway's SIP over UDP
    callers: tuple[Caller, ...]
    user: str = "demo"
    clips: tuple[bytes, ...] = ()  # µ-law, whole beats
    limit_s: float = 120.0  # then everybody who is still there hangs up
    packets: bool = True  # False: count what comes, keep none of it


@dataclass
class Played:
    """One clip on the wire. Times are CLOCK_REALTIME seconds."""

    clip: int
    first_at: float  # when its first packet was sent
    last_at: float = 0.0  # and its last


@dataclass
class Outcome:
    """How one call went. Times are CLOCK_REALTIME seconds; 0.0: it did not happen."""

    call_id: str
    invited_at: float = 0.0
    answered_at: float = 0.0  # the 200's arrival, as the kernel stamped it
    ended_at: float = 0.0
    ended_by: str = ""  # "phone", "gateway", or empty: the call was not answered
    status: int = 0  # of the INVITE; 408 if nobody answered it
    bye_status: int = 0  # of our own BYE
    retransmitted: int = 0  # requests that had to be sent again
    sent: int = 0  # RTP packets
    received: int = 0
    timeouts: int = 0  # of Until
    played: list[Played] = field(default_factory=list)


# One RTP packet that came. ``peak`` is the loudest sample's absolute value.
PACKET = np.dtype(
    [
        ("call", np.int32),
        ("at", np.float64),  # CLOCK_REALTIME seconds, the kernel's stamp
        ("sequence", np.uint16),
        ("timestamp", np.uint32),
        ("ssrc", np.uint32),
        ("payload", np.uint8),  # RTP payload type
        ("peak", np.uint16),
    ]
)


@dataclass
class Report:
    calls: list[Outcome]
    packets: npt.NDArray[Any]  # of PACKET, in order of arrival
    cpu_share: float  # of one core, from the first INVITE to the end
    late_ms: dict[str, float]  # the phones' own beat: how late it was, p50, p99 and max
