"""BlobStore on files or S3-compatible storage, through obstore."""

from citewell_adapters.obstore.blobs import ObjectBlobStore

__all__ = ["ObjectBlobStore"]
