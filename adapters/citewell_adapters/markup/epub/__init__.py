"""EPUB: the chapters are HTML in a zip archive."""
