"""PDF by PyMuPDF. Importing this package does not import PyMuPDF: the process that reads a file does."""

from typing import Final

from citewell_adapters.pymupdf.detection import PDF, detect_pdf

__all__ = ["PDF", "PDF_DRAWER", "PDF_READER", "PDF_UNLOCKER", "detect_pdf", "drawing_version"]

#: The page reader, by name, for a process that is made for reading files.
PDF_READER: Final = "citewell_adapters.pymupdf.reader:read_pages"
#: What unlocks encrypted files, by name, for a process that is made for it.
PDF_UNLOCKER: Final = "citewell_adapters.pymupdf.unlocking:unlock"
#: What draws pages, by name, for a process that is made for it.
PDF_DRAWER: Final = "citewell_adapters.pymupdf.drawing:draw_page"
#: To be counted on whenever `drawing` or what marks pages draws otherwise.
_DRAWING: Final = 1


def drawing_version() -> str:
    """Another one whenever pages may look different."""
    # Only here: it would cost each reader of files 2 MB.
    from importlib.metadata import version

    return f"{_DRAWING}, PyMuPDF {version('pymupdf')}"
