"""The client's errors in the words of the core."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from citewell.errors import CitewellError, Reason, Transient

__all__ = ["Busy", "LeftAlone", "asked_wait_seconds", "is_unavailable", "passes_by_itself", "translated"]

_PASSING_STATUSES: Final = frozenset({408, 409, 425, 429})
_MESSAGE_CHARACTERS: Final = 300


class LeftAlone(Exception):
    """Not called, since the calls before it failed."""


class Busy(Exception):
    """Not called, since so many calls are under way."""


def is_unavailable(error: Exception) -> bool:
    """Whether the endpoint failed, or was not called. Who is refused for good has had his answer."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _is_passing_status(error)
    return isinstance(error, _kinds()) and not isinstance(error, openai.APIResponseValidationError)


def passes_by_itself(error: Exception) -> bool:
    """Whether the same call may succeed in a moment. An account without credit is not filled by waiting."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _is_passing_status(error) and error.code != "insufficient_quota"
    return isinstance(error, openai.APIConnectionError | TimeoutError | json.JSONDecodeError)


def asked_wait_seconds(error: Exception) -> float | None:
    """What the endpoint asks for by `Retry-After`, in seconds or as a date; None if it does not."""
    import openai

    if not isinstance(error, openai.APIStatusError):
        return None
    headers: Mapping[str, str] = error.response.headers
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000.0
    value = headers.get("retry-after", "")
    seconds = _number(value)
    return seconds if seconds is not None else _seconds_until(value)


@contextmanager
def translated(
    *, host: str, api_key: str, unavailable: type[Transient], rejected: type[CitewellError]
) -> Iterator[None]:
    """Raise `unavailable` or `rejected` for whatever the client raises, without the key."""
    try:
        yield
    except _kinds() as error:
        message = f"{host}: {_said(error)}".replace(api_key or "\0", "***")[:_MESSAGE_CHARACTERS]
        failure = unavailable(message, reason=_reason(error)) if is_unavailable(error) else rejected(message)
        # Tracebacks show the cause, and some endpoints send back the key that they do not know.
        if api_key and api_key in str(error):
            raise failure from None
        raise failure from error


def _kinds() -> tuple[type[Exception], ...]:
    import openai

    return (openai.OpenAIError, TimeoutError, json.JSONDecodeError, LeftAlone, Busy)


def _is_passing_status(error: Exception) -> bool:
    status = getattr(error, "status_code", 0)
    return status in _PASSING_STATUSES or status >= 500


def _reason(error: Exception) -> Reason:
    import openai

    if isinstance(error, LeftAlone):
        return Reason.CIRCUIT_OPEN
    if isinstance(error, Busy):
        return Reason.BUSY
    is_late = isinstance(error, TimeoutError | openai.APITimeoutError)
    return Reason.TIMEOUT if is_late else Reason.UNAVAILABLE


def _said(error: Exception) -> str:
    import openai

    if isinstance(error, openai.APIStatusError):
        said = error.body.get("message") if isinstance(error.body, dict) else None
        return f"status {error.status_code}: {said or error.response.reason_phrase or 'no reason given'}"
    if type(error.__cause__).__name__ == "ConnectTimeout":  # of the client's own client, not to be imported
        return "no connection in time"
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return "no reply in time"
    if isinstance(error, json.JSONDecodeError):
        return "the reply is not JSON"
    if isinstance(error, openai.APIConnectionError):
        return f"no connection: {error.__cause__ or error}"
    return str(error)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0.0 <= number < float("inf") else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
