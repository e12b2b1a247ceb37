"""What `citewell reembed` does, step by step, and what it tells of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citewell.model import Scope
from citewell.ports import Embedder
from citewell.usecases import LexicalLeg, Search, SearchDefaults
from citewell_entrypoints import builders
from citewell_entrypoints.cli.eval_views import progress
from citewell_entrypoints.cli.failures import Failed
from citewell_entrypoints.cli.printing import counted, print_table
from citewell_entrypoints.reembedding import (
    OVERLAP_K,
    BuildSpace,
    Comparison,
    Question,
    compare_spaces,
    judged_questions,
    sampled_questions,
)
from citewell_entrypoints.reembedding.operating import opened_embedder, operators_database, target_settings
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.spaces import origin_of, settings_of

if TYPE_CHECKING:
    from citewell_adapters.pgvector import OpenedSpace, PgDatabase, PgSpaces, PgVectorStore

__all__ = ["Reembedding"]


#: Hears how many of how many are done.
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Reembedding:
    """One run of the command, with its options."""

    settings: Settings
    to: str | None
    model: str | None
    dimensions: int | None
    texts_per_second: float | None
    queries: Path | None
    qrels: Path | None
    collection: str | None
    sample: int
    seed: int

    async def __call__(self, *, activate: bool) -> None:
        """Build, compare, and activate if that is wanted."""
        from citewell_adapters.pgvector import PgSpaces

        async with operators_database(self.settings) as database:
            spaces = PgSpaces(database)
            active = await spaces.active()
            if active is None:
                raise Failed("the database has no vectors yet: the settings say what the service begins with")
            wanted = await target_settings(
                self.settings, spaces, to=self.to, model=self.model, dimensions=self.dimensions
            )
            async with opened_embedder(wanted) as embedder:
                # Said before anything is paid: workers cut by the same settings.
                builders.settings_chunker(wanted, embedder)
                if embedder.space == active.space:
                    click.echo(f"{active.space} is the active space already.")
                    return
                target = await spaces.prepare(embedder.space, origin_of(wanted, embedder.space))
                async with spaces.building(target):
                    await _Run(self, database, spaces, active, target, embedder)(activate=activate)


@dataclass(frozen=True, slots=True)
class _Run:
    """From the active space to the target, which nobody else builds."""

    options: Reembedding
    database: PgDatabase
    spaces: PgSpaces
    active: OpenedSpace
    target: OpenedSpace
    embedder: Embedder

    async def __call__(self, *, activate: bool) -> None:
        target, active = self.target, self.active
        click.echo(f"building the space {target.id}, {target.space}, beside {active.id}, {active.space}")
        with progress() as tell:
            build = self._builder(lambda done, total: tell("embedding", done, total))
            await build.fill(target)
        state = await self.spaces.state(target)
        click.echo(f"embedded {counted(build.embedded, 'text')}; the space has {state.vectors:,} vectors")
        if build.too_long:
            click.echo(
                f"Note: {counted(build.too_long, 'text')} longer than the {self.embedder.max_tokens} tokens "
                "that this model reads: it knows their beginnings. Upload again what is to be cut anew."
            )
        if questions := await self._questions():
            await self._compare(questions)
        if not activate:
            click.echo(f"\nGo over to it with: citewell reembed --to {target.id} --activate")
            return
        await self._builder(lambda _done, _total: None).activate(target)
        click.echo(f"\nThe space {target.id} is active. Back: citewell reembed --to {active.id} --activate")

    def _builder(self, tell: Told) -> BuildSpace:
        return BuildSpace(
            spaces=self.spaces,
            embedder=self.embedder,
            batch_texts=self.options.settings.embeddings_batch_size,
            texts_per_second=self.options.texts_per_second,
            tell=tell,
        )

    async def _questions(self) -> Sequence[Question]:
        options = self.options
        if options.queries is not None:
            return await judged_questions(
                options.queries,
                options.qrels,
                documents=builders.documents(self.database),
                collection=options.collection,
            )
        if not options.sample:
            return ()
        return await sampled_questions(
            self.spaces, size=options.sample, seed=options.seed, collection=options.collection
        )

    async def _compare(self, questions: Sequence[Question]) -> None:
        from citewell_adapters.pgvector import PgVectorStore

        settings, origin = self.options.settings, self.active.origin
        if origin is not None:
            settings = settings_of(settings, origin, dimensions=self.active.space.dimensions)
        async with (
            opened_embedder(settings) as former,
            PgVectorStore(self.database, self.active.space) as before,
            PgVectorStore(self.database, self.target.space, opened=self.target) as after,
        ):
            if former.space != self.active.space:
                click.echo(f"Note: not compared, since the settings make {former.space}.")
                return
            with progress() as tell:
                comparison = await compare_spaces(
                    self._search(former, before),
                    self._search(self.embedder, after),
                    questions,
                    scope=Scope(self.options.collection),
                    seed=self.options.seed,
                    tell=lambda done, total: tell("comparing", done, total),
                )
        _show(comparison, active=self.active, target=self.target)

    def _search(self, embedder: Embedder, store: PgVectorStore) -> Search:
        settings = self.options.settings
        return Search(
            embedder=embedder,
            vectors=store,
            documents=builders.documents(self.database),
            lexical=LexicalLeg(store, builders.encoder()),
            defaults=SearchDefaults(
                vector_weight=settings.search_vector_weight, candidates=settings.search_candidates
            ),
        )


def _show(comparison: Comparison, *, active: OpenedSpace, target: OpenedSpace) -> None:
    overlap = comparison.overlap
    click.echo(
        f"\nOf {OVERLAP_K} passages that each space finds, they share {100 * overlap.mean:.0f} % "
        f"[{100 * overlap.low:.0f}, {100 * overlap.high:.0f}], over "
        f"{counted(comparison.questions, 'question')}."
    )
    rows = [
        [
            mode,
            f"{shift.first:.3f}",
            f"{shift.second:.3f}",
            f"{shift.difference:+.3f}",
            f"{shift.p_value:.4f}",
            f"{shift.better}/{shift.worse}/{shift.equal}",
        ]
        for mode, shift in comparison.shifts.items()
    ]
    if rows:
        click.echo()
        columns = ("nDCG@10", f"space {active.id}", f"space {target.id}", "change", "p-value")
        print_table((*columns, "better/worse/equal"), rows)
