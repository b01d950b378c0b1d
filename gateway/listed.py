"""Settings that are lists: in TOML as lists, in an environment variable with commas."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _checked(value: list[str]) -> list[str]:
    for text in value:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"{text!r} is neither an address nor a network") from None
    return value


Texts = Annotated[list[str], BeforeValidator(_split)]
Networks = Annotated[Texts, AfterValidator(_checked)]  # as written: 10.0.0.0/8, or one address
