"""A transfer's life: one table, from the wish to its outcome. Every way through it ends in OVER,
by one of the outcomes of ``outcomes``; none can be stuck, for every state that waits for somebody
has a time limit, of its own or of the SIP session that it waits for.
"""

from enum import Enum


class State(Enum):
    START = "start"
    REFERRING = "referring"  # our REFER is out
    TAKEN = "taken"  # the caller's side has accepted it
    DIALLING = "dialling"  # we call the destination
    LISTENING = "listening"  # it has answered: does anybody speak?
    TELLING = "telling"  # our agent tells it who calls and why
    ASKING = "asking"  # it is to press a key
    REPLACING = "replacing"  # the caller's side is to take the place of our call there
    REPLACED = "replaced"  # that call is over, the outcome not yet told
    BRIDGED = "bridged"  # the two talk, through us
    OVER = "over"


S, R, T, D, L, M, K, X, Y, B, Z = State

# Inputs by who gives them.
#   whoever wants the transfer: refer, bye, dial (blind), call (to speak to them first), refused
#   the caller's leg: accepted, done, failed (of our REFER); caller-gone
#   the second leg: failed (before it was answered), lost (afterwards), and once it is answered, by
#     what was planned: connect, tell, listen
#   what the second leg's line brings: spoken, accept, decline, machine
#   the agent, when it has told: by what was planned: connect, ask, replace
#   the time limit: due
# Actions: what they do is said where they are done, in ``transfer``; ``end`` gives the outcome.
TABLE: dict[tuple[State, str], tuple[State, str]] = {
    (S, "refer"):       (R, "refer"),
    (S, "bye"):         (Z, "end-left"),
    (S, "dial"):        (D, "ringback dial"),
    (S, "call"):        (D, "hold dial"),
    (S, "caller-gone"): (Z, "end-caller-left"),

    (R, "accepted"):    (T, ""),
    (R, "done"):        (Z, "end-moved"),
    (R, "failed"):      (Z, "end-refused"),
    (R, "caller-gone"): (Z, "end-caller-left"),

    (T, "done"):        (Z, "end-moved"),
    (T, "failed"):      (Z, "end-failed"),
    (T, "caller-gone"): (Z, "end-left"),  # it need not wait for the outcome (RFC 5589 6.1)

    (D, "connect"):     (B, "connect"),
    (D, "tell"):        (M, "tell"),
    (D, "listen"):      (L, "listen"),
    (D, "failed"):      (Z, "end-failed"),
    (D, "caller-gone"): (Z, "end-caller-left"),

    (L, "spoken"):      (M, "tell"),
    (L, "machine"):     (Z, "end-machine"),
    (L, "due"):         (Z, "end-nobody-spoke"),
    (L, "lost"):        (Z, "end-target-left"),
    (L, "caller-gone"): (Z, "end-caller-left"),

    (M, "connect"):     (B, "connect"),
    (M, "replace"):     (X, "replace"),
    (M, "ask"):         (K, "await-key"),
    (M, "accept"):      (M, "note-acceptance"),  # it is told the rest all the same
    (M, "decline"):     (Z, "hush end-declined"),  # the caller hears nothing of what is for it
    (M, "machine"):     (Z, "hush end-machine"),  # which had only paused
    (M, "lost"):        (Z, "hush end-target-left"),
    (M, "caller-gone"): (Z, "end-caller-left"),

    (K, "connect"):     (B, "connect"),
    (K, "replace"):     (X, "replace"),
    (K, "decline"):     (Z, "end-declined"),
    (K, "machine"):     (Z, "end-machine"),
    (K, "due"):         (Z, "end-not-accepted"),
    (K, "lost"):        (Z, "end-target-left"),
    (K, "caller-gone"): (Z, "end-caller-left"),

    (X, "done"):        (Z, "end-moved"),
    (X, "failed"):      (B, "connect"),  # both are still here
    (X, "lost"):        (Y, ""),
    (X, "caller-gone"): (Z, "end-left"),

    (Y, "done"):        (Z, "end-moved"),
    (Y, "failed"):      (Z, "end-target-left"),
    (Y, "caller-gone"): (Z, "end-left"),

    (B, "lost"):        (Z, "end-talked"),
    (B, "due"):         (Z, "end-talked"),
    (B, "caller-gone"): (Z, "end-talked"),
}  # fmt: skip

# The same wherever it stands.
for _state in State:
    if _state is not Z:
        TABLE[_state, "refused"] = (Z, "end-not-allowed")
        TABLE[_state, "broken"] = (Z, "end-broken")
        TABLE[_state, "cancel"] = (Z, "end-cancelled")
