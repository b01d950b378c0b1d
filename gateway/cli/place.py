"""Which configuration a command is about, and how it says that something is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.config import Settings, load
from gateway.errors import GatewayError

PLACES = (Path("config/gateway.toml"), Path("/etc/trunkline/gateway.toml"))

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help=f"Configuration; else {PLACES[0]} or {PLACES[1]}."),
]

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)


def settings_of(config: Path | None) -> Settings:
    """The configuration to use. Raises ConfigError."""
    return load(config or next((place for place in PLACES if place.is_file()), None))


@contextmanager
def complaining() -> Iterator[None]:
    """What we raise on purpose is told in plain words, and ends the command with status 1."""
    try:
        yield
    except GatewayError as error:
        err.print(f"trunkline: {error}", markup=False)
        raise typer.Exit(1) from None
