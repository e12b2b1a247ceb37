"""Which modes of search a server knows, by its own description, and what a question in each of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from citewell_entrypoints.client import Api
from citewell_entrypoints.client.errors import Refused
from citewell_entrypoints.client.transport import exchange
from citewell_entrypoints.evaluation.errors import UnusableServer

__all__ = ["RERANKED", "chosen_modes", "described_modes", "known_modes", "made_anew"]

#: `hybrid` and then reranked; where the server has a reranker, `hybrid` is measured without it.
RERANKED: Final = "reranked"

_DESCRIPTION: Final = "/schema/openapi.json"
_BAD_REQUEST: Final = 400


def chosen_modes(api: Api, wanted: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """The modes that are wanted, each once, or all that the server knows: what a question in each says.

    Raises UnusableServer, ClientError.
    """
    reply = exchange(api.address, "GET", _DESCRIPTION)
    description = reply.json() if reply.status == 200 else {}
    known = known_modes(api, described_modes(description))
    if not known:
        raise UnusableServer(f"{api.address}{_DESCRIPTION} does not say which modes there are")
    if unknown := [mode for mode in wanted if mode not in known]:
        raise UnusableServer(f"the server knows no mode {', '.join(unknown)}: it has {', '.join(known)}")
    anew = made_anew(description)
    return {mode: {**known[mode], **anew} for mode in wanted or known}


def made_anew(description: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a question says so that its time is that of a search, not of a reply that was kept."""
    return {"cache": False} if "cache" in _fields(description) else {}


def known_modes(api: Api, described: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """What a question in each mode says: the described ones, and RERANKED if the server has a reranker."""
    modes: dict[str, Mapping[str, Any]] = {mode: {"mode": mode} for mode in described}
    if "hybrid" in modes and RERANKED not in modes and _reranks(api):
        modes["hybrid"] = {"mode": "hybrid", "rerank": False}
        modes[RERANKED] = {"mode": "hybrid", "rerank": True}
    return modes


def _reranks(api: Api) -> bool:
    """Whether the server has a reranker: without one it refuses, as one does that knows no such field."""
    try:
        api.query({"question": RERANKED, "top_k": 1, "mode": "hybrid", "rerank": True})
    except Refused as error:
        if error.status == _BAD_REQUEST:
            return False
        raise
    return True


def described_modes(description: Mapping[str, Any]) -> tuple[str, ...]:
    """The values of `mode` in the body of a query, in their order; empty if the description lacks it."""
    try:
        mode = _resolved(description, _fields(description)["mode"])
    except (KeyError, TypeError):
        return ()
    values = mode.get("enum") or [mode.get("const")]
    return tuple(value for value in values if isinstance(value, str))


def _fields(description: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the body of a query may say; nothing if the description lacks it."""
    try:
        operation = description["paths"]["/api/v1/query"]["post"]
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        fields: Mapping[str, Any] = _resolved(description, body)["properties"]
    except (KeyError, TypeError):
        return {}
    return fields


def _resolved(description: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the schema refers to, or itself."""
    while "$ref" in schema:
        found: Any = description
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema
