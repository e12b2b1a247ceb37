"""Which embedding space a process serves: the one that is active in the database."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

from citewell.caching import QuestionVectors
from citewell.errors import CitewellError, SpaceMismatch
from citewell.ports import Chunker, Embedder, TokenCounter
from citewell_entrypoints.settings import Settings, SettingsError
from citewell_entrypoints.spaces.away import AwayEmbedder
from citewell_entrypoints.spaces.origins import origin_of, settings_of

if TYPE_CHECKING:
    from citewell_adapters.pgvector import OpenedSpace, PgDatabase, PgVectorStore

__all__ = ["Served", "ServedSpaces", "SpaceParts"]

T = TypeVar("T")

#: How often a piece of work begins anew because the space was changed under it.
_TRIES: Final = 6
#: A passage is counted by whoever cuts it, by whoever keeps it and, without a context, before it is embedded.
_REMEMBERED_COUNTS: Final = 2_048
#: An embedder that could not be opened is tried again after so long.
_AWAY_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpaceParts:
    """How the parts of a space are built from settings. Nothing is opened."""

    embedder: Callable[[Settings], Embedder]
    chunker: Callable[[Settings, Embedder, TokenCounter], Chunker]


@dataclass(eq=False, slots=True)
class Served:
    """An open space.

    count_tokens: the embedder's, which remembers the last texts. questions: embeds with it too. users: how
    much work goes on with it. try_again_at: when to open its embedder again.
    """

    embedder: Embedder
    count_tokens: TokenCounter
    questions: QuestionVectors
    vectors: PgVectorStore
    chunker: Chunker
    closing: AsyncExitStack
    users: int = 0
    try_again_at: float | None = None


class ServedSpaces:
    """The active space of the database, opened, and followed when another becomes active.

    The settings say which embedder a database without vectors begins with. Work that has to stay in one space
    runs in `steady`; what it asks for in `now` is all of that space.
    """

    def __init__(self, database: PgDatabase, settings: Settings, *, parts: SpaceParts) -> None:
        self._database = database
        self._settings = settings
        self._parts = parts
        self._lock = asyncio.Lock()
        self._current: Served | None = None
        self._former: list[Served] = []
        self._held: ContextVar[Served | None] = ContextVar("citewell_served_space", default=None)

    async def __aenter__(self) -> Self:
        """Raises SpaceMismatch if the vectors are of another embedder and nobody has noted which.

        Raises SettingsError if the sizes of chunks do not fit the embedder.
        """
        self._current = await self._open(starting=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        current, self._current = self._current, None
        for served in [*self._former, *([current] if current else [])]:
            await served.closing.aclose()
        self._former.clear()

    def now(self) -> Served:
        """The space of the work that goes on, or the one that is served."""
        served = self._held.get() or self._current
        if served is None:
            raise RuntimeError("the spaces are not open: use `async with`")
        return served

    async def steady(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the work gives, done in one space; done again in another if that has taken the place.

        Inside other steady work it belongs to that. Where nothing was opened, since other adapters took our
        place, it is just done.
        """
        if self._current is None or self._held.get() is not None:
            return await work()
        for _ in range(_TRIES - 1):
            served = self._current
            if served.try_again_at is not None and time.monotonic() > served.try_again_at:
                served = await self._follow(served)
            try:
                with self._holding(served):
                    return await work()
            except SpaceMismatch:
                await self._follow(served)
            finally:
                await self._close_unused()
        with self._holding(self._current):
            return await work()

    @contextmanager
    def _holding(self, served: Served) -> Iterator[None]:
        token = self._held.set(served)
        served.users += 1
        try:
            yield
        finally:
            served.users -= 1
            self._held.reset(token)

    async def _follow(self, former: Served) -> Served:
        """Open the space that is active now, unless another piece of work has done so; what is served."""
        async with self._lock:
            if self._current is not former:
                return self.now()
            try:
                served = await self._open(starting=False)
            except SpaceMismatch as error:
                # It may have changed once more, which the next try notices.
                _log.warning("%s", error)
                return former
            _log.info("the embedding space is now %s", served.embedder.space)
            self._current = served
            self._former.append(former)
            return served

    async def _close_unused(self) -> None:
        """Former spaces, once nobody is at work with them: a model takes memory."""
        while unused := next((served for served in self._former if not served.users), None):
            self._former.remove(unused)
            await unused.closing.aclose()

    async def _open(self, *, starting: bool) -> Served:
        from citewell_adapters.pgvector import PgSpaces, PgVectorStore

        spaces = PgSpaces(self._database)
        active = await spaces.active()
        if active is not None and starting and not await spaces.in_use(active):
            # Whoever tries another model before the first document, or after the last, may.
            active = None
        async with AsyncExitStack() as stack:
            try_again_at = None
            try:
                embedder, settings = await self._embedder(active, stack)
            except CitewellError as error:
                if starting or active is None:
                    raise
                _log.error("the embedder of %s cannot be opened: %s", active.space, error)
                embedder, settings = AwayEmbedder(active.space, str(error)), None
                try_again_at = time.monotonic() + _AWAY_SECONDS
            count_tokens = lru_cache(_REMEMBERED_COUNTS)(embedder.count_tokens)
            chunker = self._chunker(embedder, count_tokens, starting=starting)
            origin = None if settings is None else origin_of(settings, embedder.space)
            store = PgVectorStore(self._database, embedder.space, origin=origin)
            vectors = await stack.enter_async_context(store)
            closing = stack.pop_all()
            questions = QuestionVectors(embedder)
            return Served(
                embedder, count_tokens, questions, vectors, chunker, closing, try_again_at=try_again_at
            )

    def _chunker(self, embedder: Embedder, count_tokens: TokenCounter, *, starting: bool) -> Chunker:
        """As the settings say, but those that do not fit a space that took over while we ran stop nothing."""
        try:
            return self._parts.chunker(self._settings, embedder, count_tokens)
        except SettingsError as error:
            if starting:
                raise
            _log.error("chunks are as long as the embedder reads: %s", error)
            usual = self._settings.model_copy(update={"chunk_tokens": None, "chunk_overlap_tokens": None})
            return self._parts.chunker(usual, embedder, count_tokens)

    async def _embedder(
        self, active: OpenedSpace | None, stack: AsyncExitStack
    ) -> tuple[Embedder, Settings | None]:
        """The opened embedder of the active space, and the settings that name it, if they are to be noted."""
        if active is None or active.origin is None:
            return await self._opened(self._settings, stack), self._settings
        if active.origin.backend == self._settings.embeddings_backend:
            # A folder may be elsewhere on this machine than where it was noted.
            async with AsyncExitStack() as trying:
                embedder = await self._opened(self._settings, trying)
                if embedder.space == active.space:
                    stack.push_async_callback(trying.pop_all().aclose)
                    return embedder, None
        noted = settings_of(self._settings, active.origin, dimensions=active.space.dimensions)
        embedder = await self._opened(noted, stack)
        if embedder.space != active.space:
            raise SpaceMismatch(
                f"the database holds vectors of {active.space}, but its embedder ({active.origin.backend}) "
                f"now makes {embedder.space}: bring back the model that it had"
            )
        _log.warning(
            "the database serves %s, the settings ask for another embedder: `citewell reembed` changes it",
            active.space,
        )
        return embedder, None

    async def _opened(self, settings: Settings, stack: AsyncExitStack) -> Embedder:
        embedder = self._parts.embedder(settings)
        if isinstance(embedder, AbstractAsyncContextManager):
            await stack.enter_async_context(embedder)
        return embedder
