"""HTML, by the standard library."""
