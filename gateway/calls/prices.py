"""What a call has cost, by a list of prices that the owner edits: ``config/prices.toml``."""

import logging
import re
import tomllib
from datetime import date
from fnmatch import fnmatchcase
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gateway.calls.record import CallRecord, Usage
from gateway.errors import ConfigError

log = logging.getLogger(__name__)

# In a checkout it lies beside the configuration; a wheel carries it as package data.
_CHECKOUT = Path(__file__).parent.parent.parent / "config" / "prices.toml"
# What vendors put after a model's name that is still the same model.
_EDITION = re.compile(r"[-@:](latest|preview.*|20\d\d-?\d\d(-?\d\d)?.*)$")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(_Row):
    """Of one model. ``in``, ``out`` and ``cached`` are for a million tokens."""

    minute: float = Field(0.0, ge=0)
    tokens_in: float = Field(0.0, ge=0, alias="in")
    tokens_out: float = Field(0.0, ge=0, alias="out")
    cached: float | None = Field(None, ge=0)  # None: like the others
    characters: float = Field(0.0, ge=0)  # a thousand
    request: float = Field(0.0, ge=0)

    def of(self, usage: Usage) -> float:
        cached = self.tokens_in if self.cached is None else self.cached
        fresh = usage.tokens_in - usage.tokens_cached
        tokens = fresh * self.tokens_in + usage.tokens_cached * cached
        tokens += usage.tokens_out * self.tokens_out
        return (
            usage.seconds / 60 * self.minute
            + tokens / 1_000_000
            + usage.characters / 1000 * self.characters
            + (usage.requests - usage.failed) * self.request
        )


class TrunkPrice(_Row):
    """A minute, of calls that come in and of those that go out, by the number's beginning."""

    inward: float = Field(0.0, ge=0, alias="in")
    out: dict[str, float] = Field(default_factory=dict)

    def of(self, record: CallRecord) -> float:
        if record.direction == "inbound":
            return self.inward
        number = re.search(r"\+?\d+", record.dialled)
        fits = [n for n in self.out if number and number[0].startswith(n)]
        return self.out[max(fits, key=len)] if fits else 0.0


class Vendor(_Row):
    like: str = ""
    models: dict[str, Price] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _apart(cls, given: Any) -> Any:
        """In the file, the models lie beside ``like``."""
        if not isinstance(given, dict):
            return given
        return {
            "like": given.get("like", ""),
            "models": {name: price for name, price in given.items() if name != "like"},
        }

    def price(self, model: str) -> Price | None:
        names = (model, _EDITION.sub("", model))
        for name in names:
            if name in self.models:
                return self.models[name]
        fits = [p for p in self.models if any(fnmatchcase(name, p) for name in names)]
        return self.models[max(fits, key=len)] if fits else None


Vendors = dict[str, Vendor]


class Prices(_Row):
    checked: date
    hearing: Vendors = Field(default_factory=dict)
    thinking: Vendors = Field(default_factory=dict)
    speaking: Vendors = Field(default_factory=dict)
    trunks: dict[str, TrunkPrice] = Field(default_factory=dict)

    def price(self, usage: Usage) -> Price | None:
        part = "thinking" if usage.part == "analysis" else usage.part
        vendors: Vendors = getattr(self, part)
        vendor = vendors.get(usage.vendor)
        if vendor and vendor.like:
            return vendor.price(usage.model) or vendors[vendor.like].price(usage.model)
        return vendor.price(usage.model) if vendor else None

    @model_validator(mode="after")
    def _like_somebody(self) -> "Prices":
        for vendors in (self.hearing, self.thinking, self.speaking):
            for name, vendor in vendors.items():
                if vendor.like and vendor.like not in vendors:
                    raise ValueError(f"{name} is like {vendor.like}, which has no prices")
        return self

    def bill(self, record: CallRecord) -> None:
        """Enter into the record what everything cost; None where no price is known."""
        for usage in record.usage:
            price = self.price(usage)
            usage.cost = None if price is None else round(price.of(usage), 6)
        if trunk := self.trunks.get(record.trunk):
            record.transport_cost = round(trunk.of(record) * record.minutes, 6)


class PriceFile:
    """The list as it is now; ``path`` empty is the one that comes with the gateway. Raises
    ConfigError if it is wrong at the start; later, a wrong one is told and not taken."""

    def __init__(self, path: str = "") -> None:
        self._path = Path(path) if path else _shipped()
        self._seen = self._stamp()
        self._prices = read(self._path)

    def current(self) -> Prices:
        if (stamp := self._stamp()) != self._seen:
            self._seen = stamp
            try:
                self._prices = read(self._path)
                log.info("new prices are read from %s", self._path)
            except ConfigError as error:
                log.error("the prices stay as they were: %s", error)
        return self._prices

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def read(path: Path) -> Prices:
    """Raises ConfigError that says what is wrong, and where."""
    try:
        return Prices.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise ConfigError(f"[calls] prices: {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"[calls] prices: {path}: not valid TOML: {error}") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc'])).replace('.models', '')}: {e['msg']}"
            for e in error.errors()
        )
        raise ConfigError(f"[calls] prices: {path}: {wrong}") from None


def _shipped() -> Path:
    if _CHECKOUT.is_file():
        return _CHECKOUT
    with as_file(files("gateway") / "prices.toml") as path:
        return path
