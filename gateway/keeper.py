"""Which gateway keeps a call, where several share a database: a name that outlives the process."""

from pathlib import Path
from uuid import uuid4

from gateway.errors import ConfigError

FILE = "gateway.id"


def keeper_in(state_dir: Path) -> str:
    """The name in ``<state_dir>/gateway.id``, made now if there is none. Raises ConfigError."""
    path = state_dir / FILE
    try:
        try:
            with path.open("x") as file:
                file.write(f"{uuid4()}\n")
        except FileExistsError:
            pass
        name = path.read_text().strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the gateway's name in {path}: {error}") from None
    if not name:
        raise ConfigError(f"{path} is empty; delete it and a new name is made")
    return name
