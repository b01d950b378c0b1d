"""The transaction machines against the RFC's own timings; no sockets, no waiting."""

import pytest

from gateway.sip.transaction import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    STARTS,
    TIMERS,
    Failed,
    State,
    Table,
    Transaction,
)

TABLES = pytest.mark.parametrize(
    "table",
    [INVITE_CLIENT, INVITE_SERVER, CLIENT, SERVER],
    ids=["invite-client", "invite-server", "client", "server"],
)


def run(tx: Transaction, until: float) -> list[tuple[float, bytes]]:
    """Let a transaction's own timers play out; what it sent, and when."""
    sent = [(0.0, m) for m in tx.outbox]
    tx.outbox.clear()
    while (at := tx.wake_at()) is not None and at <= until:
        tx.wake(at)
        sent += [(at, m) for m in tx.outbox]
        tx.outbox.clear()
    return sent


def times(tx: Transaction, until: float) -> list[float]:
    return [at for at, _ in run(tx, until)]


def test_unanswered_invite_is_sent_seven_times_and_gives_up_after_32_s() -> None:
    tx = Transaction(INVITE_CLIENT)
    tx.step("request", 0.0, wire=b"INVITE")
    assert times(tx, 31.9) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert tx.events == []
    assert run(tx, 32.0) == []
    assert tx.events == [Failed(408, "no answer within 32 s")]
    assert tx.state is State.TERMINATED


def test_unanswered_request_is_sent_eleven_times_with_at_most_4_s_between() -> None:
    tx = Transaction(CLIENT)
    tx.step("request", 0.0, wire=b"BYE")
    assert times(tx, 100) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert tx.events == [Failed(408, "no answer within 32 s")]


def test_request_in_progress_is_repeated_every_4_s() -> None:
    tx = Transaction(CLIENT)
    tx.step("request", 0.0, wire=b"BYE")
    tx.step("1xx", 0.1, "100")
    assert times(tx, 13) == [0, 0.5, 4.5, 8.5, 12.5]
    tx.step("2xx", 13.0, "200")
    assert run(tx, 17.9) == []
    assert tx.state is State.COMPLETED
    run(tx, 18.0)  # timer K, T4
    assert tx.state is State.TERMINATED


def test_ringing_invite_waits_for_ever_and_is_not_repeated() -> None:
    tx = Transaction(INVITE_CLIENT)
    tx.step("request", 0.0, wire=b"INVITE")
    tx.step("1xx", 0.1, "180")
    assert times(tx, 1e6) == [0]
    assert tx.state is State.PROCEEDING


def test_refused_invite_acks_each_repetition_for_32_s() -> None:
    tx = Transaction(INVITE_CLIENT)
    tx.step("request", 0.0, wire=b"INVITE")
    tx.step("error", 1.0, "486", b"ACK")
    tx.step("error", 2.0, "486", b"ACK")
    assert tx.outbox == [b"INVITE", b"ACK", b"ACK"]
    assert tx.events == ["486"]
    assert tx.wake_at() == 33.0
    run(tx, 33.0)
    assert tx.state is State.TERMINATED


def test_accepted_invite_passes_every_2xx_up_for_32_s_rfc6026() -> None:
    tx = Transaction(INVITE_CLIENT)
    tx.step("request", 0.0, wire=b"INVITE")
    tx.step("2xx", 1.0, "200 a")
    tx.step("2xx", 2.0, "200 b")
    assert tx.events == ["200 a", "200 b"]
    assert tx.wake_at() == 33.0


def test_rejection_is_resent_until_acked() -> None:
    tx = Transaction(INVITE_SERVER)
    tx.step("request", 0.0, "INVITE")
    tx.step("say-error", 0.0, wire=b"486")
    assert times(tx, 8) == [0, 0.5, 1.5, 3.5, 7.5]
    tx.step("ack", 8.0)
    assert tx.wake_at() == 13.0  # timer I, T4: repeated ACKs are absorbed
    assert run(tx, 100) == []
    assert tx.state is State.TERMINATED


def test_rejection_without_ack_is_resent_every_4_s_and_given_up_after_32_s() -> None:
    tx = Transaction(INVITE_SERVER)
    tx.step("request", 0.0, "INVITE")
    tx.step("say-error", 0.0, wire=b"486")
    assert times(tx, 100) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert isinstance(tx.events[-1], Failed)


def test_accepted_invite_absorbs_retransmissions_rfc6026() -> None:
    tx = Transaction(INVITE_SERVER)
    tx.step("request", 0.0, "INVITE")
    tx.step("say-2xx", 0.0, wire=b"200")
    tx.outbox.clear()
    tx.step("again", 0.5)
    assert tx.outbox == []
    tx.step("say-2xx", 1.0, wire=b"200")
    assert tx.outbox == [b"200"]
    assert tx.wake_at() == 32.0


def test_retransmission_before_any_response_is_absorbed() -> None:
    tx = Transaction(INVITE_SERVER)
    tx.step("request", 0.0, "INVITE")
    tx.step("again", 0.5)
    assert tx.outbox == []


def test_answered_request_repeats_its_answer_for_32_s() -> None:
    tx = Transaction(SERVER)
    tx.step("request", 0.0, "BYE")
    tx.step("say-2xx", 0.0, wire=b"200")
    tx.step("again", 5.0)
    assert tx.outbox == [b"200", b"200"]
    assert tx.wake_at() == 32.0


@TABLES
def test_reliable_transport_never_repeats_and_is_over_at_once(table: Table) -> None:
    tx = Transaction(table, reliable=True)
    tx.step("request", 0.0, "request", b"request")
    tx.step("say-error", 0.0, "error", b"error")
    tx.step("error", 0.0, "error", b"ack")
    tx.step("ack", 0.0, "ack")
    sent = len(tx.outbox)
    run(tx, 0.0)
    assert tx.state is State.TERMINATED
    assert sent <= 2


@pytest.mark.parametrize("table", [INVITE_CLIENT, CLIENT])
def test_broken_transport_ends_a_request_at_once(table: Table) -> None:
    tx = Transaction(table)
    tx.step("request", 0.0, wire=b"request")
    tx.step("broken", 0.1, "connection refused")
    assert tx.events == [Failed(503, "connection refused")]
    assert tx.wake_at() is None


@TABLES
def test_every_timer_started_is_answered_and_every_state_is_reached(table: Table) -> None:
    inputs = {what for _, what in table}
    started = {a.split("-")[1] for _, acts in table.values() for a in acts.split() if "start-" in a}
    assert started <= inputs & set(TIMERS)
    reached = {STARTS[id(table)]} | {after for after, _ in table.values()}
    assert {state for state, _ in table} == reached - {State.TERMINATED}
