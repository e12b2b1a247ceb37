"""Starts PostgreSQL, Valkey, workers and the API as children of one process, and lets none outlive it."""

from citewell_entrypoints.supervisor.errors import SupervisorError
from citewell_entrypoints.supervisor.parent import die_with, exit_with_parent
from citewell_entrypoints.supervisor.plan import Plan
from citewell_entrypoints.supervisor.supervisor import supervise

__all__ = ["Plan", "SupervisorError", "die_with", "exit_with_parent", "supervise"]
