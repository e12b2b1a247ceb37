"""A streamed chat completion, read from its bytes.

The client would make objects of each piece, with all that it may ever hold: half of all that a piece costs.
"""

from __future__ import annotations

import json
from typing import Any, Final

from citewell.model import Delta, TokenUsage

__all__ = ["ChatEvents", "ToldError"]

_DONE: Final = b"[DONE]"
_DATA: Final = b"data:"
#: Of one event that has not ended yet; a piece has some hundred.
_MOST_BYTES: Final = 1 << 20


class ToldError(Exception):
    """The reply told an error instead of going on. body: what it told."""

    def __init__(self, message: str, body: object = None) -> None:
        super().__init__(message)
        self.body = body


class ChatEvents:
    """Takes server-sent events as they arrive, in any cut, and gives what they say."""

    def __init__(self) -> None:
        self._line = b""
        self._data: list[bytes] = []
        #: Whether the reply has said that it is over.
        self.is_done = False

    def feed(self, received: bytes) -> Delta | None:
        """All that is said in what has arrived, as one piece; None if nothing is.

        Raises ToldError, and JSONDecodeError.
        """
        lines = (self._line + received).splitlines(keepends=True)
        # Behind a carriage return a line feed may be yet to come.
        self._line = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if len(self._line) + sum(map(len, self._data)) > _MOST_BYTES:
            raise ToldError("the reply has an event without an end")
        return self._said(lines)

    def end(self) -> Delta | None:
        """What is left when nothing more arrives. Raises as `feed`."""
        line, self._line = self._line, b""
        return self._said([line, b"\n"])

    def _said(self, lines: list[bytes]) -> Delta | None:
        texts, usage = list[str](), None
        for line in lines:
            line = line.rstrip(b"\r\n")
            if line.startswith(_DATA):
                self._data.append(line[len(_DATA) :].removeprefix(b" "))
            elif not line and self._data and not self.is_done:
                data = b"\n".join(self._data)
                self._data.clear()
                if data.startswith(_DONE):
                    self.is_done = True
                    break
                chunk = _chunk(data)
                texts.append(_text(chunk))
                usage = _usage(chunk) or usage
        text = "".join(texts)
        return Delta(text, usage) if text or usage else None


def _chunk(data: bytes) -> dict[str, Any]:
    chunk = json.loads(data.decode(errors="replace"))
    if not isinstance(chunk, dict):
        raise ToldError("the reply has an event that is no object")
    if error := chunk.get("error"):
        message = error.get("message") if isinstance(error, dict) else error
        raise ToldError(message if isinstance(message, str) else "the reply broke off", error)
    return chunk


def _text(chunk: dict[str, Any]) -> str:
    try:
        text = chunk["choices"][0]["delta"]["content"]
    except (IndexError, KeyError, TypeError):
        return ""
    return text if isinstance(text, str) else ""


def _usage(chunk: dict[str, Any]) -> TokenUsage | None:
    """What the reply cost, if this chunk tells; some servers tell it in every one, some never."""
    told = chunk.get("usage")
    if not isinstance(told, dict):
        return None
    prompt, completion = told.get("prompt_tokens"), told.get("completion_tokens")
    if isinstance(prompt, int) and isinstance(completion, int):
        return TokenUsage(prompt, completion)
    return None
