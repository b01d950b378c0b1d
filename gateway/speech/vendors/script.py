"""``script``: the thinking that needs no model. The engine is :mod:`gateway.speech.script`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway.speech.choosing import Options, read
from gateway.speech.contract import Delta, Finished, Message, Said, Tool
from gateway.speech.script import Dialogue, Script
from gateway.speech.settings import VendorSettings
from gateway.speech.thinking import Row


class ScriptOptions(BaseModel):
    """``options``: the script, and the call's variables for its templates."""

    model_config = ConfigDict(extra="ignore")  # temperature and the like mean nothing to it

    script: Script
    variables: dict[str, Any] = {}


def make(
    vendor: str, row: Row, model: str, options: Options, settings: VendorSettings, name: str
) -> "ScriptThinking":
    chosen = read(ScriptOptions, options, vendor)
    return ScriptThinking(chosen.script, {"callId": name} | chosen.variables)


class ScriptThinking:
    """One call's dialogue."""

    vendor = "script"

    def __init__(self, script: Script, variables: Mapping[str, Any]) -> None:
        self._dialogue = Dialogue(script, variables)

    async def open(self) -> None: ...

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> AsyncIterator[Delta]:
        answer = self._dialogue.answer(messages, datetime.now().astimezone())
        for piece in answer.pieces():
            yield Said(piece)
        if answer.call:
            yield answer.call
        yield Finished("tool_calls" if answer.call else "stop")

    def expected(self, messages: Sequence[Message]) -> Sequence[str]:
        return self._dialogue.expected(messages)

    async def close(self) -> None: ...
