"""The load generator's caller, with a clock turned by hand."""

import struct

import pytest

from tests.bench.caller import Call, Message
from tests.bench.plan import FRAME, Caller, Plan, Press, Say, Step, Until, Wait

ANSWER = b"v=0\r\nc=IN IP4 127.0.0.9\r\nm=audio 4000 RTP/AVP 0 101\r\n"
SPEECH = b"\x10" * FRAME + b"\x20" * FRAME
SILENCE = b"\xff" * FRAME


def call(*steps: Step) -> Call:
    plan = Plan(("127.0.0.1", 5060), (Caller(0.0, steps),), clips=(SPEECH,))
    return Call(0, plan, "t", ("127.0.0.1", 5999), 6000)


def response(request: bytes, status: str, body: bytes = b"") -> Message:
    sent = Message(request)
    lines = [f"SIP/2.0 {status}", f"CSeq: {sent['CSeq']}", f"To: {sent['To']};tag=theirs"]
    lines += ["Contact: <sip:demo@127.0.0.1:7777>", "", ""]
    return Message("\r\n".join(lines).encode() + body)


def answered(*steps: Step) -> Call:
    made = call(*steps)
    made.receive(response(made.invite(0.0)[0], "200 OK", ANSWER), 0.1)
    return made


def test_an_answer_is_acknowledged_each_time_it_comes_and_timed_once() -> None:
    made = call()
    (invite,) = made.invite(1.0)
    made.receive(response(invite, "100 Trying"), 1.01)
    (ack,) = made.receive(response(invite, "200 OK", ANSWER), 1.2)
    assert made.receive(response(invite, "200 OK", ANSWER), 1.7) == [ack]
    assert made.result.answered_at == 1.2
    assert made.remote == ("127.0.0.9", 4000)
    sent = Message(ack)
    assert sent.first == "ACK sip:demo@127.0.0.1:7777 SIP/2.0"
    assert sent["To"].endswith(";tag=theirs")
    assert sent["Via"] != Message(invite)["Via"]


def test_a_refusal_is_acknowledged_in_the_invite_s_own_transaction() -> None:
    made = call()
    (invite,) = made.invite(1.0)
    (ack,) = made.receive(response(invite, "486 Busy Here"), 1.2)
    assert (made.state, made.result.status) == ("over", 486)
    assert Message(ack)["Via"] == Message(invite)["Via"]


def test_an_invite_is_sent_again_until_something_comes() -> None:
    made = call()
    invite = made.invite(0.0)
    assert made.timer(0.4) == []
    assert made.timer(0.5) == invite
    assert made.timer(1.4) == []
    assert made.timer(1.5) == invite
    made.receive(response(invite[0], "100 Trying"), 1.6)
    assert made.timer(9.0) == []
    assert made.result.retransmitted == 2


def test_an_invite_nobody_answers_is_given_up() -> None:
    made = call()
    made.invite(0.0)
    made.timer(32.0)
    assert (made.state, made.result.status) == ("over", 408)


def test_our_bye_ends_with_its_answer_and_theirs_at_once() -> None:
    made = answered()
    (bye,) = made.hang_up(2.0)
    assert made.timer(2.5) == [bye]
    made.receive(response(bye, "200 OK"), 2.6)
    assert (made.state, made.result.bye_status, made.result.ended_by) == ("over", 200, "phone")

    made = answered()
    theirs = Message(b"BYE sip:x SIP/2.0\r\nVia: v\r\nCall-ID: i\r\nCSeq: 1 BYE\r\n\r\n")
    (ok,) = made.receive(theirs, 3.0)
    assert Message(ok).status == 200
    assert (made.state, made.result.ended_by, made.result.ended_at) == ("over", "gateway", 3.0)


def test_sound_follows_the_steps_and_is_noted_when_it_is_sent() -> None:
    made = answered(Wait(0.04), Say(0))
    packets = [made.beat(10.0 + beat) for beat in range(5)]
    assert [p and p[12:] for p in packets] == [SILENCE, SILENCE, SPEECH[:160], SPEECH[160:], None]
    headers = [struct.unpack("!BBHII", p[:12]) for p in packets if p]
    assert [h[2] - headers[0][2] for h in headers] == [0, 1, 2, 3]
    assert [h[3] - headers[0][3] for h in headers] == [0, 160, 320, 480]
    (played,) = made.result.played
    assert (played.first_at, played.last_at) == (12.0, 13.0)


def test_a_key_is_one_event_whose_end_is_sent_three_times() -> None:
    made = answered(Press("#"))
    packets = list(iter(lambda: made.beat(0.0), None))
    headers = [struct.unpack("!BBHII", p[:12]) for p in packets]
    events = [p[12:] for p, h in zip(packets, headers, strict=True) if h[1] & 0x7F == 101]
    assert [e[0] for e in events] == [11] * 7
    assert [e[1] >> 7 for e in events] == [0, 0, 0, 0, 1, 1, 1]
    assert [int.from_bytes(e[2:]) for e in events] == [160, 320, 480, 640, 800, 800, 800]
    assert [h[1] >> 7 for h in headers[:7]] == [1, 0, 0, 0, 0, 0, 0]
    assert len({h[3] for h in headers[:7]}) == 1


@pytest.mark.parametrize(
    ("wanted", "loud", "beats"),
    [
        (Until(loud_s=0.06), [False, True, True, False, True], 5),
        (Until(quiet_s=0.04), [True, False, True, False, False], 5),
        (Until(loud_s=0.02, quiet_s=0.02), [False, True, False], 3),
        (Until(loud_s=1.0, within_s=0.08), [True] * 9, 4),
    ],
)
def test_until_waits_for_what_is_heard(wanted: Until, loud: list[bool], beats: int) -> None:
    made = answered(wanted)
    waited = 0
    for is_loud in loud:
        if made.beat(0.0) is None:
            break
        waited += 1
        made.heard(is_loud)
    assert waited == beats
    assert made.result.timeouts == (wanted.within_s < 1.0)
