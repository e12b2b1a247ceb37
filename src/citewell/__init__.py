"""Citewell's core: values, ports, algorithms and use cases of retrieval with exact citations.

The core imports the standard library alone. Adapters for real technologies live in `citewell_adapters`.
"""
