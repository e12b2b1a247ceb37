"""A whole campaign: an undisturbed run, then the same files under fire, then the reckoning."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from tests.chaos.checks import deleted_left, kept_promises, left_overs, paid_twice, stored_once
from tests.chaos.client import Client, NoAnswer, Refused
from tests.chaos.corpus import Upload
from tests.chaos.disk import SmallDisk, small_disk
from tests.chaos.embeddings import EmbeddingsStub
from tests.chaos.inspection import Remains, inspect
from tests.chaos.ledger import Entry, Ledger
from tests.chaos.outcomes import Kind, Outcome, Violation
from tests.chaos.report import Report
from tests.chaos.schedule import Strike, schedule
from tests.chaos.stack import Stack, settings
from tests.chaos.striking import Striker
from tests.chaos.traffic import Traffic
from tests.chaos.visibility import Observer
from tests.chaos.watch import Watch

__all__ = ["Campaign", "run"]

_OBSERVERS: Final = 2
_TELL_EVERY: Final = 20
#: A strike that finds nothing to strike is tried so often.
_ROUNDS: Final = 4
_REFERENCE_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Campaign:
    """files: what is uploaded, editions: what replaces it. embedding_seconds: how long a call takes.

    patience_seconds: what has not ended so long after the last strike is stuck. settle_seconds: how long
    what tidies up may take. plan: the strikes, None for what `seed` and `kills` decide. plant: see Stack.
    tell: takes a line now and then about how far it is.
    """

    seed: int
    kills: int
    files: Sequence[Upload]
    editions: Sequence[Upload]
    users: int = 6
    embedding_seconds: float = 0.12
    patience_seconds: float = 180.0
    settle_seconds: float = 60.0
    plan: Sequence[Strike] | None = None
    fill_disk: bool = True
    plant: Path | None = None
    command: str = ""
    tell: Callable[[str], None] = lambda _: None


async def run(campaign: Campaign, folder: Path) -> Report:
    """Everything below `folder`, which is empty. Raises StackLost if the service does not come back."""
    async with EmbeddingsStub(delay_seconds=0.0) as stub:
        (folder / "undisturbed").mkdir()
        reference = await _undisturbed(campaign, folder / "undisturbed", stub)
        stub.log.clear()
        stub.delay_seconds = campaign.embedding_seconds
        (folder / "struck").mkdir()
        with small_disk(folder / "struck" / "data") as disk:
            battle = _Battle(campaign, stub, reference, disk=disk if campaign.fill_disk else None)
            return await battle.fight(folder / "struck")


async def _undisturbed(campaign: Campaign, folder: Path, stub: EmbeddingsStub) -> Mapping[str, Outcome]:
    """How the ingestion of each file ends when nothing happens."""
    async with Stack(folder, settings(stub)) as stack, Client(stack.url) as client:
        limit = asyncio.Semaphore(campaign.users)

        async def outcome(upload: Upload) -> tuple[str, Outcome]:
            async with limit:
                document_id = await client.upload(upload, collection="undisturbed")
                await client.ended(document_id, within_seconds=_REFERENCE_SECONDS)
                found = await client.outcome(document_id)
            assert found is not None, f"{upload.name} is gone"
            assert found.status in {"ready", "failed"}, f"{upload.name} has not ended: {found.status}"
            return upload.sha256, found

        return dict(await asyncio.gather(*map(outcome, (*campaign.files, *campaign.editions))))


class _Battle:
    """The same under fire. disk: what may be filled up, if anything."""

    def __init__(
        self,
        campaign: Campaign,
        stub: EmbeddingsStub,
        reference: Mapping[str, Outcome],
        *,
        disk: SmallDisk | None,
    ) -> None:
        self._campaign = campaign
        self._stub = stub
        self._reference = reference
        self._disk = disk
        self._ledger = Ledger()
        self._violations: list[Violation] = []
        self._facts: list[str] = []

    async def fight(self, folder: Path) -> Report:
        began = time.monotonic()
        async with AsyncExitStack() as opened:
            stack = Stack(folder, settings(self._stub), plant=self._campaign.plant)
            await opened.enter_async_context(stack)
            watch = Watch(lambda: stack.database_url, self._stub)
            client = await opened.enter_async_context(
                Client(
                    stack.url,
                    patience_seconds=self._campaign.patience_seconds,
                    sending=lambda: _sending(watch),
                )
            )
            observers = [
                Observer(client, self._ledger, self._reference, seed=self._campaign.seed + number)
                for number in range(_OBSERVERS)
            ]
            watching = [asyncio.create_task(task) for task in (watch.run(), *(o.run() for o in observers))]
            striker = Striker(stack, watch, disk=self._disk)
            try:
                await self._under_fire(striker, await self._traffic(client))
                remains = await self._settled(stack, client)
            finally:
                await _cancel(watching)
            await self._judge(client, remains, watch, striker)
            self._tell(stack, observers, began)
        return Report(striker.struck, self._violations, self._facts, self._campaign.command)

    async def _traffic(self, client: Client) -> Traffic:
        return Traffic(
            client,
            self._ledger,
            self._campaign.files,
            self._campaign.editions,
            seed=self._campaign.seed,
            patience_seconds=self._campaign.patience_seconds,
            replaces=await client.can("put", "/documents/{document_id}"),
            cancels=await client.can("post", "/documents/{document_id}/cancel"),
        )

    async def _under_fire(self, striker: Striker, traffic: Traffic) -> None:
        """All strikes, and those again that found nothing; then the users finish what they are at."""
        users = [asyncio.create_task(traffic.user()) for _ in range(self._campaign.users)]
        plan = self._campaign.plan or schedule(
            self._campaign.seed, kills=self._campaign.kills, fill_disk=self._disk is not None
        )
        missed = list(plan)
        for _ in range(_ROUNDS):
            missed = await self._strike_all(striker, missed)
        await striker.settle()
        traffic.stopping.set()
        limit = 2 * self._campaign.patience_seconds
        _, pending = await asyncio.wait(users, timeout=limit)
        for user in users:
            if user in pending:
                self._violations.append(Violation(Kind.STUCK, None, f"a user still waits after {limit:g} s"))
            elif (error := user.exception()) is not None:
                self._violations.append(_broken(error))
        await _cancel(pending)
        self._violations += traffic.violations
        if missed:
            self._facts.append(f"{len(missed)} strikes found nothing to strike.")

    async def _strike_all(self, striker: Striker, plan: Sequence[Strike]) -> list[Strike]:
        """Those that found nothing to strike."""
        missed = []
        for count, strike in enumerate(plan, start=1):
            if not await striker.strike(strike):
                missed.append(strike)
            if count % _TELL_EVERY == 0:
                documents = sum(1 for _ in self._ledger)
                self._campaign.tell(f"{count} of {len(plan)} strikes, {documents} documents accepted")
        return missed

    async def _settled(self, stack: Stack, client: Client) -> Remains:
        """What is stored when nothing is under way any more, and what tidies up has had its time."""
        await stack.ready()
        for entry in self._ledger.under_way():
            document = await client.ended(entry.document_id, within_seconds=self._campaign.patience_seconds)
            self._ledger.has_ended(entry, ready=document is not None and document["status"] == "ready")
        deadline = time.monotonic() + self._campaign.settle_seconds
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                remains = await inspect(stack.database_url, stack.data_dir)
                if not left_overs(remains) or time.monotonic() > deadline:
                    return remains
            await asyncio.sleep(1.0)

    async def _judge(self, client: Client, remains: Remains, watch: Watch, striker: Striker) -> None:
        entries = list(self._ledger)
        found = {entry.document_id: await client.outcome(entry.document_id) for entry in entries}
        by_id = {entry.document_id: entry for entry in entries}
        self._violations += kept_promises(entries, found, self._reference)
        self._violations += stored_once(remains.documents, by_id, self._reference)
        self._violations += deleted_left(entries, remains.documents)
        self._violations += left_overs(remains)
        self._violations += paid_twice(
            self._stub.log, watch.committed, entries, self._reference, stalls=striker.stalls
        )

    def _tell(self, stack: Stack, observers: Sequence[Observer], began: float) -> None:
        self._violations += [violation for observer in observers for violation in observer.violations]
        replies = sum(observer.replies for observer in observers)
        entries: list[Entry] = list(self._ledger)
        deleted = sum(not entry.stands for entry in entries)
        self._facts.append(
            f"{len(entries)} documents were accepted and {deleted} of them deleted again; {replies} replies "
            f"were looked at; {len(self._stub.log)} texts were embedded; {time.monotonic() - began:.0f} s."
        )
        if stack.gave_up:
            self._facts.append(
                f"The supervisor ended by itself {stack.gave_up} times, and was started again."
            )
        if self._disk is None:
            self._facts.append("Left out: a full disk, as no small file system may be mounted here.")


@contextmanager
def _sending(watch: Watch) -> Iterator[None]:
    watch.uploads_open += 1
    try:
        yield
    finally:
        watch.uploads_open -= 1


def _broken(error: BaseException) -> Violation:
    if isinstance(error, NoAnswer):
        return Violation(Kind.STUCK, None, str(error))
    if isinstance(error, Refused):
        return Violation(Kind.LOST, None, str(error))
    raise error


async def _cancel(tasks: Sequence[asyncio.Task[None]] | set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
