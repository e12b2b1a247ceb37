"""Which modes a server says that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.http_app import settings

from citewell_entrypoints.client import Address, Api
from citewell_entrypoints.client.errors import Refused
from citewell_entrypoints.client.transport import Reply
from citewell_entrypoints.container import HttpContainer
from citewell_entrypoints.evaluation.modes import described_modes, known_modes, made_anew
from citewell_entrypoints.http import create_app
from citewell_entrypoints.http.streams import OpenStreams


def described(body: Any, **components: Any) -> dict[str, Any]:
    """A description whose query has this body."""
    content = {"application/json": {"schema": body}}
    return {
        "paths": {"/api/v1/query": {"post": {"requestBody": {"content": content}}}},
        "components": {"schemas": components},
    }


def test_the_description_of_the_api_tells_its_modes(tmp_path: Path) -> None:
    """As it is made today."""
    app = create_app(HttpContainer(settings=settings(tmp_path)), streams=OpenStreams())
    assert "dense" in described_modes(app.openapi_schema.to_schema())


@pytest.mark.parametrize(
    "description",
    [
        described({"properties": {"mode": {"enum": ["hybrid", "dense"]}}}),
        described(
            {"$ref": "#/components/schemas/Q"}, Q={"properties": {"mode": {"enum": ["hybrid", "dense"]}}}
        ),
        described(
            {"properties": {"mode": {"$ref": "#/components/schemas/M"}}}, M={"enum": ["hybrid", "dense"]}
        ),
    ],
    ids=["inline", "body elsewhere", "mode elsewhere"],
)
def test_modes_are_found_wherever_they_are_described(description: dict[str, Any]) -> None:
    """In their order, behind references too."""
    assert described_modes(description) == ("hybrid", "dense")


def test_a_single_mode_is_a_constant() -> None:
    """As other writers of schemas say it."""
    assert described_modes(described({"properties": {"mode": {"const": "dense"}}})) == ("dense",)


def test_times_are_those_of_searches(tmp_path: Path) -> None:
    """No reply may be one that was kept; older servers keep none, and know no such field."""
    app = create_app(HttpContainer(settings=settings(tmp_path)), streams=OpenStreams())
    assert made_anew(app.openapi_schema.to_schema()) == {"cache": False}
    for older in ({}, described({"properties": {"mode": {"enum": ["dense"]}}})):
        assert made_anew(older) == {}


@pytest.mark.parametrize(
    "description", [{}, {"paths": None}, described({}), described({"properties": {"mode": {}}})]
)
def test_a_description_without_modes_has_none(description: dict[str, Any]) -> None:
    """Whatever else answers at the address."""
    assert described_modes(description) == ()


class Server(Api):
    """A server that replies to reranked questions or refuses them with a status."""

    def __init__(self, status: int) -> None:
        super().__init__(Address("127.0.0.1", 9))
        self.status = status
        self.asked: list[Mapping[str, Any]] = []

    def query(self, body: Mapping[str, Any]) -> Reply:
        self.asked.append(body)
        if self.status != 200:
            raise Refused("no", status=self.status, title="No")
        return Reply(200, {}, "{}")


def test_a_server_with_a_reranker_is_measured_with_and_without() -> None:
    """So that `--compare` can hold both against each other."""
    assert known_modes(Server(200), ("dense", "hybrid")) == {
        "dense": {"mode": "dense"},
        "hybrid": {"mode": "hybrid", "rerank": False},
        "reranked": {"mode": "hybrid", "rerank": True},
    }


@pytest.mark.parametrize("described", [(), ("dense",), ("hybrid", "reranked")])
def test_where_there_is_nothing_to_rerank_nobody_asks(described: tuple[str, ...]) -> None:
    """Nor where the server has a mode of this name itself."""
    server = Server(200)
    assert known_modes(server, described) == {mode: {"mode": mode} for mode in described}
    assert server.asked == []


def test_a_server_that_refuses_to_rerank_has_no_such_mode() -> None:
    """Older ones know no such field; a failure of another kind is one of the evaluation."""
    assert known_modes(Server(400), ("hybrid",)) == {"hybrid": {"mode": "hybrid"}}
    with pytest.raises(Refused):
        known_modes(Server(500), ("hybrid",))
