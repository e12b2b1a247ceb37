"""Brings a corpus into its collection, through the same uploads as any file."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from citewell_entrypoints.client import Api, RemoteDocument
from citewell_entrypoints.client.patience import Patience
from citewell_entrypoints.evaluation.corpus import Corpus, CorpusFile
from citewell_entrypoints.evaluation.errors import UnusableServer
from citewell_entrypoints.evaluation.threads import in_threads

__all__ = ["Tell", "bring_in"]

#: Hears what is being done, and how much of how much is done.
Tell = Callable[[str, int, int], None]

T = TypeVar("T")

_UPLOADS_AT_ONCE: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 2.0
#: Counting what waits is to take a small share of the server's time.
_PAUSE_PER_COUNTING: Final = 10
_NO_TEXT: Final = "no_text"


def bring_in(api: Api, corpus: Corpus, *, collection: str, tell: Tell) -> Mapping[str, tuple[str, ...]]:
    """The ids in the corpus by the document's id on the server, once every document is ready.

    What the collection holds already is not uploaded again. Documents that turn out to hold no text are
    missing. Raises UnusableServer if others failed or the collection holds something else, and ClientError.
    """
    wanted = {file.sha256: file for file in corpus.files}
    held = _held(api, collection)
    if strangers := held.keys() - wanted.keys():
        raise UnusableServer(
            f"the collection {collection} holds other documents than this corpus ({len(strangers):,}): "
            "give another with --collection"
        )
    _resume(api, held)
    _upload(api, [file for file in corpus.files if file.sha256 not in held], collection, tell)
    _wait(api, collection, total=len(wanted), tell=tell)
    documents = _held(api, collection)
    _check(documents, wanted)
    return {
        document.id: wanted[sha256].ids
        for sha256, document in documents.items()
        if document.status == "ready"
    }


def _held(api: Api, collection: str) -> Mapping[str, RemoteDocument]:
    """The documents of the collection by their hash."""
    return _patiently(
        lambda: {str(document.raw["sha256"]): document for document in api.documents(collection=collection)}
    )


def _resume(api: Api, held: Mapping[str, RemoteDocument]) -> None:
    """Take up what an earlier run left behind, but for what cannot become ready."""
    for document in held.values():
        if document.status in ("failed", "cancelled") and document.error_code != _NO_TEXT:
            _patiently(partial(api.retry, document.id))


def _upload(api: Api, files: list[CorpusFile], collection: str, tell: Tell) -> None:
    def upload(file: CorpusFile, patience: Patience) -> None:
        fields = {"collection": collection, "metadata": json.dumps({"beir_id": file.ids[0]})}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, file.name)
            path.write_bytes(file.content())
            patience.call(
                lambda: api.upload(path, fields=fields, sent=lambda _: None), waiting=lambda *_: None
            )

    with closing(in_threads(upload, files, threads=_UPLOADS_AT_ONCE)) as uploaded:
        for number, _ in enumerate(uploaded, start=1):
            tell("uploading", number, len(files))


def _wait(api: Api, collection: str, *, total: int, tell: Tell) -> None:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        unfinished = _patiently(
            lambda: sum(
                1
                for status in ("queued", "processing")
                for _ in api.documents(collection=collection, status=status)
            )
        )
        tell("ingesting", total - unfinished, total)
        if not unfinished:
            return
        time.sleep(max(pause, _PAUSE_PER_COUNTING * (time.monotonic() - began)))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _check(documents: Mapping[str, RemoteDocument], wanted: Mapping[str, CorpusFile]) -> None:
    """Nothing but the lack of any text excuses a document that is not there: the figures would be wrong."""
    if missing := len(wanted.keys() - documents.keys()):
        raise UnusableServer(f"documents that were deleted while the corpus was brought in: {missing:,}")
    failed = {
        sha256: document
        for sha256, document in documents.items()
        if document.status != "ready" and document.error_code != _NO_TEXT
    }
    if failed:
        codes = Counter(document.error_code or document.status for document in failed.values())
        listed = ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
        example = wanted[next(iter(failed))].ids[0]
        raise UnusableServer(
            f"documents that are not ready: {len(failed):,} of {len(documents):,} "
            f"({listed}; one is {example!r}); the next run tries them again"
        )


def _patiently(function: Callable[[], T]) -> T:
    return Patience(stop=threading.Event()).call(function, waiting=lambda *_: None)
