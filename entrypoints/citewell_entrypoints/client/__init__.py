"""A client of the HTTP API on the standard library."""

from citewell_entrypoints.client.address import Address
from citewell_entrypoints.client.api import Api
from citewell_entrypoints.client.errors import ClientError
from citewell_entrypoints.client.ingestion import ingest
from citewell_entrypoints.client.values import RemoteDocument

__all__ = ["Address", "Api", "ClientError", "RemoteDocument", "ingest"]
