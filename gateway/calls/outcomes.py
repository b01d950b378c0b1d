"""How a transfer can end: what the record says, what the model is told, why the call then ended.

The one list; docs/transfers.md is the same as a table for people.
"""

from dataclasses import dataclass

from gateway.reasons import Ended


@dataclass(frozen=True)
class Outcome:
    word: str  # in the record
    told: str = ""  # to the model, of a caller who is back; {why} is the peer's own word
    reason: str = ""  # why the call has ended; empty: it goes on
    closing: str = Ended.TRANSFER_FAILED  # why it ends, if the caller is not to come back

    @property
    def moved(self) -> bool:
        """The caller has gone to whom it was to go to, as far as anybody can know."""
        return self.reason == Ended.ASSISTANT_FORWARDED_CALL


OUTCOMES: dict[str, Outcome] = {
    "moved": Outcome("connected", reason=Ended.ASSISTANT_FORWARDED_CALL),
    "left": Outcome("forwarded", reason=Ended.ASSISTANT_FORWARDED_CALL),
    "talked": Outcome("completed", reason=Ended.ASSISTANT_FORWARDED_CALL),
    "caller-left": Outcome("cancelled", reason=Ended.CUSTOMER_ENDED_DURING_TRANSFER),
    "cancelled": Outcome("cancelled"),
    "refused": Outcome(
        "failed", "The caller's telephone system refused to transfer the call ({why})."
    ),
    "failed": Outcome("failed", "It could not be reached ({why})."),
    "busy": Outcome("busy", "The line is busy ({why}).", closing=Ended.OPERATOR_BUSY),
    "no-answer": Outcome("no-answer", "Nobody answered ({why}).", closing=Ended.NO_ANSWER),
    "rejected": Outcome("declined", "The call was declined ({why})."),
    "unknown": Outcome("failed", "Nobody told how it ended ({why})."),
    "nobody-spoke": Outcome("no-answer", "The call was answered, but nobody spoke.",
                            closing=Ended.NO_ANSWER),
    "not-accepted": Outcome("no-answer", "The call was answered, but nobody accepted it.",
                            closing=Ended.NO_ANSWER),
    "machine": Outcome("no-answer", "A mailbox or another machine answered ({why}).",
                       closing=Ended.NO_ANSWER),
    "declined": Outcome("declined", "Whoever answered declined to take the call."),
    "target-left": Outcome("failed", "Whoever answered hung up before the caller was connected."),
    "not-allowed": Outcome("failed", "It may not be called: {why}."),
    "broken": Outcome("failed", "The gateway failed: {why}."),
}  # fmt: skip

# What a SIP status says of a call that was to be placed.
_BUSY, _ABSENT, _REJECTED = {486, 600}, {408, 480, 487}, {603, 607}


def of_status(name: str, status: int | None) -> str:
    """The finer name of the outcome ``failed``."""
    if name != "failed":
        return name
    if status is None:
        return "unknown"
    return {**dict.fromkeys(_BUSY, "busy"), **dict.fromkeys(_ABSENT, "no-answer"),
            **dict.fromkeys(_REJECTED, "rejected")}.get(status, "failed")  # fmt: skip


def told(outcome: Outcome, to: str, why: str) -> str:
    """To the model."""
    what = outcome.told.format(why=why or "no reason was given")
    return f"The transfer to {to} failed. {what} The caller is still on the line with you."
