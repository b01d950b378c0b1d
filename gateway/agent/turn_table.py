"""Whose turn it is: one table, for the whole life of a conversation.

Media stops the agent's sound by itself when the caller begins to speak. Here it is decided
afterwards what that was: a click or a cough (go on where it stopped), an "mm-hm" (go on as
well), or an interruption (drop the rest). The state says what the caller perceives; what the
vendors are doing meanwhile is the pipeline's affair, which tells it here as inputs and carries
out what comes out of ``outbox``.

Whatever fails or times out has a row in every state, and ENDED can be reached from all of them.
"""

from enum import Enum


class State(Enum):
    RINGING = "ringing"  # nobody has answered; the vendors are being dialled
    GREETING = "greeting"  # speaking, and not to be interrupted
    LISTENING = "listening"  # nobody speaks
    HEARING = "hearing"  # the caller speaks
    WAITING = "waiting"  # the caller has stopped: for good? and what was it?
    KEYING = "keying"  # the caller presses keys
    THINKING = "thinking"  # the model is asked; the agent is not audible yet
    HESITATING = "hesitating"  # the caller made a sound while the model thinks
    SPEAKING = "speaking"
    PAUSED = "paused"  # a voice has stopped the sound, too short yet to be anything
    DOUBTED = "doubted"  # it has lasted; words will tell, or their absence: nothing is lost yet
    TOOL = "tool"  # a tool is running, and nothing is being said
    ENDING = "ending"  # the last words
    ENDED = "ended"
    MACHINE = "machine"  # a machine has answered; its beep is waited for
    LEAVING = "leaving"  # a message is left on it
    TAKING = "taking"  # the caller leaves a message with us

    # A state is looked up several times in each beat, and Enum's own hash is slow.
    __hash__ = object.__hash__


R, G, L, H, W, K, T, E, S, P, D, O, X, Z, V, M, Q = State  # noqa: E741

# Here the machine must be told when all has been said.
AUDIBLE = frozenset({G, T, E, S, P, D, O, X, M})
# Here the agent is silent, whatever it has to say.
HELD = frozenset({H, W, K, E, P, D})
# Here the caller's voice stops nothing.
DEAF = frozenset({R, G, X, Z, V, M, Q})
# Here nothing has to be decided until something new happens.
EASY = frozenset({L, H, S})

# A timer belongs to the states named here and dies when they are left.
BELONGS: dict[str, frozenset[State]] = {
    "wait": frozenset({W}),
    "patience": frozenset({W}),
    "early": frozenset({W}),
    "stuck": frozenset({H}),
    "keys": frozenset({K}),
    "voice": frozenset({E, P}),
    "long": frozenset({D}),
    "doubt": frozenset({D}),
    "silence": frozenset({L}),
    "ending": frozenset({X}),
    "max": frozenset(State) - {X, Z},
}

Table = dict[tuple[State, str], tuple[State, str]]

# Inputs by who gives them.
#   the voice activity detector: onset, offset
#   the transcriber: words (enough of them), few, ack (nothing but "go on"), final (no more will
#     come of these), nothing (it heard no word), ended (it thinks the turn is over), early (it
#     guesses so)
#   the timers: their names
#   the pipeline: answered-*, sound (the first frame is queued), dry (all is said but the model
#     is at work), tool (all is said but a tool is running), played-out (all is said), conclude
#     (all is said, and it was meant to be the last), owed (the model has something to answer),
#     result (every tool has one), say, say-last, stop, and the failures
#   the ear for machines: machine (one has answered), machine-end (and there is nothing to be said
#     to it), leave (it has beeped), again (it had not), human (a person has picked up)
#   the tool takeMessage: take (it listens), taken (it is over)
#   this class itself: turn (words and wait are complete), unclear (speech, but no words),
#     spoken-too (the entry is complete, but the caller is speaking)
TABLE: Table = {
    (R, "greet"):         (G, "greet"),
    (R, "greet-open"):    (S, "greet"),
    (R, "listen"):        (L, "rest"),
    (R, "generate"):      (T, "ask"),
    (R, "go-on"):         (S, ""),

    (G, "played-out"):    (L, "rest"),
    (G, "conclude"):      (X, "farewell"),

    (L, "onset"):         (H, "start-stuck"),
    (L, "words"):         (H, "start-stuck heed"),
    (L, "few"):           (H, "start-stuck heed"),
    (L, "ack"):           (H, "start-stuck heed"),
    (L, "sound"):         (S, ""),
    (L, "digit"):         (K, "start-keys"),
    (L, "owed"):          (T, "ask"),
    (L, "result"):        (T, "ask"),
    (L, "silence"):       (X, "farewell"),
    (L, "tool"):          (O, ""),
    (L, "conclude"):      (X, "farewell"),

    (H, "offset"):        (W, "start-wait"),
    (H, "ended"):         (W, "start-wait"),
    (H, "early"):         (H, "early"),
    (H, "words"):         (H, "start-stuck"),
    (H, "few"):           (H, "start-stuck"),
    (H, "ack"):           (H, "start-stuck"),
    (H, "stuck"):         (W, "ignore-voice start-wait"),
    (H, "digit"):         (K, "start-keys"),

    (W, "onset"):         (H, "start-stuck"),
    (W, "words"):         (W, "start-wait"),
    (W, "few"):           (W, "start-wait"),
    (W, "ack"):           (W, "start-wait"),
    (W, "ended"):         (W, "start-wait settle"),
    (W, "early"):         (W, "early"),
    (W, "wait"):          (W, "settle"),
    (W, "final"):         (W, "settle"),
    (W, "nothing"):       (W, "settle"),
    (W, "patience"):      (W, "give-up"),
    (W, "turn"):          (T, "ask"),
    (W, "unclear"):       (T, "ask"),
    (W, "silent"):        (L, "rest"),
    (W, "digit"):         (K, "start-keys"),

    (K, "digit"):         (K, "start-keys"),
    (K, "onset"):         (H, "start-stuck"),
    (K, "keys"):          (T, "ask"),
    (K, "spoken-too"):    (H, "start-stuck"),

    (T, "onset"):         (E, "start-voice"),
    (T, "words"):         (H, "cancel start-stuck heed"),
    (T, "few"):           (H, "cancel start-stuck heed"),
    (T, "ack"):           (H, "cancel start-stuck heed"),
    (T, "sound"):         (S, ""),
    (T, "tool"):          (O, ""),
    (T, "played-out"):    (L, "rest"),
    (T, "conclude"):      (X, "farewell"),
    (T, "result"):        (T, "ask"),
    (T, "digit"):         (K, "cancel start-keys"),

    (E, "offset"):        (T, "release"),
    (E, "voice"):         (H, "cancel start-stuck"),
    (E, "words"):         (H, "cancel start-stuck"),
    (E, "few"):           (H, "cancel start-stuck"),
    (E, "ack"):           (H, "cancel start-stuck"),
    (E, "tool"):          (H, "release start-stuck"),
    (E, "played-out"):    (H, "release start-stuck"),
    (E, "conclude"):      (X, "release farewell"),
    (E, "result"):        (E, "ask"),
    (E, "digit"):         (K, "cancel start-keys"),

    (S, "onset"):         (P, "start-voice"),
    (S, "words"):         (H, "interrupt start-stuck heed"),
    (S, "dry"):           (T, ""),
    (S, "tool"):          (O, ""),
    (S, "played-out"):    (L, "rest"),
    (S, "conclude"):      (X, "farewell"),
    (S, "result"):        (S, "ask"),
    (S, "digit"):         (K, "interrupt start-keys"),

    (P, "offset"):        (S, "resume"),
    (P, "voice"):         (D, "start-long"),
    (P, "words"):         (H, "interrupt start-stuck"),
    (P, "dry"):           (E, "start-voice"),
    (P, "tool"):          (H, "release start-stuck"),
    (P, "played-out"):    (H, "release start-stuck"),
    (P, "conclude"):      (X, "release farewell"),
    (P, "result"):        (P, "ask"),
    (P, "digit"):         (K, "interrupt start-keys"),

    (D, "words"):         (H, "interrupt start-stuck heed"),
    (D, "long"):          (S, "resume"),
    (D, "offset"):        (D, "stop-long start-doubt"),
    (D, "onset"):         (D, "stop-doubt start-long"),
    (D, "final"):         (S, "resume"),
    (D, "nothing"):       (S, "resume"),
    (D, "doubt"):         (S, "resume"),
    (D, "dry"):           (E, "start-voice heed"),
    (D, "tool"):          (H, "release start-stuck heed"),
    (D, "played-out"):    (H, "release start-stuck heed"),
    (D, "conclude"):      (X, "release farewell"),
    (D, "result"):        (D, "ask"),
    (D, "digit"):         (K, "interrupt start-keys"),

    (O, "onset"):         (H, "start-stuck"),
    (O, "words"):         (H, "start-stuck heed"),
    (O, "few"):           (H, "start-stuck heed"),
    (O, "ack"):           (H, "start-stuck heed"),
    (O, "result"):        (T, "ask"),
    (O, "sound"):         (S, ""),
    (O, "played-out"):    (L, "rest"),
    (O, "conclude"):      (X, "farewell"),
    (O, "digit"):         (K, "start-keys"),

    (X, "played-out"):    (Z, "hang-up"),
    (X, "conclude"):      (Z, "hang-up"),
    (X, "ending"):        (Z, "hang-up"),

    (O, "take"):          (Q, ""),
    (Q, "taken"):         (O, ""),
    (Q, "result"):        (T, "ask"),

    (V, "leave"):         (M, "leave"),
    (V, "human"):         (L, "rest"),
    (V, "say-last"):      (X, "say"),

    (M, "again"):         (V, "interrupt"),
    (M, "human"):         (L, "interrupt rest"),
    (M, "say-last"):      (X, "interrupt say"),
    (M, "played-out"):    (Z, "hang-up"),
    (M, "conclude"):      (Z, "hang-up"),
}  # fmt: skip

