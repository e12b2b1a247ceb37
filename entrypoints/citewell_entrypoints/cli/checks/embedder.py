"""The embedder."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from citewell.errors import CitewellError, Transient
from citewell.model import EmbeddingSpace
from citewell_entrypoints.cli.checks.finding import Finding, fail, ok
from citewell_entrypoints.container import Container
from citewell_entrypoints.settings import Settings, SettingsError

__all__ = ["check_embedder"]


def check_embedder(settings: Settings) -> tuple[Finding, EmbeddingSpace | None]:
    """Whether the chosen embedder embeds a word, and the space of its vectors, if it does."""
    backend = settings.embeddings_backend
    try:
        space = asyncio.run(_try_out(settings))
    except (CitewellError, SettingsError, ImportError) as error:
        away = isinstance(error, Transient)
        mend = "try again later, or check the endpoint and the key" if away else _MEND
        return fail("embedder", f"{backend}: {error}", mend=mend), None
    return ok("embedder", f"{backend}: {space}"), space


_MEND = "check APP_EMBEDDINGS_BACKEND, APP_EMBEDDINGS_MODEL and APP_EMBEDDINGS_DIM; `mock` always works"


async def _try_out(settings: Settings) -> EmbeddingSpace:
    embedder = Container(settings=settings).embedder()
    async with AsyncExitStack() as stack:
        if isinstance(embedder, AbstractAsyncContextManager):
            await stack.enter_async_context(embedder)
        await embedder.embed(["citewell"], role="question")
        return embedder.space
