"""The worker process: fetches announced jobs and ingests their documents."""

from citewell_entrypoints.worker.niceness import be_nice
from citewell_entrypoints.worker.run import run_worker

__all__ = ["be_nice", "run_worker"]
