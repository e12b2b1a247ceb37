"""Which modes a server says that it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.http_app import settings

from citewell_entrypoints.container import HttpContainer
from citewell_entrypoints.evaluation.modes import described_modes
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


@pytest.mark.parametrize(
    "description", [{}, {"paths": None}, described({}), described({"properties": {"mode": {}}})]
)
def test_a_description_without_modes_has_none(description: dict[str, Any]) -> None:
    """Whatever else answers at the address."""
    assert described_modes(description) == ()
