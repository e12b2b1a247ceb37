"""Sends one file after the other, in as many threads as run this."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from citewell_entrypoints.client.api import Api
from citewell_entrypoints.client.errors import ClientError, NoServer, Refused, Stopped
from citewell_entrypoints.client.events import Changed, Ended, Event, Outcome, SourceFile, Uploading, Waiting
from citewell_entrypoints.client.patience import Patience
from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["Uploader"]

_REPORT_SECONDS: Final = 0.1


class Uploader:
    """Takes files from a queue until it is empty; tells of each what happens.

    accepted: called with each document that the server took and that is not at its end yet.
    """

    def __init__(
        self,
        api: Api,
        *,
        files: queue.SimpleQueue[SourceFile],
        fields: Mapping[str, str],
        tell: Callable[[Event], None],
        accepted: Callable[[SourceFile, RemoteDocument, bool], None],
        stop: threading.Event,
    ) -> None:
        self._api = api
        self._files = files
        self._fields = fields
        self._tell = tell
        self._accepted = accepted
        self._stop = stop
        self._patience = Patience(stop=stop)

    def run(self) -> None:
        """Work until there is no file left or `stop` is set. Raises NoServer if the server is gone."""
        while not self._stop.is_set():
            try:
                file = self._files.get_nowait()
            except queue.Empty:
                return
            try:
                self._bring(file)
            except Stopped:
                return

    def _bring(self, file: SourceFile) -> None:
        try:
            size = file.path.stat().st_size
            document, created = self._patience.call(
                lambda: self._api.upload(file.path, fields=self._fields, sent=self._reporter(file, size)),
                waiting=lambda seconds, reason: self._tell(Waiting(file, seconds, reason)),
            )
        except (Stopped, NoServer):
            raise
        except Refused as error:
            unread = error.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE and not file.named
            outcome = Outcome.SKIPPED if unread else Outcome.FAILED
            self._tell(Ended(file, outcome, code=f"http_{error.status}", reason=str(error)))
        except ClientError as error:
            self._tell(Ended(file, Outcome.FAILED, code="upload_failed", reason=str(error)))
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            self._tell(Ended(file, Outcome.FAILED, code="file_unreadable", reason=reason))
        else:
            self._tell(Changed(file, document))
            self._accepted(file, document, created)

    def _reporter(self, file: SourceFile, size: int) -> Callable[[int], None]:
        last = 0.0

        def report(bytes_sent: int) -> None:
            nonlocal last
            if self._stop.is_set():
                raise Stopped("stopped while sending")
            now = time.monotonic()
            if now - last >= _REPORT_SECONDS or bytes_sent == size:
                last = now
                self._tell(Uploading(file, bytes_sent, size))

        return report
