"""PDF by PyMuPDF. Importing this package does not import PyMuPDF: the process that reads a file does."""

from typing import Final

from citewell_adapters.pymupdf.detection import PDF, detect_pdf

__all__ = ["PDF", "PDF_READER", "PDF_UNLOCKER", "detect_pdf"]

#: The page reader, by name, for a process that is made for reading files.
PDF_READER: Final = "citewell_adapters.pymupdf.reader:read_pages"
#: What unlocks encrypted files, by name, for a process that is made for it.
PDF_UNLOCKER: Final = "citewell_adapters.pymupdf.unlocking:unlock"
