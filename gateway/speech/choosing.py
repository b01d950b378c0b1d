"""What the tables of vendors share: a row, reading a vendor's options, refusing a stranger."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gateway.errors import ConfigError
from gateway.speech.settings import VendorSettings

Options = Mapping[str, Any]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Row:
    """A vendor of hearing or speaking. Its module is imported at first use; ``make`` is a name in
    it that is given the model, the options, the settings and the call's name for the vendor's bills
    and logs, and gives a dialect or the whole."""

    module: str  # below gateway.speech
    make: str
    options: str = "Options"

    def load(self) -> Any:
        return import_module(f"gateway.speech.{self.module}")


def made(
    row: Row, vendor: str, model: str, options: Options, settings: VendorSettings, tag: str
) -> Any:
    """What a row makes; ConfigError names a wrong option."""
    module = row.load()
    chosen = read(getattr(module, row.options), options, vendor)
    return getattr(module, row.make)(model, chosen, settings, tag)


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
