"""Scenario files: YAML, a scenario or several that have something in common."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.errors import ConfigError
from gateway.simulate.settings import Scenario


def read(path: Path) -> list[Scenario]:
    """The scenarios of a file, each with its assistant's JSON in it. Raises ConfigError, which
    names the file and the field."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(document, dict) or "scenarios" not in document:
        return [_scenario(path, document)]
    scenarios = document.pop("scenarios")  # and what is beside them is true of each
    if not isinstance(scenarios, list) or not all(isinstance(one, dict) for one in scenarios):
        raise ConfigError(f"{path}: scenarios: a list of scenarios")
    return [_scenario(path, document | one) for one in scenarios]


def _scenario(path: Path, document: Any) -> Scenario:
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{path}: {place + ': ' if place else ''}{first['msg']}") from None
    if isinstance(scenario.assistant, dict):
        return scenario
    file = path.parent / scenario.assistant
    try:
        assistant = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: assistant: {file}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: assistant: {file} is not valid JSON: {error}") from None
    return scenario.model_copy(update={"assistant": assistant})
