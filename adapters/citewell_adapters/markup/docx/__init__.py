"""DOCX, by zipfile and expat."""
