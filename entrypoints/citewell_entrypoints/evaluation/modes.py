"""Which modes of search a server knows, by its own description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from citewell_entrypoints.client import Api
from citewell_entrypoints.client.transport import exchange
from citewell_entrypoints.evaluation.errors import UnusableServer

__all__ = ["chosen_modes", "described_modes"]

_DESCRIPTION = "/schema/openapi.json"


def chosen_modes(api: Api, wanted: Sequence[str]) -> tuple[str, ...]:
    """The modes that are wanted, each once, or all that the server knows.

    Raises UnusableServer, ClientError.
    """
    reply = exchange(api.address, "GET", _DESCRIPTION)
    known = described_modes(reply.json()) if reply.status == 200 else ()
    if not known:
        raise UnusableServer(f"{api.address}{_DESCRIPTION} does not say which modes there are")
    if unknown := [mode for mode in wanted if mode not in known]:
        raise UnusableServer(f"the server knows no mode {', '.join(unknown)}: it has {', '.join(known)}")
    return tuple(dict.fromkeys(wanted)) or known


def described_modes(description: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of `mode` in the body of a query, in their order; empty if the description lacks it."""
    try:
        operation = description["paths"]["/api/v1/query"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        mode = _resolved(description, _resolved(description, body)["properties"]["mode"])
    except (KeyError, TypeError):
        return ()
    values = mode.get("enum") or [mode.get("const")]
    return tuple(value for value in values if isinstance(value, str))


def _resolved(description: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the schema refers to, or itself."""
    while "$ref" in schema:
        found: Any = description
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema
