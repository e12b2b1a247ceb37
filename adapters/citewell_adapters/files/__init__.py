"""What is kept in plain files."""

from citewell_adapters.files.images import FileImageCache

__all__ = ["FileImageCache"]
