"""The only opener: enters what holds connections or models, in an order in which each finds what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from citewell_entrypoints.container import Container, HttpContainer

__all__ = ["open_resources"]


@asynccontextmanager
async def open_resources(container: Container) -> AsyncIterator[None]:
    """Opens the container's adapters; leaving closes them in reverse, whatever happened."""
    async with AsyncExitStack() as stack:
        for provider in _openable(container):
            adapter = provider()
            if isinstance(adapter, AbstractAsyncContextManager):
                await stack.enter_async_context(adapter)
        stack.callback(container.broker().close)
        yield


def _openable(container: Container) -> Iterator[Callable[[], Any]]:
    # The embedder first: only an opened one knows its space, which the vector store is built with.
    yield container.embedder
    yield container.database
    yield container.vectors
    yield container.blobs
    yield container.scratch
    yield container.parser
    if isinstance(container, HttpContainer):
        yield container.llm
        yield container.renderer
