"""A stub of the API for tests of the command line: answers as it is told to, and notes what it was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, uuid5

__all__ = ["PARTS", "ApiStub", "Asked", "Canned", "problem", "running_stub"]

_FILENAME: Final = re.compile(rb'name="file"; filename="([^"]*)"')
_FIELD: Final = re.compile(rb'name="(\w+)"\r\n\r\n(.*?)\r\n--', re.DOTALL)


PARTS: Final = {
    "database": {"state": "ready", "detail": "PostgreSQL 18.6, schema at head"},
    "queue": {"state": "ready", "detail": "valkey 9.1.0"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The text fields of a multipart form."""
        return {name.decode(): value.decode() for name, value in _FIELD.findall(self.body)}


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer to give."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def problem(status: int, detail: str, **headers: str) -> Canned:
    """An answer of RFC 9457; underscores in the names of headers stand for dashes."""
    return Canned(
        status,
        {"type": "about:blank", "title": "Not now", "detail": detail, "status": status},
        {name.replace("_", "-"): value for name, value in headers.items()},
        "application/problem+json",
    )


class ApiStub:
    """What the stub knows.

    uploads: answers to give for a file of this name before it is taken. lives: the states that a document of
    this name goes through, one each time it is asked for; the last one stays. listed: the pages of documents.
    controlled: the answers to give where a document is to be cancelled, retried or deleted, by what and id.
    """

    def __init__(self) -> None:
        self.uploads: dict[str, list[Canned]] = {}
        self.lives: dict[str, list[dict[str, Any]]] = {}
        self.listed: list[dict[str, Any]] = []
        self.query: Canned = Canned(200, {"answer": None, "sources": [], "degraded": []})
        self.recall: Canned = Canned(200, {"recalls": [], "k": 10, "floor": 0.95, "search_ef": 200})
        self.controlled: dict[tuple[str, str], Canned] = {}
        self.ready: Canned = Canned(200, {"status": "ready", "parts": PARTS})
        self.asked: list[Asked] = []
        self.url = ""
        self._names: dict[str, str] = {}
        self._lock = Lock()

    def answer(self, asked: Asked) -> Canned:
        """The answer to a request."""
        with self._lock:
            self.asked.append(asked)
            match (asked.method, urlsplit(asked.path).path.split("/")):
                case ("GET", ["", "livez"]):
                    return Canned(200, {"status": "alive"})
                case ("GET", ["", "readyz"]):
                    return self.ready
                case ("POST", ["", "api", "v1", "documents"]):
                    return self._take(asked)
                case ("GET", ["", "api", "v1", "documents"]):
                    return self._list(asked)
                case ("GET", ["", "api", "v1", "documents", document_id]):
                    return self._look(document_id)
                case ("POST", ["", "api", "v1", "documents", document_id, what]):
                    return self.controlled.get((what, document_id)) or self._unknown()
                case ("DELETE", ["", "api", "v1", "documents", document_id]):
                    return self.controlled.get(("delete", document_id)) or self._unknown()
                case ("POST", ["", "api", "v1", "recall"]):
                    return self.recall
                case ("POST", ["", "api", "v1", "query"]):
                    return self.query
        return problem(404, f"nothing at {asked.path}")

    def sent_names(self) -> list[str]:
        """The names of the files that were sent, in order."""
        return [
            name.decode()
            for asked in self.asked
            for name in _FILENAME.findall(asked.body)
            if asked.method == "POST"
        ]

    def document(self, name: str, **state: Any) -> dict[str, Any]:
        """A document of this name in this state."""
        return {"id": str(uuid5(NAMESPACE_URL, name)), "name": name, "status": "queued", **state}

    def _take(self, asked: Asked) -> Canned:
        found = _FILENAME.search(asked.body)
        name = found[1].decode() if found else ""
        if self.uploads.get(name):
            return self.uploads[name].pop(0)
        document = self.document(name)
        self._names[document["id"]] = name
        return Canned(202, document)

    def _look(self, document_id: str) -> Canned:
        name = self._names.get(document_id)
        if name is None:
            return self._unknown()
        states = self.lives.get(name, [{"status": "ready", "page_count": 1, "chunk_count": 2}])
        state = states.pop(0) if len(states) > 1 else states[0]
        return Canned(200, self.document(name, **state))

    def _unknown(self) -> Canned:
        return problem(404, "there is no document with this id")

    def _list(self, asked: Asked) -> Canned:
        wanted = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        found = [item for item in self.listed if wanted.get("status") in (None, item["status"])]
        after, limit = wanted.get("after"), int(wanted["limit"])
        start = next((number for number, item in enumerate(found, 1) if item["id"] == after), 0)
        page = found[start : start + limit]
        more = start + limit < len(found)
        return Canned(200, {"items": page, "next": page[-1]["id"] if more else None})


@contextmanager
def running_stub() -> Iterator[ApiStub]:
    """A stub that listens on a port of its own until the context ends."""
    stub = ApiStub()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": stub})) as server:
        stub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    stub: ClassVar[ApiStub]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        canned = self.stub.answer(Asked(self.command, self.path, body))
        content = canned.body if isinstance(canned.body, bytes) else json.dumps(canned.body).encode()
        self.send_response(canned.status)
        self.send_header("Content-Type", canned.content_type)
        self.send_header("Content-Length", str(len(content)))
        for name, value in canned.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
