"""What the vendor's errors mean to the core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from citewell.errors import InvalidInput, StoreUnavailable

__all__ = ["translated", "translated_input"]

#: Not operational by their class, but they pass: a standby that is being promoted, a transaction that
#: idled for too long.
_PASSING = (errors.ReadOnlySqlTransaction, errors.IdleInTransactionSessionTimeout)

#: Operational by their class, but they never pass: a limit of PostgreSQL itself.
_PROGRAM_LIMIT_EXCEEDED = "54"


@contextmanager
def translated() -> Iterator[None]:
    """Raises StoreUnavailable for whatever a later try may not meet; defects in our SQL pass as they are."""
    try:
        yield
    except psycopg.OperationalError as error:
        if (error.sqlstate or "").startswith(_PROGRAM_LIMIT_EXCEEDED):
            raise
        raise _unavailable(error) from error
    except _PASSING as error:
        raise _unavailable(error) from error


@contextmanager
def translated_input() -> Iterator[None]:
    """Raises InvalidInput for values that PostgreSQL cannot hold, like a NUL in a text."""
    try:
        yield
    except (psycopg.DataError, UnicodeEncodeError) as error:
        raise InvalidInput(f"the database cannot hold this: {_first_line(error)}") from error


def _unavailable(error: psycopg.Error) -> StoreUnavailable:
    return StoreUnavailable(f"the database does not answer: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
