"""The port of the API."""

from __future__ import annotations

from collections.abc import Iterator

from citewell_entrypoints.cli.checks.finding import Finding, fail, ok, warn
from citewell_entrypoints.client import Address, Api, ClientError
from citewell_entrypoints.client.errors import NoServer
from citewell_entrypoints.client.values import Readiness
from citewell_entrypoints.settings import Settings
from citewell_entrypoints.supervisor.address import Address as ListeningAddress
from citewell_entrypoints.supervisor.errors import SupervisorError

__all__ = ["check_port"]


def check_port(settings: Settings) -> Iterator[Finding]:
    """Whether a Citewell answers there, or one could."""
    address = Address.listening(settings.host, settings.port)
    api = Api(address)
    try:
        api.is_alive()
        readiness = api.readiness()
    except NoServer:
        yield _free(settings)
    except ClientError as error:
        yield fail(
            "port",
            f"something other than a Citewell answers at {address}: {error}",
            mend="stop it, or choose another port with APP_PORT",
        )
    else:
        yield _answering(address, readiness)


def _answering(address: Address, readiness: Readiness) -> Finding:
    if readiness.status == "ready":
        return ok("port", f"a Citewell answers at {address}, and is ready")
    how = "serves without" if readiness.serves else "is not ready for want of"
    parts = " and ".join(readiness.away) or "its parts"
    return warn("port", f"a Citewell answers at {address}, and {how} {parts}", mend="run `citewell status`")


def _free(settings: Settings) -> Finding:
    try:
        ListeningAddress(settings.host, settings.port).check_free()
    except SupervisorError as error:
        problem, _, mend = str(error).partition(": ")
        return fail("port", problem, mend=mend or "choose another with APP_PORT")
    return ok("port", f"{settings.port} on {settings.host} is free; `citewell serve` would answer there")
