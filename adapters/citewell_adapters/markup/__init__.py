"""HTML, DOCX and EPUB by the standard library. Their readers are for processes made for reading files."""

from citewell_adapters.markup.containers import DOCX, EPUB, detect_container
from citewell_adapters.markup.html.detection import HTML, detect_html

__all__ = ["DOCX", "EPUB", "HTML", "detect_container", "detect_html"]
