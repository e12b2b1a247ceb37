"""The database and the embedders as an operator's command needs them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final, get_args

from citewell.errors import NotFound
from citewell.ports import Embedder
from citewell_entrypoints import builders
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.spaces import settings_of

if TYPE_CHECKING:
    from citewell_adapters.pgvector import PgDatabase, PgSpaces

__all__ = ["opened_embedder", "operators_database", "target_settings"]

#: Counting all vectors of a large database takes longer than a query may.
_STATEMENT_SECONDS: Final = 1_800.0
_CONNECTIONS: Final = 4

_BACKENDS: Final = get_args(Settings.model_fields["embeddings_backend"].annotation)


@asynccontextmanager
async def operators_database(settings: Settings) -> AsyncIterator[PgDatabase]:
    """The settings' database, for statements that take their time."""
    from citewell_adapters.pgvector import PgDatabase

    url = settings.database_url.get_secret_value() if settings.database_url else ""
    async with PgDatabase(
        url,
        max_size=_CONNECTIONS,
        statement_timeout_seconds=_STATEMENT_SECONDS,
        application_name="citewell reembed",
        search_ef=settings.search_ef,
    ) as database:
        yield database


@asynccontextmanager
async def opened_embedder(settings: Settings) -> AsyncIterator[Embedder]:
    """The embedder that the settings name."""
    embedder = builders.settings_embedder(settings)
    if isinstance(embedder, AbstractAsyncContextManager):
        async with embedder:
            yield embedder
    else:
        yield embedder


async def target_settings(
    settings: Settings, spaces: PgSpaces, *, to: str | None, model: str | None, dimensions: int | None
) -> Settings:
    """The settings with the embedder that is wanted.

    to: a backend, the id of a space, or None for what the settings say. What is not given is the settings'
    if the backend is, else the backend's own. Raises NotFound for an id that is not there.
    """
    if to is None or to == settings.embeddings_backend:
        given = {"embeddings_model": model, "embeddings_dim": dimensions}
        if model is not None and dimensions is None:
            # Those in the settings are of the model in the settings.
            settings = settings.model_copy(update={"embeddings_dim": None})
        return settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    if to in _BACKENDS:
        return settings.model_copy(
            update={"embeddings_backend": to, "embeddings_model": model, "embeddings_dim": dimensions}
        )
    held = next((state.space for state in await spaces.list() if str(state.space.id) == to), None)
    if held is None or held.origin is None:
        raise NotFound(
            f"{to} is neither {', '.join(_BACKENDS)} nor the id of an embedding space whose embedder is "
            "known: `citewell spaces` lists them"
        )
    return settings_of(settings, held.origin, dimensions=held.space.dimensions)
