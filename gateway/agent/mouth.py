"""What the agent says: text becomes pieces, pieces become sound, sound goes into the queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.agent.conversation import Conversation, Entry
from gateway.agent.messages import Unsaid
from gateway.agent.reply import Reply
from gateway.agent.row import Row
from gateway.agent.sentences import Sentences
from gateway.agent.voice import Voice
from gateway.speech.spoken.plan import ChunkPlan
from gateway.speech.spoken.tags import without

BACKLOG_S = 6.0  # sound that may wait for the queue before the next sentence is asked for


@dataclass(frozen=True)
class Uttered:
    """What the caller really heard, and when."""

    text: str
    began_at: float
    ended_at: float
    entries: tuple[Entry, ...]  # the messages it belongs to, their content now what was heard


class Mouth:
    """``voicing`` is told each text that goes to the voice."""

    def __init__(
        self, row: Row, voice: Voice, plan: ChunkPlan, voicing: Callable[[str], None]
    ) -> None:
        self.row = row
        self.voice = voice
        self._voicing = voicing
        self.callers_turn = False  # what is worth saying now will not be when it is over
        self.held = False  # that, or it is too early: nothing goes into the queue
        self.began_at: float | None = None  # when the first frame went out
        self._reply = Reply()
        self._plan = plan
        self._sentences = Sentences(plan)
        self._writing: Entry | None = None  # the message of the text that is no sentence yet

    @property
    def playing(self) -> bool:
        """Something is still to be heard."""
        return not self._reply.over or self.row.waiting > 0

    def say(self, text: str, entry: Entry | None = None) -> None:
        """Say a whole text."""
        self.finish()
        self.stream(text, entry)
        self.finish()

    def pieces(self, text: str) -> list[str]:
        """A whole text as the voice will be given it."""
        sentences = Sentences(self._plan)
        return [piece for piece in [*sentences.feed(text), sentences.finish()] if piece]

    def stream(self, text: str, entry: Entry | None) -> bool:
        """More of a text that is still being written; True if a piece became complete."""
        self._writing = entry
        pieces = self._sentences.feed(text)
        for piece in pieces:
            self._reply.add(piece, entry)
        return bool(pieces)

    def finish(self) -> bool:
        """The streamed text is complete; True if there was a last piece."""
        rest = self._sentences.finish()
        if rest:
            self._reply.add(rest, self._writing)
        return bool(rest)

    def forget_unfinished(self) -> str:
        """The text that no piece was made of yet will not be said. Returns it."""
        return self._sentences.finish()

    def saying(self, conversation: Conversation) -> tuple[Unsaid, ...]:
        """Plain data, from which another process can go on in mid-sentence."""
        return tuple(
            Unsaid(
                text=piece.text,
                start=piece.start,
                entry=None if piece.entry is None else conversation.index(piece.entry),
                whole=piece.over,
            )
            for piece in self._reply.pieces
        )

    def resume(self, saying: Sequence[Unsaid], conversation: Conversation) -> None:
        """Go on with what another process was saying."""
        begun = [piece.start for piece in saying if piece.start is not None]
        ends = [*begun[1:], self.row.written]  # where the next one begins, this one is whole
        for number, piece in enumerate(saying):
            entry = None if piece.entry is None else conversation.at(piece.entry)
            resumed = self._reply.add(piece.text, entry)
            if piece.start is not None:
                resumed.resume(piece.start, ends[number])
                resumed.whole = piece.whole or number < len(begun) - 1

    def pump(self, now: float) -> bool:
        """Keep the voice and the queue busy; True if the first frame of a piece was queued."""
        self.voice.beat(now)
        if self._reply.over:
            return False
        while (piece := self._reply.to_voice) and not self.voice.busy:
            if self._reply.backlog_s > BACKLOG_S:
                break
            self._voicing(piece.text)
            self.voice.say(piece, now)
        if self.held:
            return False
        begun = self._reply.begun
        while (frames := self._reply.take(self.row.room, self.row.written)) is not None:
            self.row.write(frames)
        return self._reply.begun > begun

    def went_out(self) -> bool:
        """Whether the first frame of the reply has gone out since this was last asked."""
        if self.began_at is not None or (start := self._reply.start) is None:
            return False
        self.began_at = self.row.said_at(start)
        return self.began_at is not None

    def drop(self, now: float) -> Uttered | None:
        """Be silent at once. None: there was nothing to be dropped."""
        return self._leave(self.row.hush(), now)

    def close(self, now: float) -> Uttered | None:
        """All has been said. None: there was nothing."""
        return self._leave(self.row.taken, now)

    def _leave(self, upto: int, now: float) -> Uttered | None:
        self.went_out()
        self.voice.cancel()
        self._sentences.finish()
        reply, began_at = self._reply, self.began_at
        self._reply, self.began_at = Reply(), None
        if not reply.pieces:
            return None
        began_at = now if began_at is None else began_at
        ended_at = self.row.said_at(upto - 1) or now
        text = without(reply.heard(upto))
        return Uttered(text, began_at, max(began_at, ended_at), tuple(reply.cut(upto)))