# The same wherever the call stands. ``dead`` failures have been retried and end the call with an
# apology; ``model-failed`` is apologised for, and the call goes on.
for _state in (G, L, H, W, K, T, E, S, P, D, O, Q):
    TABLE[_state, "say"] = (S, "interrupt say" if _state in HELD else "say")
    # The same, but not to be interrupted.
    TABLE[_state, "say-firm"] = (G, "interrupt say" if _state in HELD else "say")
    TABLE[_state, "say-last"] = (X, "interrupt say")
    TABLE[_state, "model-failed"] = (S, "interrupt apologise")
    for _failure in ("model-dead", "voice-dead", "hearing-dead"):
        TABLE[_state, _failure] = (X, "interrupt apologise")
    TABLE[_state, "max"] = (X, "interrupt farewell")
    TABLE[_state, "machine"] = (V, "interrupt")
    TABLE[_state, "machine-end"] = (Z, "interrupt hang-up")
for _state in (V, M):
    TABLE[_state, "max"] = TABLE[_state, "voice-dead"] = (Z, "interrupt hang-up")
    for _failure in ("model-failed", "model-dead", "hearing-dead"):
        TABLE[_state, _failure] = (_state, "")  # nothing that is needed now
for _failure in ("model-failed", "model-dead", "voice-dead", "hearing-dead", "max"):
    TABLE[R, _failure] = (Z, "hang-up")
for _failure in ("model-failed", "model-dead", "hearing-dead"):
    TABLE[X, _failure] = (X, "")  # nothing that is still needed
TABLE[X, "voice-dead"] = (Z, "hang-up")
TABLE[X, "voice-spared"] = (X, "interrupt apologise")
for _state in State:
    if _state is not Z:
        TABLE[_state, "stop"] = (Z, "")
        TABLE[_state, "broken"] = (Z, "hang-up")
