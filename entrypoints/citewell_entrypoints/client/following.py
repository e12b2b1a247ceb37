"""Asks the server how far its documents are, until each is at its end."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from citewell_entrypoints.client.api import Api
from citewell_entrypoints.client.errors import Refused, Stopped
from citewell_entrypoints.client.events import Changed, Ended, Event, Outcome, SourceFile, Waiting
from citewell_entrypoints.client.patience import Patience
from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["Follower", "ended"]

#: Short files are quick; the server's log is not to fill with questions about long ones.
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 1.0
_PAUSE_GROWTH: Final = 1.25
#: Those in work are asked for in every round, those that wait in turn: thousands of them cost no more. Behind
#: some that wait still, the others do most likely, too: the server has better things to do than to say so.
_ASKED_A_ROUND: Final = 32
_WAITING_A_ROUND: Final = 4


@dataclass(frozen=True, slots=True)
class _Followed:
    file: SourceFile
    document: RemoteDocument
    created: bool


class Follower:
    """One thread that follows every document it is given."""

    def __init__(self, api: Api, *, tell: Callable[[Event], None], stop: threading.Event) -> None:
        self._api = api
        self._tell = tell
        self._stop = stop
        self._patience = Patience(stop=stop)
        self._new: queue.SimpleQueue[_Followed] = queue.SimpleQueue()
        self._pending: deque[_Followed] = deque()

    def follow(self, file: SourceFile, document: RemoteDocument, created: bool) -> None:
        """Follow this document too; may be called by any thread."""
        self._new.put(_Followed(file, document, created))

    def run(self) -> None:
        """Work until `stop` is set. Raises what the server's absence raises, once patience is at its end."""
        pause = _FIRST_PAUSE_SECONDS
        try:
            while not self._stop.wait(pause):
                news = not self._new.empty()
                while not self._new.empty():
                    self._pending.append(self._new.get())
                news |= self._round()
                slower = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)
                pause = _FIRST_PAUSE_SECONDS if news else slower
        except Stopped:
            return

    def _round(self) -> bool:
        """Ask for some; whether any of them came to its end."""
        in_work: list[_Followed] = []
        waiting: list[_Followed] = []
        ended_some = False
        for _ in range(min(_ASKED_A_ROUND, len(self._pending))):
            now = self._ask(self._pending.popleft())
            if now is None:
                ended_some = True
            elif now.document.status == "processing":
                in_work.append(now)
            else:
                waiting.append(now)
                if len(waiting) == _WAITING_A_ROUND:
                    break
        self._pending.extendleft(reversed(in_work))
        self._pending.extend(waiting)
        return ended_some

    def _ask(self, followed: _Followed) -> _Followed | None:
        """The document as it is now, None if there is no more to hear of it."""
        try:
            document = self._patience.call(
                lambda: self._api.document(followed.document.id),
                waiting=lambda seconds, reason: self._tell(Waiting(followed.file, seconds, reason)),
            )
        except Refused as error:
            gone = error.status == HTTPStatus.NOT_FOUND
            code, reason = ("deleted", "deleted meanwhile") if gone else (f"http_{error.status}", str(error))
            self._tell(Ended(followed.file, Outcome.FAILED, followed.document, code=code, reason=reason))
            return None
        if document.ended:
            self._tell(ended(followed.file, document, created=followed.created))
            return None
        if document != followed.document:
            self._tell(Changed(followed.file, document))
        return replace(followed, document=document)


def ended(file: SourceFile, document: RemoteDocument, *, created: bool) -> Ended:
    """The end of a document that is ready, failed or cancelled."""
    if document.status == "ready":
        return Ended(file, Outcome.READY, document, created=created)
    return Ended(
        file,
        Outcome.FAILED,
        document,
        code=document.error_code or document.status,
        reason=document.error_message or f"the document was {document.status}",
        created=created,
    )
