"""``[store]``: where assistants, numbers and call records are kept."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FILE = "trunkline.db"


class StoreSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        "",
        description="an SQLAlchemy URL, e.g. postgresql+asyncpg://user:password@host/trunkline; "
        f"empty: SQLite in <state_dir>/{FILE}",
    )

    recordings_days: float | None = Field(
        None,
        ge=0,
        description="days that recordings and SIP captures are kept; unset: for ever",
    )
    transcripts_days: float | None = Field(
        None, ge=0, description="days that transcripts and variables are kept; unset: for ever"
    )

    def url_in(self, state_dir: Path) -> str:
        """The URL to open; the default is a file in the state directory."""
        return self.url or f"sqlite:///{state_dir.absolute() / FILE}"
