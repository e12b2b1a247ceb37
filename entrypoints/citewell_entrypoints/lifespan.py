"""The only opener: enters what holds connections or models, in an order in which each finds what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, Final

from citewell_entrypoints.container import Container

__all__ = ["build_resources", "open_resources"]

_OF_HTTP: Final = ("llm", "renderer", "reranker", "shared_cache")


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


def build_resources(container: Container) -> None:
    """Import and build what `open_resources` opens, so that this is done when there is something to open."""
    for provider in _openable(container):
        provider()
    container.broker()


def _openable(container: Container) -> Iterator[Callable[[], Any]]:
    # The database first: it says which embedding space is served, so which embedder is opened.
    yield container.database
    yield container.embedder
    yield container.vectors
    yield container.blobs
    yield container.scratch
    yield container.parser
    # An instance of a declarative container is not one of its class: it is asked what it has.
    for name in _OF_HTTP:
        if name in container.providers:
            yield container.providers[name]
