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

    def url_in(self, state_dir: Path) -> str:
        """The URL to open; the default is a file in the state directory."""
        return self.url or f"sqlite+aiosqlite:///{state_dir.absolute() / FILE}"
