"""The only opener: enters what holds connections or models, in an order in which each finds what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from citewell_entrypoints.container import Container, HttpContainer

__all__ = ["open_resources"]


@asynccontextmanager
async def open_resources(container: Container) -> AsyncIterator[None]:
    """Opens the container's adapters; leaving closes them in reverse, whatever happened."""
    async with AsyncExitStack() as stack:
        # The embedder first: only an opened one knows its space, which the vector store is built with.
        providers = [
            container.embedder,
            container.database,
            container.vectors,
            container.blobs,
            container.parser,
        ]
        if isinstance(container, HttpContainer):
            providers.append(container.llm)
        for provider in providers:
            adapter = provider()
            if isinstance(adapter, AbstractAsyncContextManager):
                await stack.enter_async_context(adapter)
        yield
