"""A call's SIP messages as a ladder: one column for each end, one arrow for each message."""

import re
from collections.abc import Iterator, Sequence

from rich.markup import escape

from gateway.sip.capture import Seen
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.message import Request, Response, parse
from gateway.sip.routing import Address

CLOCK = 10  # columns of the time on the left
GAP = 46  # between two ends

_SDP_LINE = re.compile(r"^(c|m|a)=(.*)$", re.MULTILINE)
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


def ladder(messages: Sequence[Seen]) -> Iterator[str]:
    """Lines of rich's markup."""
    parsed = [(seen, found) for seen in messages if (found := _parsed(seen)) is not None]
    if not parsed:
        yield "no SIP messages"
        return
    ends = list(dict.fromkeys(end for seen, _ in parsed for end in (seen.source, seen.destination)))
    yield " " * CLOCK + "".join(f"{_shown(end):<{GAP}}" for end in ends).rstrip()
    began, before = parsed[0][0].at, set[bytes]()
    for seen, message in parsed:
        label = _label(message) + (" (again)" if seen.data in before else "")
        before.add(seen.data)
        yield _arrow(ends, seen, began, label, _colour(message))
        if sdp := sdp_summary(message.body):
            yield f"[dim]{_under(ends, seen, sdp)}[/dim]"


def sdp_summary(body: bytes) -> str:
    """Where sound is to go and as what, in one line; "" if the body is no description."""
    if not body.startswith(b"v=0"):
        return ""
    text = body.decode("utf-8", "replace").replace("\r", "")
    names = dict(re.findall(r"^a=rtpmap:(\d+) ([^/\s]+)", text, re.MULTILINE))
    static = {"0": "PCMU", "8": "PCMA", "9": "G722", "18": "G729"}
    host, parts = "", []
    for kind, value in _SDP_LINE.findall(text):
        words = value.split()
        if kind == "c" and len(words) == 3:
            host = words[2]
        elif kind == "m" and len(words) > 3:
            codecs = [names.get(number) or static.get(number, number) for number in words[3:]]
            parts.append(f"{words[0]} :{words[1]} {'/'.join(codecs)}")
        elif kind == "a" and value in _DIRECTIONS[1:]:
            parts.append(value)
    return f"SDP {host} {', '.join(parts)}"


def _parsed(seen: Seen) -> Request | Response | None:
    try:
        return parse(seen.data)
    except SipSyntaxError:
        return None


def _label(message: Request | Response) -> str:
    try:
        cseq = str(message.cseq)
    except SipSyntaxError:
        cseq = "?"
    if isinstance(message, Request):
        return f"{message.method} ({cseq.partition(' ')[0]})"
    return f"{message.status} {message.reason} ({cseq})"


def _colour(message: Request | Response) -> str:
    if isinstance(message, Request):
        return "cyan"
    return "dim" if message.status < 200 else "green" if message.status < 300 else "red"


def _arrow(ends: list[Address], seen: Seen, began: float, label: str, colour: str) -> str:
    here, there = ends.index(seen.source), ends.index(seen.destination)
    first, last = min(here, there), max(here, there)
    width = (last - first) * GAP - 1
    text = f" {label} "[: width - 2]
    line = text.center(width - 1, "─")
    line = f"{line}▶" if here < there else f"◀{line}"
    bars = ["│" + " " * (GAP - 1)] * len(ends)
    left = "".join(bars[:first])
    right = "".join(bars[last:]).rstrip()
    time = f"{seen.at - began:>{CLOCK - 2}.3f}  "
    return f"{time}{left}│[{colour}]{escape(line)}[/{colour}]{right}"


def _under(ends: list[Address], seen: Seen, text: str) -> str:
    first = min(ends.index(seen.source), ends.index(seen.destination))
    return escape(" " * CLOCK + ("│" + " " * (GAP - 1)) * first + "│ " + text)


def _shown(end: Address) -> str:
    return f"[{end[0]}]:{end[1]}" if ":" in end[0] else f"{end[0]}:{end[1]}"
