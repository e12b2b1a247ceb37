"""The worker process: fetches announced jobs and ingests their documents."""

from citewell_entrypoints.worker.run import run_worker

__all__ = ["run_worker"]
