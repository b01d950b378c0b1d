"""``[calls]``: how calls are admitted and how the gateway takes its leave of them."""

from pydantic import BaseModel, ConfigDict, Field


class CallSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    drain_s: float = Field(
        600.0, ge=0, description="after TERM, how long live calls may go on; then they are ended"
    )
    ring_s: float = Field(60.0, gt=0, description="how long an outbound call may ring")
    diagnosis_s: float = Field(600.0, gt=0, description="the longest call to the echo user")
    bridged_s: float = Field(
        14_400.0, ge=0, description="how long two transferred parties may talk; 0: without a limit"
    )
    concurrency: int = Field(
        0, ge=0, description="calls that one organisation may have at once; 0: as there are lines"
    )
    queue_s: float = Field(
        3600.0, ge=0, description="how long an outbound call may wait for room; 0: it is refused"
    )
    prices: str = Field(
        "", description="a TOML file of what vendors and carriers charge; empty: the one shipped"
    )
    log: str = Field("", description="a file that gets a line of JSON for each ended call")
    demo: bool = Field(True, description="answer the built-in users demo and echo")
