"""The embedder."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final

from citewell.errors import CitewellError, Transient
from citewell.model import EmbeddingSpace
from citewell_entrypoints import builders
from citewell_entrypoints.cli.checks.finding import Finding, fail, ok
from citewell_entrypoints.settings import Settings, SettingsError

__all__ = ["check_embedder"]

_ANSWER_SECONDS: Final = 10.0
_LATER: Final = "try again later, or check the endpoint and the key"
_MEND: Final = "check APP_EMBEDDINGS_BACKEND, _MODEL and _DIM, APP_CHUNK_TOKENS and _OVERLAP_TOKENS"


def check_embedder(settings: Settings) -> tuple[Finding, EmbeddingSpace | None]:
    """Whether the chosen embedder embeds a word and reads whole chunks; the space of its vectors, if so."""
    backend = settings.embeddings_backend
    try:
        space = asyncio.run(_try_out(settings))
    except (CitewellError, SettingsError, ImportError) as error:
        mend = _LATER if isinstance(error, Transient) else _MEND
        return fail("embedder", f"{backend}: {error}", mend=mend), None
    return ok("embedder", f"{backend}: {space}"), space


async def _try_out(settings: Settings) -> EmbeddingSpace:
    # An endpoint that is away is to be told of in seconds.
    hasty = {"openai_max_retries": 0, "openai_timeout_seconds": _ANSWER_SECONDS}
    embedder = builders.settings_embedder(settings.model_copy(update=hasty))
    async with AsyncExitStack() as stack:
        if isinstance(embedder, AbstractAsyncContextManager):
            await stack.enter_async_context(embedder)
        await embedder.embed(["citewell"], role="question")
        builders.settings_chunker(settings, embedder)
        return embedder.space
