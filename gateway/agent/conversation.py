"""The conversation as a chat model knows it, and as it is carried to another process."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from gateway.speech.contract import Called, Message

RUNNING = "The tool is still running; its result will follow."
KEYPAD = "User's Keypad Entry: "  # the API's words for what the caller typed

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(eq=False)
class Entry:
    """One message, as long as it may still change: what is being said can be cut short."""

    role: Role
    content: str
    tool_calls: tuple[Called, ...] = ()
    tool_call_id: str = ""

    def message(self) -> Message:
        return Message(self.role, self.content, self.tool_calls, self.tool_call_id)

    def plain(self) -> dict[str, Any]:
        """The message as a dict. By hand: this is done with each step of the conversation for all
        of it, and dataclasses.asdict takes ten times as long."""
        calls = tuple(asdict(called) for called in self.tool_calls)
        return {
            "role": self.role,
            "content": self.content,
            "tool_calls": calls,
            "tool_call_id": self.tool_call_id,
        }


class Conversation:
    def __init__(self, entries: Iterable[Mapping[str, Any]] = ()) -> None:
        """``entries`` as :meth:`plain` gave them, or an assistant's ``system`` messages."""
        self._entries = [
            Entry(
                entry["role"],
                entry.get("content") or "",
                tuple(Called(**called) for called in entry.get("tool_calls", ())),
                entry.get("tool_call_id", ""),
            )
            for entry in entries
        ]
        self.unseen = False  # a tool's result that the model has not been shown

    def plain(self) -> tuple[dict[str, Any], ...]:
        """Plain data, from which the same conversation can be made again."""
        return tuple(entry.plain() for entry in self._entries)

    def index(self, entry: Entry) -> int:
        return self._entries.index(entry)

    def at(self, index: int) -> Entry:
        return self._entries[index]

    def user(self, text: str) -> None:
        """The caller said this. While nobody has answered it is one message, however often the
        caller paused for breath."""
        if self._entries and self._entries[-1].role == "user":
            last = self._entries[-1]
            last.content = f"{last.content} {text}".strip()
        else:
            self._entries.append(Entry("user", text))

    def add(self, message: Message) -> None:
        """A message from elsewhere."""
        self._entries.append(Entry(message.role, message.content))

    def assistant(self, text: str = "") -> Entry:
        """The agent begins to say something."""
        self._entries.append(Entry("assistant", text))
        return self._entries[-1]

    def forget_if_empty(self, entry: Entry) -> None:
        """Nothing of it was heard and it called no tool: it never happened."""
        if not entry.content.strip() and not entry.tool_calls and entry in self._entries:
            self._entries.remove(entry)

    def called(self, entry: Entry, called: Called) -> Called:
        """The model called a tool. Returns the call under an id that is unique here."""
        known = {c.id for e in self._entries for c in e.tool_calls}
        unique, count = called.id or "call", 1
        while unique in known:
            count += 1
            unique = f"{called.id or 'call'}-{count}"
        called = Called(unique, called.name, called.arguments)
        entry.tool_calls += (called,)
        return called

    def result(self, tool_call_id: str, content: str) -> bool:
        """A tool's result takes its place behind its call, whatever was said since: chat models
        refuse a call without one. False if no call of that id waits for a result."""
        if tool_call_id not in {called.id for called in self.waiting}:
            return False
        place = next(
            index
            for index, entry in enumerate(self._entries)
            if any(called.id == tool_call_id for called in entry.tool_calls)
        )
        while place + 1 < len(self._entries) and self._entries[place + 1].role == "tool":
            place += 1
        self._entries.insert(place + 1, Entry("tool", content, tool_call_id=tool_call_id))
        self.unseen = True
        return True

    @property
    def waiting(self) -> tuple[Called, ...]:
        """The tool calls that have no result yet."""
        answered = {entry.tool_call_id for entry in self._entries if entry.role == "tool"}
        return tuple(
            called
            for entry in self._entries
            for called in entry.tool_calls
            if called.id not in answered
        )

    @property
    def owes_reply(self) -> bool:
        """Whether the model has yet to answer something: the caller, or a tool's result."""
        if self.waiting:
            return False
        return self.unseen or bool(self._entries and self._entries[-1].role in ("user", "tool"))

    @property
    def last_said(self) -> str:
        """The agent's last message that has words."""
        said = (e.content for e in reversed(self._entries) if e.role == "assistant")
        return next(filter(None, said), "")

    def messages(self) -> Sequence[Message]:
        """The messages as they are."""
        return [entry.message() for entry in self._entries]

    def shown(self, but: Entry | None = None) -> list[Message]:
        """The messages for the model, which has then seen every result there is; without ``but``,
        which it is still writing."""
        self.unseen = False
        waiting = self.waiting
        messages = []
        for entry in self._entries:
            if entry is but:
                continue
            messages.append(entry.message())
            messages += [
                Message("tool", RUNNING, tool_call_id=called.id)
                for called in entry.tool_calls
                if called in waiting
            ]
        return messages
