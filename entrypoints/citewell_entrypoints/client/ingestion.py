"""Brings files in: uploads a few at once, follows each document to its end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from citewell_entrypoints.client.api import Api
from citewell_entrypoints.client.events import Ended, Event, Outcome, SourceFile
from citewell_entrypoints.client.following import Follower, ended
from citewell_entrypoints.client.uploads import Uploader
from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["ingest"]

#: Two keep the connection busy; more only took the server's processor from those who ask questions.
_UPLOADS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class _Broken:
    error: Exception


def ingest(
    api: Api, files: Sequence[SourceFile], *, fields: Mapping[str, str], wait: bool
) -> Generator[Event, None, None]:
    """What happens to the files, as it happens, until each has Ended; close the generator to stop early.

    With `wait` a file ends when its document does, without when the server has taken it. Raises what ends the
    whole: NoServer or ConnectionLost, once the server has been away for a minute.
    """
    run = _Run(api, fields=fields, wait=wait)
    run.start(files)
    left = len(files)
    try:
        while left:
            event = run.next_event()
            left -= isinstance(event, Ended)
            yield event
    finally:
        run.stop()


class _Run:
    """The threads of one ingestion; what they tell arrives in one queue."""

    def __init__(self, api: Api, *, fields: Mapping[str, str], wait: bool) -> None:
        self._api = api
        self._fields = fields
        self._wait = wait
        self._told: queue.SimpleQueue[Event | _Broken] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._follower = Follower(api, tell=self._told.put, stop=self._stop)

    def start(self, files: Sequence[SourceFile]) -> None:
        waiting: queue.SimpleQueue[SourceFile] = queue.SimpleQueue()
        for file in files:
            waiting.put(file)
        uploader = Uploader(
            self._api,
            files=waiting,
            fields=self._fields,
            tell=self._told.put,
            accepted=self._accepted,
            stop=self._stop,
        )
        for _ in range(min(_UPLOADS_AT_ONCE, len(files))):
            self._spawn(uploader.run)
        if self._wait:
            self._spawn(self._follower.run)

    def next_event(self) -> Event:
        told = self._told.get()
        if isinstance(told, _Broken):
            raise told.error
        return told

    def stop(self) -> None:
        self._stop.set()

    def _accepted(self, file: SourceFile, document: RemoteDocument, created: bool) -> None:
        if document.ended:
            self._told.put(ended(file, document, created=created))
        elif self._wait:
            self._follower.follow(file, document, created)
        else:
            self._told.put(Ended(file, Outcome.QUEUED, document, created=created))

    def _spawn(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised again where the events are read
                self._told.put(_Broken(error))

        # A daemon: a thread that waits for a silent server must not hold up the end of the process.
        threading.Thread(target=run, daemon=True).start()
