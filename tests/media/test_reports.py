"""RTCP of a row: what is sent when and where, and what is learnt from what comes."""

import pytest

from gateway.media.reports import EVERY_S, Control
from gateway.rtp import rtcp
from gateway.rtp.rtcp import Report

BODY = b"\x10" * 160
PEER = ("192.0.2.7", 4001)


def listen(stage, beats: int, *heard: Control, talk: bool = True, lose: int = 0) -> list[Control]:
    """Run beats; the RTCP that was sent. ``lose``: of so many packets of the peer, the last."""
    sent = []
    for n in range(beats):
        packet = stage.rtp(0, BODY)
        stage.run(*([packet] if talk and not (lose and n % lose == lose - 1) else []))
        came = heard if n == 0 else ()
        sent += stage.beat.reports.run(stage.beat.rows, came, stage.now)
    return sent


def about_us(stage, **facts: object) -> Control:
    """A receiver report of the peer's."""
    given = {"ssrc": 1000, "fraction": 0.25, "lost": 7, "highest": 70_000, "jitter": 80, **facts}
    return Control(0, rtcp.write(5, "peer", reports=[Report(**given)]), PEER, False)


def test_reports_go_out_every_five_seconds_or_so(stage) -> None:
    stage.open(0)
    sent = listen(stage, 50 * 60)
    assert 60 / EVERY_S * 0.8 < len(sent) < 60 / EVERY_S * 1.22 * 1.3
    assert {control.peer for control in sent} == {PEER}
    assert not any(control.shared for control in sent)


def test_rows_that_began_together_do_not_report_together(stage) -> None:
    for row in range(8):
        stage.open(row)
    beats = [n for n in range(200) for _ in [stage.run()]
             for _ in stage.beat.reports.run(stage.beat.rows, [], stage.now)]  # fmt: skip
    assert len(set(beats)) >= 6


def test_a_report_tells_what_was_sent_and_what_was_received(stage) -> None:
    stage.open(0)
    (control, *_) = listen(stage, 250)
    said = rtcp.parse(control.data)
    assert said.ssrc == 1000
    assert said.cname == "000003e8@trunkline"
    assert said.sender
    assert said.sender.octets == 160 * said.sender.packets > 0
    (report,) = said.reports
    assert (report.ssrc, report.lost, report.fraction) == (5, 0, 0)
    assert report.highest == said.sender.packets - 1


def test_the_fraction_is_of_the_time_since_the_report_before(stage) -> None:
    stage.open(0)
    listen(stage, 300)
    said = [rtcp.parse(c.data).reports[0] for c in listen(stage, 1500, lose=4)]
    assert said[-1].fraction == pytest.approx(0.25, abs=0.02)
    assert said[-1].lost > 200
    said = [rtcp.parse(c.data).reports[0] for c in listen(stage, 1000)]
    assert said[-1].fraction == 0


def test_who_sends_nothing_reports_as_a_receiver(stage) -> None:
    stage.open(0, speaks=False)
    (control, *_) = listen(stage, 250)
    assert rtcp.parse(control.data).sender is None


def test_what_the_peer_says_of_our_sound(stage) -> None:
    stage.open(0)
    listen(stage, 2, about_us(stage))
    assert stage.main["reports"][0] == 1
    assert stage.main["far_loss"][0] == 0.25
    assert stage.main["far_lost"][0] == 7
    assert stage.main["far_jitter_s"][0] == 0.01
    listen(stage, 1, about_us(stage, ssrc=999))
    assert stage.main["reports"][0] == 1
    assert stage.main["rtcp_received"][0] == 2


def test_the_round_trip_is_what_the_peer_did_not_spend(stage) -> None:
    """RFC 3550 section 6.4.1: A - LSR - DLSR, over a link that takes 60 ms each way."""
    stage.open(0)
    sent = listen(stage, 300)[-1]
    ours = rtcp.parse(sent.data).sender
    assert ours
    sent_at = (ours.ntp / 2**32) - 2_208_988_800
    waited_s = stage.now - sent_at + 1.0 - 0.120
    report = about_us(stage, last_sr=ours.ntp >> 16 & 0xFFFFFFFF, delay=int(waited_s * 65536))
    stage.now += 1.0
    stage.beat.reports.run(stage.beat.rows, [report], stage.now)
    assert stage.main["rtt_s"][0] == pytest.approx(0.120, abs=0.001)


def test_the_peers_sender_report_is_answered_with_its_time(stage) -> None:
    stage.open(0)
    ntp = 0xEE1F2B3C80000000
    sr = rtcp.write(5, "peer", sender=rtcp.Sender(ntp, 0, 1, 160))
    sent = listen(stage, 250, Control(0, sr, PEER, False))
    (report,) = rtcp.parse(sent[0].data).reports
    assert report.last_sr == 0x2B3C8000
    assert 0 < report.delay / 65536 < 5


def test_a_reference_time_is_answered(stage) -> None:
    stage.open(0)
    xr = bytes.fromhex("80cf0004 00000005 04000002 ee1f2b3c 80000000")
    sent = listen(stage, 250, Control(0, xr, PEER, False))
    (delay,) = rtcp.parse(sent[0].data).delays
    assert (delay.ssrc, delay.last_rr) == (5, 0x2B3C8000)


