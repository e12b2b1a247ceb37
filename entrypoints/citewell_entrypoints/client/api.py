"""The calls of the API, one method each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from citewell_entrypoints.client.address import Address
from citewell_entrypoints.client.errors import Busy, NotACitewell, Refused
from citewell_entrypoints.client.multipart import FormUpload
from citewell_entrypoints.client.transport import Reply, exchange
from citewell_entrypoints.client.values import Readiness, RemoteDocument

__all__ = ["Api"]

_BASE: Final = "/api/v1"
_PAGE: Final = 200
#: Worth another try.
_BUSY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
#: A proxy's words for a server that is away.
_PROXY_WAITS: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
#: A question may wait for a language model.
_QUERY_SECONDS: Final = 180.0
#: A health check that takes longer is an answer in itself.
_HEALTH_SECONDS: Final = 15.0


class Api:
    """A Citewell at an address; may be used by several threads at once.

    Every call raises NoServer, ConnectionLost, NotACitewell, and Refused (Busy among them) for what the
    server does not do.
    """

    def __init__(self, address: Address) -> None:
        self.address = address

    def is_alive(self) -> None:
        """Return if a Citewell answers."""
        reply = self._checked(exchange(self.address, "GET", "/livez", timeout_seconds=_HEALTH_SECONDS))
        if reply.json() != {"status": "alive"}:
            raise NotACitewell(f"what answers at {self.address} is no Citewell")

    def readiness(self) -> Readiness:
        """How well it can serve, and the state of each part."""
        reply = exchange(self.address, "GET", "/readyz", timeout_seconds=_HEALTH_SECONDS)
        if reply.status != HTTPStatus.SERVICE_UNAVAILABLE:
            self._checked(reply)
        try:
            return Readiness.of(reply.json())
        except (AttributeError, KeyError, TypeError):
            raise NotACitewell(f"what answers at {self.address} is no Citewell") from None

    def upload(
        self, path: Path, *, fields: Mapping[str, str], sent: Callable[[int], None]
    ) -> tuple[RemoteDocument, bool]:
        """The document for the file, and whether it is new; `sent` hears how many bytes have gone.

        fields: `collection`, `metadata` (JSON) and `password`, where they are wanted. Raises OSError and
        FileChanged too.
        """
        form = FormUpload(path, fields=fields, sent=sent)
        headers = {"Content-Type": form.content_type, "Content-Length": str(form.content_length)}
        reply = self._checked(
            exchange(self.address, "POST", f"{_BASE}/documents", headers=headers, body=form.pieces())
        )
        return self._document(reply.json()), reply.status != HTTPStatus.OK

    def document(self, document_id: str) -> RemoteDocument:
        """The document as it is now."""
        reply = exchange(self.address, "GET", f"{_BASE}/documents/{quote(document_id, safe='')}")
        return self._document(self._checked(reply).json())

    def cancel(self, document_id: str) -> RemoteDocument:
        """The document, whose ingestion was stopped."""
        return self._document(self._checked(self._control(document_id, "cancel")).json())

    def retry(self, document_id: str) -> RemoteDocument:
        """The document, which is queued anew."""
        return self._document(self._checked(self._control(document_id, "retry")).json())

    def delete(self, document_id: str) -> None:
        """Delete the document with all that belongs to it."""
        self._checked(exchange(self.address, "DELETE", f"{_BASE}/documents/{quote(document_id, safe='')}"))

    def documents(self, **filters: str) -> Iterator[RemoteDocument]:
        """All documents that the filters (`collection`, `status`) let through, page by page, oldest first."""
        after: str | None = None
        while True:
            parameters = {**filters, "limit": str(_PAGE), **({"after": after} if after else {})}
            page = self._checked(
                exchange(self.address, "GET", f"{_BASE}/documents?{urlencode(parameters)}")
            ).json()
            yield from map(self._document, page["items"])
            after = page.get("next")
            if not after:
                return

    def query(self, body: Mapping[str, Any]) -> Reply:
        """The reply to a question."""
        return self._post("query", body)

    def recall(self, body: Mapping[str, Any]) -> Reply:
        """The recall of some questions."""
        return self._post("recall", body)

    def _post(self, where: str, body: Mapping[str, Any]) -> Reply:
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        return self._checked(
            exchange(
                self.address,
                "POST",
                f"{_BASE}/{where}",
                headers=headers,
                body=[content],
                timeout_seconds=_QUERY_SECONDS,
            )
        )

    def _control(self, document_id: str, what: str) -> Reply:
        target = f"{_BASE}/documents/{quote(document_id, safe='')}/{what}"
        return exchange(self.address, "POST", target, headers={"Content-Length": "0"})

    def _document(self, raw: Any) -> RemoteDocument:
        try:
            return RemoteDocument.of(raw)
        except (AttributeError, KeyError, TypeError):
            raise NotACitewell(f"{self.address} sent no document where one was due") from None

    def _checked(self, reply: Reply) -> Reply:
        if 200 <= reply.status < 300:
            return reply
        raise self._refusal(reply)

    def _refusal(self, reply: Reply) -> Refused | NotACitewell:
        busy = _BUSY
        if "problem+json" in reply.headers.get("content-type", ""):
            problem = reply.json()
            title, detail = str(problem.get("title", "")), str(problem.get("detail", ""))
        else:
            title = HTTPStatus(reply.status).phrase if reply.status in list(HTTPStatus) else "?"
            detail = f"{self.address} answered {reply.status} {title}, not as a Citewell does"
            busy = _BUSY | _PROXY_WAITS
            if reply.status not in busy:
                return NotACitewell(f"{detail}: check the address, and what stands in between")
        if reply.status in busy:
            return Busy(
                detail, status=reply.status, title=title, retry_after_seconds=_retry_after(reply.headers)
            )
        return Refused(detail, status=reply.status, title=title)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        # The other form, a date, depends on two clocks: left to the caller's own waiting.
        return None
