"""``[agents]``: the processes in which the conversations are held."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _model(path: str) -> str:
    if path and not os.access(path, os.R_OK):
        there = Path(path).exists()
        raise ValueError("this file may not be read" if there else "there is no such file")
    if path and find_spec("onnxruntime") is None:
        raise ValueError('onnxruntime is not installed: install the extra "turns"')
    return path


class AgentSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    processes: int = Field(0, ge=0, description="agent processes; 0: the machine's cores less one")
    stop_s: float = Field(5.0, gt=0, description="how long an agent may take to let go of a call")
    deaths: int = Field(
        3, ge=1, description="a call whose agent process died this often is given up, not resumed"
    )
    lag_ms: float = Field(
        200.0,
        gt=0,
        description="a process whose loop is late by this, for two seconds, gets no new calls; if "
        "all are, new calls are refused with 503",
    )
    smart_turn: Annotated[str, AfterValidator(_model)] = Field(
        "", description="path of Smart Turn's ONNX model; empty: turns end by our own estimate"
    )

    voice_cache_mb: int = Field(
        64, ge=0, description="sound of texts already spoken that each process keeps"
    )

    context_characters: int = Field(
        200_000,
        ge=1000,
        description="of a conversation that a model is shown; some four make a token",
    )
    result_characters: int = Field(
        20_000, ge=100, description="of one tool's result that a model is shown"
    )

    @property
    def count(self) -> int:
        """How many processes that makes on this machine."""
        return self.processes or max(1, len(os.sched_getaffinity(0)) - 1)
