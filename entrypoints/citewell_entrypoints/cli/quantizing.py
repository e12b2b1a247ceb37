"""What `citewell spaces quantize` does, step by step, and what it tells of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from citewell.evaluation import mean_interval
from citewell.model import Scope
from citewell.ports import Embedder
from citewell.usecases import CheckRecall
from citewell.usecases.recall import sentence_of
from citewell_entrypoints.cli.eval_views import progress
from citewell_entrypoints.cli.failures import Failed
from citewell_entrypoints.cli.printing import counted, size
from citewell_entrypoints.reembedding.operating import opened_embedder, operators_database
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.spaces import settings_of

if TYPE_CHECKING:
    from citewell_adapters.pgvector import OpenedSpace, PgDatabase, PgSpaces

__all__ = ["Quantizing"]

#: How many of the nearest passages are compared.
_K: Final = 10


@dataclass(frozen=True, slots=True)
class Quantizing:
    """One run of the command, with its options. floor: the least recall@10 to be quantized with."""

    settings: Settings
    space_id: int
    floor: float
    questions: int

    async def __call__(self, *, quantized: bool) -> None:
        """Quantize the space, or undo it. Raises Failed where that would cost more recall than is allowed."""
        from citewell_adapters.pgvector import PgSpaces

        async with operators_database(self.settings) as database:
            spaces = PgSpaces(database)
            before = await spaces.state(await spaces.get(self.space_id))
            if before.space.quantized is quantized:
                # Without anything to build it takes away what an interrupted run has left.
                await spaces.reindex(self.space_id, quantized=quantized, accept=_accepted)
                click.echo(f"Nothing to do: the space {self.space_id} {_is(quantized)}.")
                return
            if quantized:
                await self._quantize(database, spaces, before.space)
            else:
                click.echo(f"building the index over {counted(before.vectors, 'vector')}")
                await spaces.reindex(self.space_id, quantized=False, accept=_accepted)
            after = await spaces.state(await spaces.get(self.space_id))
        click.echo(
            f"The space {self.space_id} {_is(quantized)}: it takes {size(after.size_bytes)}, "
            f"{size(before.size_bytes)} before."
        )
        if quantized:
            click.echo(f"Back: citewell spaces quantize {self.space_id} --off")

    async def _quantize(self, database: PgDatabase, spaces: PgSpaces, space: OpenedSpace) -> None:
        settings = self.settings
        if space.origin is not None:
            settings = settings_of(settings, space.origin, dimensions=space.space.dimensions)
        # Said before anything is built: whoever cannot ask cannot measure.
        async with opened_embedder(settings) as embedder:
            if embedder.space != space.space:
                raise Failed(f"the settings make {embedder.space}, which cannot be asked of {space.space}")
            click.echo(f"building an index over signs beside the one of the space {space.id}, {space.space}")
            kept = await spaces.reindex(
                space.id, quantized=True, accept=lambda trial: self._reaches(database, embedder, trial)
            )
        if not kept:
            raise Failed(f"this is below {self.floor:g}: the space {space.id} keeps the index that it had")

    async def _reaches(self, database: PgDatabase, embedder: Embedder, trial: OpenedSpace) -> bool:
        """Whether the index on trial reaches the floor, with a sentence of stored passages as questions."""
        from citewell_adapters.pgvector import PgVectorStore

        chance = random.Random()  # noqa: S311 - nobody's secret
        recalls: list[float] = []
        # However few there are, the index is asked: it is to hold when they are more.
        store = PgVectorStore(database, trial.space, opened=trial, max_exact_chunks=0, max_exact_matching=0)
        async with store:
            check = CheckRecall(embedder=embedder, store=store)
            texts = await store.sample(None, limit=self.questions)
            with progress() as tell:
                for number, text in enumerate(texts, start=1):
                    recall = await check(sentence_of(text, chance=chance), scope=Scope(), k=_K)
                    if recall is not None:
                        recalls.append(recall)
                    tell("measuring", number, len(texts))
        if not recalls:
            raise Failed(f"the space {trial.id} has no vectors in its index yet: nothing can be measured")
        interval = mean_interval(recalls, seed=0)
        click.echo(
            f"recall@{_K} {interval.mean:.4f} (95 % confidence: {interval.low:.4f} to {interval.high:.4f}), "
            f"{counted(len(recalls), 'question')}"
        )
        return interval.mean >= self.floor


async def _accepted(_trial: OpenedSpace) -> bool:
    return True


def _is(quantized: bool) -> str:
    return "is quantized" if quantized else "is not quantized"
