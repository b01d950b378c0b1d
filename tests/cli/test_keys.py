"""``trunkline keys``: made, shown once, listed and revoked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from typer.testing import CliRunner

from gateway.cli import app
from tests.cli.conftest import FakeApi

MADE = {"id": "k1", "orgId": "o1", "tag": "private", "name": "CI", "value": "the-secret"}


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["keys", *words])


def test_they_are_listed_without_their_values(api: FakeApi) -> None:
    until = "2030-01-02T03:04:05.000Z"
    short = {"id": "k2", "orgId": "o1", "tag": "public", "expiresAt": until}
    api.answers["GET /token"] = [(200, [MADE, short])]
    result = run()
    assert result.exit_code == 0, result.output
    first, second = result.output.splitlines()
    assert first.split() == ["k1", "private", "org", "o1", "CI"]
    assert second.split() == ["k2", "public", "org", "o1", "until", until]
    assert "the-secret" not in result.output


def test_one_is_made_and_shown(api: FakeApi) -> None:
    api.answers["POST /token"] = [(201, MADE)]
    result = run("make", "CI")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == ["the-secret", "id k1, private, organisation o1"]
    assert api.requests == [("POST /token", {"tag": "private", "name": "CI"})]


def test_a_public_one_for_some_days(api: FakeApi) -> None:
    api.answers["POST /token"] = [(201, MADE | {"tag": "public"})]
    assert run("make", "--public", "--days", "2").exit_code == 0
    ((_, body),) = api.requests
    assert body["tag"] == "public"
    left = datetime.fromisoformat(body["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=1) < left <= timedelta(days=2)


def test_an_organisation_is_found_by_its_name_or_made(api: FakeApi) -> None:
    api.answers["GET /org"] = [(200, [{"id": "o1", "name": "Acme"}])]
    api.answers["POST /org"] = [(201, {"id": "o2", "name": "New"})]
    api.answers["POST /token"] = [(201, MADE)]
    for wanted in ("Acme", "o1", "New"):
        assert run("make", "--org", wanted).exit_code == 0
    bodies = [body for line, body in api.requests if line == "POST /token"]
    assert [body["orgId"] for body in bodies] == ["o1", "o1", "o2"]
    assert ("POST /org", {"name": "New"}) in api.requests


def test_one_is_revoked(api: FakeApi) -> None:
    api.answers["DELETE /token/k1"] = [(200, MADE)]
    assert run("revoke", "k1").exit_code == 0
    assert api.requests == [("DELETE /token/k1", None)]


def test_what_the_gateway_refuses_is_told(api: FakeApi) -> None:
    api.answers["DELETE /token/k9"] = [(404, {"message": "Token k9 does not exist"})]
    result = run("revoke", "k9")
    assert result.exit_code == 1
    assert "Token k9 does not exist" in result.output
    assert run("make", "--days", "0").exit_code == 2
