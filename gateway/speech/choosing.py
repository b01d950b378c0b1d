"""What the three tables of vendors share: reading a vendor's options, and refusing a stranger."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.errors import ConfigError

Options = Mapping[str, Any]
Model = TypeVar("Model", bound=BaseModel)


def read(kind: type[Model], options: Options, vendor: str) -> Model:
    """The vendor's own options; ConfigError names the first that is wrong."""
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ConfigError(f"{vendor}: {place}: {first['msg']}{more}") from None


def unknown(part: str, vendor: str, known: Iterable[str]) -> ConfigError:
    """The error that says so."""
    return ConfigError(f"unknown vendor for {part}: {vendor!r}; known are {', '.join(known)}")
