"""What every log line of a job's work says besides its event."""

from __future__ import annotations

import structlog.contextvars

from citewell.model import Lease

__all__ = ["mark_log_lines"]


def mark_log_lines(lease: Lease) -> None:
    """Binds the ids, that of the upload's request among them, in the running task's context."""
    structlog.contextvars.bind_contextvars(
        request_id=lease.request_id,
        job_id=str(lease.job_id),
        document_id=str(lease.document_id),
        attempt=lease.attempt,
    )
