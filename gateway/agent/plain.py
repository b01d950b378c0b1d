"""What crosses the process boundary: plain data, as JSON."""

from pydantic import BaseModel, ConfigDict


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