def test_a_port_of_its_own_and_one_shared(stage) -> None:
    stage.open(0, rtcp_port=7777)
    assert listen(stage, 250)[-1].peer == ("192.0.2.7", 7777)
    stage.open(0, rtcp_mux=True)
    control = listen(stage, 500)[-1]
    assert control.peer == ("192.0.2.7", 4000)
    assert control.shared


def test_behind_nat_reports_go_where_the_peers_come_from(stage) -> None:
    stage.open(0)
    real = ("198.51.100.9", 61_000)
    stage.run(stage.rtp(0, BODY, source=real))
    came = Control(0, about_us(stage).data, ("198.51.100.9", 61_007), False)
    stage.beat.reports.run(stage.beat.rows, [came], stage.now)
    sent = []
    for _ in range(400):
        stage.run()
        sent += stage.beat.reports.run(stage.beat.rows, [], stage.now)
    assert {control.peer for control in sent} == {("198.51.100.9", 61_007)}


@pytest.mark.parametrize("data", [b"", b"\x80\xc9", bytes(40), b"\x81\xc9\x00\x01\x00\x00\x00\x05"])
def test_garbage_is_counted(stage, data: bytes) -> None:
    stage.open(0)
    listen(stage, 1, Control(0, data, PEER, False))
    assert stage.main["garbage"][0] == 1
    assert stage.main["rtcp_received"][0] == 0


def test_strangers_are_not_believed(stage) -> None:
    stage.open(0)
    control = about_us(stage)
    listen(stage, 1, Control(0, control.data, ("203.0.113.66", 9), False))
    assert stage.main["foreign"][0] == 1
    assert stage.main["reports"][0] == 0


def test_the_last_word_is_bye(stage) -> None:
    stage.open(0)
    listen(stage, 10)
    control = stage.beat.reports.farewell(0, stage.now)
    assert control
    assert rtcp.parse(control.data).bye


def test_another_process_goes_on_reporting(stage) -> None:
    stage.open(0)
    listen(stage, 300)
    stage.another_process()
    (control, *_) = listen(stage, 250)
    said = rtcp.parse(control.data)
    assert said.sender
    assert said.sender.packets > 300


def metrics_of(control: Control) -> list[rtcp.VoipMetrics]:
    return rtcp.parse(control.data).voip


def test_metrics_go_to_who_wishes_for_them(stage) -> None:
    stage.open(0)
    assert not metrics_of(listen(stage, 250)[0])
    stage.open(0, rtcp_xr=True)
    sent = listen(stage, 500, lose=10)
    (metrics,) = metrics_of(sent[-1])
    assert metrics.ssrc == 5
    assert 0.03 < metrics.loss == metrics.gap < 0.1
    assert metrics.discard == 0
    assert 65 < (metrics.r_factor or 0) < 85
    assert 3.4 < (metrics.mos_listening or 0) < 4.2
    assert (metrics.buffer_ms, metrics.buffer_most_ms) == (20, 200)


def test_what_the_peer_makes_of_our_sound_is_noted(stage) -> None:
    stage.open(0)
    told = rtcp.VoipMetrics(1000, 0.02, 0.0, 0.0, 0.02, 80, 60, 81, 4.0, 3.9)
    about_another = rtcp.VoipMetrics(1001, 0.5, 0.0, 0.0, 0.5, 80, 60, 20, 1.0, 1.0)
    listen(stage, 1, Control(0, rtcp.write(5, "peer", voip=[told, about_another]), PEER, False))
    assert stage.main["far_r"][0] == 81


def test_a_row_whose_reports_fail_is_told_and_disturbs_no_other(stage, monkeypatch) -> None:
    for row in (0, 1):
        stage.open(row)
    reports = stage.beat.reports
    whole = type(reports)._of_peer

    def broken(self, row: int, now: float) -> list[Report]:
        if row == 0:
            raise ZeroDivisionError("a slip of ours")
        return whole(self, row, now)

    monkeypatch.setattr(type(reports), "_of_peer", broken)
    sent, faults = [], []
    for _ in range(300):
        stage.run(stage.rtp(0, BODY), stage.rtp(1, BODY))
        sent += reports.run(stage.beat.rows, [], stage.now)
        faults += reports.faults
    assert {control.row for control in sent} == {1}
    assert {row for row, _ in faults} == {0}
    assert "a slip of ours" in faults[0][1]
    assert len(faults) < 5
    assert reports.farewell(0, stage.now) is None
    assert stage.main["beat"][0] == 300


def test_in_parts_where_that_was_agreed_on_and_each_fourth_is_whole(stage) -> None:
    stage.open(0, rtcp_rsize=True)
    sent = listen(stage, 50 * 60)
    names = [rtcp.parse(control.data).cname for control in sent]
    assert len(names) > 8
    assert [bool(name) for name in names] == [n % 4 == 0 for n in range(len(names))]
    assert all(rtcp.parse(control.data).sender for control in sent)
    farewell = stage.beat.reports.farewell(0, stage.now)
    assert rtcp.parse(farewell.data).bye
    assert rtcp.parse(farewell.data).cname


def test_a_peers_report_in_parts_is_taken(stage) -> None:
    stage.open(0, rtcp_rsize=True)
    report = Report(1000, 0.25, 7, 70_000, 80)
    part = rtcp.write(5, "", reports=[report], compound=False)
    listen(stage, 5, Control(0, part, PEER, False))
    assert (stage.main["reports"][0], stage.main["far_lost"][0]) == (1, 7)
